"""The emulator as a process of its own.

In one process client and server share an event loop, and each one's work would count as the other's
latency; a benchmark, or a test that drives a blocking client, wants two.
The child must never outlive its parent, not even one that was killed: it reads its standard input,
whose other end only the parent holds, and stops when that end is gone.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import orjson

from tagodev.emulator.options import EmulatorOptions

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["EmulatorProcess"]

#: Seconds a child gets to stop by itself.
_PATIENCE: Final = 5.0
#: Where the package lies: the child must find it wherever it is started.
_ROOT: Final = Path(__file__).resolve().parents[2]


class EmulatorProcess:
    """The TagoIO device service on 127.0.0.1, in an operating-system process of its own.

    A context manager, ``with`` and ``async with`` alike; leaving it ends the process in every case.

    Args:
        options: how it behaves; None for the defaults.
    """

    def __init__(self, options: EmulatorOptions | None = None) -> None:
        self.options: Final = options or EmulatorOptions()
        self._child: subprocess.Popen[bytes] | None = None
        self._url = ""
        self._token = ""

    @property
    def url(self) -> str:
        """The base address, without a trailing slash; empty before the process was started."""
        return self._url

    @property
    def token(self) -> str:
        """The profile token to use: made up, so it may be printed."""
        return self._token

    @property
    def pid(self) -> int | None:
        """The id of the process, None when it is not running."""
        return None if self._child is None else self._child.pid

    def start(self) -> None:
        """Start the process and wait until it listens.

        Raises:
            RuntimeError: it is running already, or it ended before it listened; what it said is
                on standard error.
        """
        if self._child is not None:
            raise RuntimeError("this emulator is running already")
        paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
        self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "tagodev.emulator", self.options.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            # Ctrl-C in the terminal is for the parent, whose client still wants its answers.
            start_new_session=True,
        )
        try:
            assert self._child.stdout is not None
            line = self._child.stdout.readline()
            if not line:
                code = self._child.wait(_PATIENCE)
                msg = f"the emulator's process ended with code {code} before it listened"
                raise RuntimeError(msg)
            ready = orjson.loads(line)
        except BaseException:
            self.stop()
            raise
        self._url, self._token = ready["url"], ready["token"]

    def stop(self) -> None:
        """End the process, if it is running, and wait until it is gone."""
        child, self._child = self._child, None
        if child is None:
            return
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.close()
            child.wait(_PATIENCE)
        finally:
            # Nothing to a process that has ended.
            child.kill()
            child.wait()
            child.stdout.close()

    def stats(self) -> dict[str, Any]:
        """Return what `Emulator.stats` would, by a short blocking request.

        Raises:
            OSError: the process is not running.
        """
        connection = http.client.HTTPConnection(urlsplit(self._url).netloc, timeout=_PATIENCE)
        try:
            connection.request("GET", "/_emulator/stats")
            stats: dict[str, Any] = orjson.loads(connection.getresponse().read())
        finally:
            connection.close()
        return stats

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)
