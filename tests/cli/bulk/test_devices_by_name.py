"""Devices that are named on a command line, done one after the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest

from tagodev import (
    AuthenticationError,
    BadRequestError,
    ConnectError,
    Device,
    NotFoundError,
    PermissionDeniedError,
    TagoError,
)
from tagodev._cli.bulk.by_filter import run_each
from tagodev._cli.exit_codes import Exit

if TYPE_CHECKING:
    from tagodev._cli.options.service import ServiceOptions

NAMES = ("a", "b", "c")


class Service:
    """A service that nothing is asked of."""

    def run(self, work: Any) -> Any:
        """Do the work."""
        return asyncio.run(work(None))


def each(*names: str, failing: TagoError, tried: list[str]) -> int:
    """Do something to devices, where ``b`` fails and ``c`` is so already; note which were tried."""

    async def work(_: Any, device: Device) -> bool:
        tried.append(device.name)
        if device.name == "b":
            raise failing
        return device.name != "c"

    devices = [Device(id=f"id-{name}", name=name) for name in names]
    service = cast("ServiceOptions", Service())
    return run_each(service, devices, "edited", work, json=True)


@pytest.mark.parametrize(
    "error",
    [NotFoundError("No", status=404), BadRequestError("No", status=400), ConnectError("No")],
)
def test_one_of_several_fails(error: TagoError, capsys: pytest.CaptureFixture[str]) -> None:
    """6: it is reported, and the others are done; a device alone that fails is an error."""
    tried: list[str] = []
    assert Exit.PARTIAL == each(*NAMES, failing=error, tried=tried)
    assert ["a", "b", "c"] == tried
    assert {
        "edited": [{"id": "id-a", "name": "a"}],
        "unchanged": [{"id": "id-c", "name": "c"}],
        "failed": [{"id": "id-b", "name": "b", "error": str(error)}],
    } == orjson.loads(capsys.readouterr().out)
    with pytest.raises(type(error)):
        each("b", failing=error, tried=tried)
    assert Exit.OK == each("a", "c", failing=error, tried=tried)


@pytest.mark.parametrize(
    "error", [AuthenticationError("No", status=401), PermissionDeniedError("No", status=403)]
)
def test_a_token_that_may_not_ends_it(error: TagoError) -> None:
    """What the token may not do with one device it may do with none: no further one is tried."""
    tried: list[str] = []
    with pytest.raises(type(error)):
        each(*NAMES, failing=error, tried=tried)

    assert ["a", "b"] == tried
