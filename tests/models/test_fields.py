"""Tags, parameters, and the validators that models share."""

from __future__ import annotations

from typing import Any

import pytest

from tagodev import UNSET, ConfigurationParameter, InputError, Tag
from tagodev.models.fields import as_parameter_value, as_tuple
from tagodev.serde import to_wire


@pytest.mark.parametrize("cls", [Tag, ConfigurationParameter])
@pytest.mark.parametrize("key", ["", " ", None, 5])
def test_keys_are_text(cls: Any, key: object) -> None:
    """A key is never empty."""
    with pytest.raises(InputError) as caught:
        cls(key, "v")

    assert "key" == caught.value.path


def test_tag_values_are_text_and_may_be_empty() -> None:
    """A tag's value is not converted."""
    assert "" == Tag("k", "").value
    with pytest.raises(InputError) as caught:
        Tag("k", 5)  # type: ignore[arg-type]

    assert "value" == caught.value.path


@pytest.mark.parametrize(
    ("expected", "value"),
    [("600", 600), ("1.5", 1.5), ("true", True), ("false", False), ("x", "x"), ("", "")],
)
def test_parameter_values_are_written_as_the_service_keeps_them(expected: str, value: Any) -> None:
    """Numbers and flags become the text that the service would show."""
    assert expected == as_parameter_value(value)
    assert expected == ConfigurationParameter("k", value).value


@pytest.mark.parametrize("sent", [1, "true", None])
def test_sent_is_a_flag(sent: Any) -> None:
    """Whether a device has read a parameter is true or false."""
    with pytest.raises(InputError) as caught:
        ConfigurationParameter("k", "v", sent=sent)

    assert "sent" == caught.value.path


def test_a_new_parameter_has_no_id_on_the_wire() -> None:
    """An id would edit a parameter instead of adding one."""
    expected = {"key": "k", "value": "v", "sent": False}

    assert expected == to_wire(ConfigurationParameter("k", "v"))
    assert {**expected, "id": "i"} == to_wire(ConfigurationParameter("k", "v", id="i"))


def test_as_tuple_takes_any_iterable() -> None:
    """Generators are read once; what is left out stays so."""
    assert (1, 2) == as_tuple(n for n in (1, 2))
    assert () == as_tuple([])
    assert UNSET is as_tuple(UNSET)
