"""The emulator in a separate process.

In a single process client and server share an event loop, and the work of each counts as latency of
the other; benchmarks, and tests of a blocking client, need two.
The child must never outlive its parent, even a killed one: it reads its standard input, whose other
end only the parent holds, and stops when that end closes.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, cast
from urllib.parse import urlsplit

import orjson

from tagodev.emulator._options import EmulatorOptions

if TYPE_CHECKING:
    from tagodev.emulator._model.access_tokens import TokenKind
    from tagodev.hard_limits import Plan

__all__ = ["EmulatorProcess"]

#: Timeout for an answer of the child, and for its end, in seconds.
_TIMEOUT: Final = 5.0
#: The same if it has a state file to write.
_STATE_TIMEOUT: Final = 60.0
#: Folder of the package, for the child's import path.
_ROOT: Final = Path(__file__).resolve().parents[2]


class EmulatorProcess:
    """The TagoIO device service on 127.0.0.1, in a separate operating-system process.

    A context manager for both ``with`` and ``async with``; leaving it always ends the process.

    Args:
        options: behaviour of the emulator; None for the defaults.

    Raises:
        TypeError: the options are not `EmulatorOptions`.
    """

    def __init__(self, options: EmulatorOptions | None = None) -> None:
        if options is not None and not isinstance(options, EmulatorOptions):
            raise TypeError(f"options must be EmulatorOptions, not {type(options).__name__}")
        self.options: Final = options or EmulatorOptions()
        self._timeout = _TIMEOUT if self.options.state is None else _STATE_TIMEOUT
        self._child: subprocess.Popen[bytes] | None = None
        self._url = ""
        self._token = ""

    @property
    def url(self) -> str:
        """The base address, without a trailing slash; empty before the start."""
        return self._url

    @property
    def token(self) -> str:
        """The profile token to use. It is not a real one, so it may be printed."""
        return self._token

    @property
    def tokens_by_kind(self) -> dict[TokenKind, str]:
        """Same as `Emulator.tokens_by_kind`, with a short blocking request.

        Raises:
            OSError: the process is not running.
        """
        return cast("dict[TokenKind, str]", self._control("GET", "tokens"))

    @property
    def pid(self) -> int | None:
        """The id of the process; None if it is not running."""
        return None if self._child is None else self._child.pid

    def start(self) -> None:
        """Start the process and wait until it listens.

        Raises:
            RuntimeError: it is running already, or it ended before it listened; its error output is
                on standard error.
        """
        if self._child is not None:
            raise RuntimeError("this emulator is already running")
        paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
        self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "tagodev.emulator", self.options.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            # Ctrl-C in the terminal must reach the parent only: its client waits for answers.
            start_new_session=True,
        )
        try:
            assert self._child.stdout is not None
            line = self._child.stdout.readline()
            if not line:
                code = self._child.wait(_TIMEOUT)
                msg = f"the emulator's process ended with code {code} before it listened"
                raise RuntimeError(msg)
            ready = orjson.loads(line)
        except BaseException:
            self.stop()
            raise
        self._url, self._token = ready["url"], ready["token"]

    def stop(self) -> None:
        """End the process, if it is running, and wait for its end."""
        child, self._child = self._child, None
        if child is None:
            return
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.close()
            child.wait(self._timeout)
        finally:
            # No effect on a process that has ended.
            child.kill()
            child.wait()
            child.stdout.close()

    def stats(self) -> dict[str, Any]:
        """Do what `Emulator.stats` does, with a short blocking request.

        Raises:
            OSError: the process is not running.
        """
        return self._control("GET", "stats")

    def reset(self, token: str | None = None) -> None:
        """Do what `Emulator.reset` does, with a short blocking request.

        Args:
            token: the new profile token; by default it stays.

        Raises:
            ValueError: the token is invalid.
            OSError: the process is not running.
        """
        self._control("POST", "reset", {"token": token})
        self._token = token or self._token

    def change_plan(self, plan: Plan) -> None:
        """Do what `Emulator.change_plan` does, with a short blocking request.

        Args:
            plan: free, starter or scale.

        Raises:
            ValueError: the plan is unknown.
            OSError: the process is not running.
        """
        self._control("POST", "plan", {"plan": plan})

    def save(self) -> None:
        """Do what `Emulator.save` does, with a blocking request.

        Raises:
            ValueError: there is no state file.
            OSError: it can't be written, or the process is not running.
        """
        self._control("POST", "save")

    def _control(self, method: str, what: str, body: Any = None) -> dict[str, Any]:
        if self._child is None:
            raise ConnectionError("this emulator is not running")
        connection = http.client.HTTPConnection(urlsplit(self._url).netloc, timeout=self._timeout)
        try:
            connection.request(
                method, f"/_emulator/{what}", None if body is None else orjson.dumps(body)
            )
            response = connection.getresponse()
            answer: dict[str, Any] = orjson.loads(response.read())
        finally:
            connection.close()
        if response.status == 200:
            return answer
        raise (ValueError if response.status == 400 else OSError)(answer["message"])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        starting = asyncio.create_task(asyncio.to_thread(self.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The thread starts the process all the same, and the caller would not end it.
            with suppress(Exception):
                await starting
            await asyncio.to_thread(self.stop)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)
