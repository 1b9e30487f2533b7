"""Lines on what could not be read of the service's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from multidict import CIMultiDict

from tagodev._transport import Answer
from tests.support.clients import TOKEN
from tests.support.exchanges import exchanging

if TYPE_CHECKING:
    from tagodev._transport import Request
    from tests.cli.support import Done, InProcess


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give commands a token."""
    monkeypatch.setenv("TAGOIO_TOKEN", TOKEN)


def run(in_process: InProcess, devices: Any, *command: str) -> Done:
    """Run a command against a service with these devices."""

    async def exchange(request: Request) -> Answer:
        is_asked = request.route.name in ("GET /device", "GET /device/:device_id")
        result: Any = devices if is_asked else []
        return Answer(200, orjson.dumps({"status": True, "result": result}), CIMultiDict())

    with exchanging(exchange):
        return in_process(*command, "--api", "http://127.0.0.1:9", "--plan", "scale")


def test_a_value_is_named_once(in_process: InProcess) -> None:
    """One line names the device and the field; the list is printed all the same."""
    ids = [f"{n:024x}" for n in range(5)]
    devices = [{"id": one, "name": "x", "tags": [None] if one == ids[3] else []} for one in ids]
    done = run(in_process, devices, "device", "list")

    assert 0 == done.code
    assert all(one in done.out for one in ids)
    (line,) = done.err.splitlines()
    assert f"Device {3:024x}" in line
    assert "tags[0]" in line


def test_many_are_counted(in_process: InProcess) -> None:
    """Three lines, and the number of the others at the end."""
    devices = [{"id": f"{n:024x}", "name": "x", "active": "maybe"} for n in range(500)]
    done = run(in_process, devices, "device", "list")

    assert 0 == done.code
    *shown, last = done.err.splitlines()
    assert 3 == len(shown)
    assert "497 more" in last


def test_an_item_is_named_and_its_text_is_harmless(in_process: InProcess) -> None:
    """A skipped item is named by its name, without control characters."""
    devices = [{"id": {}, "name": "a\x1b[2J"}, {"id": "b", "name": "b"}]
    done = run(in_process, devices, "device", "list", "--json")

    assert 0 == done.code
    assert "b" in done.out
    assert "\x1b" not in done.err
    assert "skipped" in done.err


def test_one_device_says_which_field(in_process: InProcess) -> None:
    """What is shown of a device is complete but for the field that the line names."""
    device = {"id": "a" * 24, "name": "x", "created_at": "1 month"}
    done = run(in_process, device, "device", "info", "a" * 24)

    assert 0 == done.code
    assert "created_at: expected a date, got text" in done.err
    assert "a" * 24 in done.out
