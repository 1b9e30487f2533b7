"""A device to send data to, and to read them from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest

from tests.emulator.support import result

if TYPE_CHECKING:
    from aiohttp import ClientSession


@attrs.frozen
class Bench:
    """A device to talk to, in both ways."""

    http: ClientSession
    """With the profile's token."""
    device: ClientSession
    """With the device's token."""
    id: str
    """The device's id."""
    analysis: dict[str, str]
    """Headers with an analysis's token."""

    async def send(self, *points: dict[str, Any]) -> list[dict[str, Any]]:
        """Send registers, and return all there are, the oldest first."""
        assert f"{len(points)} Data Added" == await result(
            await self.device.post("/data", json=points)
        )
        found: list[dict[str, Any]] = await self.read("ordination=ascending&qty=10000")
        return found

    async def read(self, query: str = "") -> Any:
        """Return what a query of data answers."""
        return await result(await self.device.get(f"/data?{query}"))


def of_type(
    kind: str, period: str = "month", retention: int = 2, **fields: Any
) -> pytest.MarkDecorator:
    """Parametrise the device of a test."""
    chunks = {"chunk_period": period, "chunk_retention": retention}
    return pytest.mark.parametrize("bench", [{"type": kind, **chunks, **fields}], indirect=True)
