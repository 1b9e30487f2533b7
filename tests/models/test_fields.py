"""Tags, parameters, and the validators that models share."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from tagodev import UNSET, ConfigurationParameter, InputError, Tag
from tagodev._models.fields import as_moment, as_parameter_value, as_tuple
from tagodev._serialization.converter import from_wire, to_wire

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize("cls", [Tag, ConfigurationParameter])
@pytest.mark.parametrize("key", [None, 5, b"x"])
def test_keys_are_text(cls: Any, key: object) -> None:
    """A key is never made of something else."""
    with pytest.raises(InputError) as caught:
        cls(key, "v")

    assert "key" == caught.value.path


@pytest.mark.parametrize("cls", [Tag, ConfigurationParameter])
@pytest.mark.parametrize("key", ["", " "])
def test_blank_keys_can_be_read(cls: Any, key: str) -> None:
    """What the service holds already is shown as it is; only what is sent is checked."""
    assert key == from_wire({"key": key, "value": "v"}, cls).key


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


def test_parameters_are_values() -> None:
    """A parameter can stand in a set, also one that came with fields that are not known."""
    read = from_wire({"key": "k", "value": "v", "new": {"a": []}}, ConfigurationParameter)

    assert {read} == {attrs.evolve(read)}
    assert {"new": {"a": []}} == read.extra
    assert "new" not in repr(read)


@pytest.fixture(params=["UTC0", "<+0545>-5:45"])
def _zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this machine be in a zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_zone")
@pytest.mark.parametrize(
    "given_",
    [
        datetime(2030, 1, 1, 12, tzinfo=UTC),
        datetime(2030, 1, 1, 12),  # noqa: DTZ001  (that is what is tested)
        datetime(2030, 1, 1, 12, 0, 0, 999, tzinfo=UTC),
        datetime(2030, 1, 1, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        "2030-01-01T12:00:00Z",
        "2030-01-01T12:00:00.000Z",
        "2030-01-01 12:00",
        "2030-01-01T10:00-02:00",
    ],
)
def test_moments_have_one_form(given_: Any) -> None:
    """However and wherever it is given, it is in UTC and as exact as the service writes it."""
    found: Any = as_moment(given_)

    assert datetime(2030, 1, 1, 12, tzinfo=UTC) == found
    assert found.tzinfo is UTC


@pytest.mark.parametrize("given_", ["1 day", "", "soon", None, 5, UNSET])
def test_what_is_no_moment_stays(given_: Any) -> None:
    """Words are the service's to understand, and the rest is refused by those who check."""
    assert given_ is as_moment(given_)


def test_moments_that_utc_has_no_form_for_stay() -> None:
    """Nothing but an `InputError` comes of a moment at the very end of time."""
    late = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))

    assert late is as_moment(late)
