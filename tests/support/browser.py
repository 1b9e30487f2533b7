"""A real browser without a window, spoken to by its own protocol (DevTools)."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import attrs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Browser", "Tab", "find_browser"]

_PATIENCE: Final = 40.0
_OPTIONS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-port=0"),
)


def find_browser() -> str | None:
    """Return the program, where there is one."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)


@attrs.define
class Tab:
    """A page that is open."""

    _socket: aiohttp.ClientWebSocketResponse
    _session: str
    _number: int = 0
    events: list[dict[str, Any]] = attrs.field(factory=list)
    """What the browser has told, of all that was asked to be told."""

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Have the browser do something, and return its answer."""
        self._number += 1
        await self._socket.send_json(
            {
                "id": self._number,
                "method": method,
                "params": params,
                "sessionId": self._session,
            }
        )
        while True:
            told = await self._hear()
            if told.get("id") == self._number:
                assert "error" not in told, told
                result: dict[str, Any] = told["result"]
                return result

    async def _hear(self) -> dict[str, Any]:
        told: dict[str, Any] = await self._socket.receive_json(timeout=_PATIENCE)
        if "method" in told:
            self.events.append(told)
        return told

    async def show(self, url: str) -> None:
        """Open a page, and wait until it is loaded."""
        for domain in ("Page", "Network", "Log", "Runtime"):
            await self.call(f"{domain}.enable")
        self.events.clear()
        await self.call("Page.navigate", url=url)
        await self.wait_for("Page.loadEventFired")

    async def wait_for(self, method: str) -> dict[str, Any]:
        """Wait until the browser has told something of a kind, and return the first."""
        while not self.told(method):
            await self._hear()
        return self.told(method)[0]

    def told(self, method: str) -> list[dict[str, Any]]:
        """Return what the browser has told of one kind."""
        return [event["params"] for event in self.events if event["method"] == method]

    async def width(self, pixels: int, height: int = 900) -> None:
        """Show the page at another width, as a phone of that width does below 600."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=pixels,
            height=height,
            deviceScaleFactor=1,
            mobile=pixels < 600,
        )

    async def scheme(self, name: str) -> None:
        """Show the page ``light`` or ``dark``."""
        await self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": name}],
        )

    async def find(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript in the page."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def picture(self) -> bytes:
        """Take a picture of the whole page, as PNG."""
        answer = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(answer["data"])


@attrs.frozen
class Browser:
    """A browser that runs."""

    _socket: aiohttp.ClientWebSocketResponse

    @classmethod
    @asynccontextmanager
    async def running(cls, program: str) -> AsyncIterator[Tab]:
        """Start a browser, and give an empty page of it."""
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            process = await asyncio.create_subprocess_exec(
                program,
                *_OPTIONS,
                f"--user-data-dir={folder}",
                "about:blank",
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env={**os.environ, "HOME": folder},
            )
            try:
                async with aiohttp.ClientSession() as session:
                    address = await _address(Path(folder), process)
                    async with session.ws_connect(address, max_msg_size=0) as socket:
                        yield await cls(socket)._tab()
            finally:
                if process.returncode is None:
                    process.kill()
                await process.wait()

    async def _tab(self) -> Tab:
        await self._socket.send_json(
            {"id": 1, "method": "Target.createTarget", "params": {"url": "about:blank"}}
        )
        target = (await self._answer(1))["targetId"]
        await self._socket.send_json(
            {
                "id": 2,
                "method": "Target.attachToTarget",
                "params": {"targetId": target, "flatten": True},
            }
        )
        return Tab(self._socket, (await self._answer(2))["sessionId"])

    async def _answer(self, number: int) -> dict[str, Any]:
        while True:
            told: dict[str, Any] = await self._socket.receive_json(timeout=_PATIENCE)
            if told.get("id") == number:
                result: dict[str, Any] = told["result"]
                return result


async def _address(folder: Path, process: asyncio.subprocess.Process) -> str:
    """Wait until the browser has said where it listens."""
    told = folder / "DevToolsActivePort"
    async with asyncio.timeout(_PATIENCE):
        while True:
            assert process.returncode is None, "the browser has ended"
            lines = told.read_text().splitlines() if told.exists() else []
            if len(lines) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            await asyncio.sleep(0.05)
