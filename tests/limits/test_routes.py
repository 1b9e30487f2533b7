"""Routes and their paths."""

from __future__ import annotations

from typing import Any

import pytest

from tagodev._limits.routes import Route
from tagodev.errors import InputError

PARAMETER = Route("DELETE", "/device/:device_id/params/:param_id")


def test_a_route_is_named_as_the_table_names_it() -> None:
    """By method and template, unless the table has another name for its counter."""
    assert "DELETE /device/:device_id/params/:param_id" == PARAMETER.name
    assert (
        "GET /data?query=aggregate"
        == Route("GET", "/d", counted_as="GET /data?query=aggregate").name
    )


def test_placeholders_are_filled_from_left_to_right() -> None:
    """A path without placeholders is the template itself."""
    assert "/device/a-1/params/B_2" == PARAMETER.path("a-1", "B_2")
    assert "/device" == Route("POST", "/device").path()
    assert f"/device/{'x' * 128}/params/b" == PARAMETER.path("x" * 128, "b")


@pytest.mark.parametrize("value", ["", "..", "a/b", "a b", "a?x", "é", "a\n", "x" * 129, 7, None])
@pytest.mark.parametrize(
    ("path", "before", "after"), [("device_id", (), ("b",)), ("param_id", ("a",), ())]
)
def test_what_would_lead_elsewhere_is_refused(
    value: Any, path: str, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    """The error names the placeholder, and does not repeat what may be a token."""
    with pytest.raises(InputError) as caught:
        PARAMETER.path(*before, value, *after)

    assert path == caught.value.path
    assert "must be 1 to 128" in caught.value.message
    frame = caught.tb.tb_next
    assert frame is not None
    assert not {"value", "values"} & set(frame.tb_frame.f_locals)


def test_of_several_the_first_is_named() -> None:
    """One problem at a time."""
    with pytest.raises(InputError) as caught:
        PARAMETER.path("", "")

    assert "device_id" == caught.value.path


@pytest.mark.parametrize(
    ("template", "counted_as", "path", "device"),
    [
        ("/device/:device_id/data", "POST /data", "/device/abc/data?x=1", "abc"),
        ("/data", "", "/data", ""),
        ("/device/:device_id/params", "", "/device/abc/params", ""),
    ],
)
def test_devices_of_soft_limits(template: str, counted_as: str, path: str, device: str) -> None:
    """A device is found where the table says that a soft limit may limit it alone."""
    assert device == Route("POST", template, counted_as=counted_as).device(path)
