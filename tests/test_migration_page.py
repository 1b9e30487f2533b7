"""The page for those who come from the official SDK names calls that are there, on both sides."""

from __future__ import annotations

import functools
import re
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, get_type_hints

import pytest
from tagoio_sdk import Device, Resources

from tagodev import Tago, TagoDevice

PAGE: Final = (Path(__file__).parent.parent / "docs" / "migration.md").read_text("utf-8")
OF_PROFILE, OF_DEVICE = (
    [
        (theirs, ours)
        for theirs, cell in re.findall(r"(?m)^\| `([\w.]+)` \| (`.*`) \|$", table)
        for ours in re.findall(r"`([\w.]+)`", cell)
    ]
    for table in PAGE.split("| official SDK: `")[1:]
)


def member(cls: Any, path: str) -> Any:
    """Return what stands at the end of a path from a client's class."""
    for name in path.split("."):
        found = getattr(cls, name)
        if isinstance(found, functools.cached_property):
            found = get_type_hints(found.func)["return"]
        cls = found
    return cls


@pytest.mark.parametrize(("theirs", "ours"), OF_PROFILE)
def test_calls_of_a_profile(theirs: str, ours: str) -> None:
    """Both clients have the call."""
    resources: Any = Resources({"token": "p-x", "region": "us-e1"})

    assert callable(attrgetter(theirs)(resources))
    assert callable(member(Tago, ours))


@pytest.mark.parametrize(("theirs", "ours"), OF_DEVICE)
def test_calls_of_a_device(theirs: str, ours: str) -> None:
    """Both clients have the call."""
    assert callable(attrgetter(theirs)(Device))
    assert callable(member(TagoDevice, ours))


def test_every_call_on_devices_is_there() -> None:
    """Whoever used the SDK for devices finds each of its calls on the page."""
    resources: Any = Resources({"token": "p-x", "region": "us-e1"})
    calls = {
        f"devices.{name}"
        for name in vars(type(resources.devices))
        if callable(getattr(resources.devices, name)) and not name.startswith("_")
    }

    assert calls == {theirs for theirs, _ in OF_PROFILE if theirs.startswith("devices.")}
