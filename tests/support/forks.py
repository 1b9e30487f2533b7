"""Processes of ``tagodev`` that begin with everything imported: forks of a server without threads.

They are processes like any other: with a folder, variables, streams, locks and an exit code of
their own, and killed as such. What is saved is the start, most of what a short command takes.
Whatever depends on how an interpreter starts (its variables, its encodings) needs a real start.
"""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from threading import Thread
from typing import IO, TYPE_CHECKING, Any, Final, Self

import orjson

import tagodev
from tagodev._cli import main
from tests.support.processes import PYTHON, start

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

__all__ = ["ForkServer", "Forked", "fork_server", "stop"]

#: Bytes that an order to the server may have.
_ORDER: Final = 1 << 18


class Forked:
    """A process, as far as `subprocess.Popen` is used of one: its streams are text."""

    def __init__(self, pid: int, ended: int, streams: tuple[int | None, int, int]) -> None:
        """Take over the process, the pipe that tells its exit code, and our ends of its streams."""
        self.pid: Final = pid
        self.returncode: int | None = None
        self._ended = ended
        stdin, stdout, stderr = streams
        self.stdin: Final = None if stdin is None else _text(stdin, "w")
        self.stdout: Final = _text(stdout, "r")
        self.stderr: Final = _text(stderr, "r")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self.wait()

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended, and return the exit code."""
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it, if it has not ended."""
        self.send_signal(signal.SIGKILL)

    def communicate(
        self, given: str | None = None, timeout: float | None = None
    ) -> tuple[str, str]:
        """Give it something to read, wait until it has ended, and return what it has printed."""
        deadline = None if timeout is None else time.monotonic() + timeout
        printed = ["", ""]

        def read(number: int, stream: IO[str]) -> None:
            with stream:
                printed[number] = stream.read()

        readers = [
            Thread(target=read, args=(number, stream))
            for number, stream in enumerate((self.stdout, self.stderr))
        ]
        for reader in readers:
            reader.start()
        if self.stdin is not None:
            with suppress(BrokenPipeError):
                self.stdin.write(given or "")
                self.stdin.close()
        for reader in readers:
            reader.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        self.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return printed[0], printed[1]

    def _ended_within(self, timeout: float | None) -> bool:
        # Unlike `select.select` this takes any descriptor.
        poll = select.poll()
        poll.register(self._ended, select.POLLIN)
        return bool(poll.poll(None if timeout is None else timeout * 1000))

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None and self._ended_within(timeout):
            self.returncode = int(os.read(self._ended, 16))
            os.close(self._ended)
        return self.returncode


def _text(descriptor: int, mode: str) -> IO[str]:
    return os.fdopen(descriptor, mode, encoding="utf-8", errors="backslashreplace")


class ForkServer:
    """Starts processes; a context manager."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[str]
        self._orders: socket.socket

    def __enter__(self) -> Self:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            self._orders.setsockopt(socket.SOL_SOCKET, buffer, _ORDER)
        with theirs:
            program = (PYTHON, "-m", __name__, str(theirs.fileno()))
            descriptors = (theirs.fileno(),)
            self._server = start(*program, stdout=None, stderr=None, pass_fds=descriptors)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._orders.close()
        self._server.wait()

    def start(
        self,
        folder: Path,
        variables: Mapping[str, str],
        arguments: Sequence[str],
        *,
        reads: bool = False,
    ) -> Forked:
        """Start ``tagodev``.

        Args:
            folder: where.
            variables: of its environment.
            arguments: of the command.
            reads: whether it is given something on standard input.
        """
        order = orjson.dumps([str(folder), dict(variables), ["tagodev", *arguments]])
        ours: list[int] = []
        theirs: list[int] = []
        for number in range(4):
            if number == 0 and not reads:
                theirs.append(os.open(os.devnull, os.O_RDONLY))
                continue
            reader, writer = os.pipe()
            theirs.append(writer if number else reader)
            ours.append(reader if number else writer)
        socket.send_fds(self._orders, [order], theirs)
        for descriptor in theirs:
            os.close(descriptor)
        pid = int(self._orders.recv(16))
        stdin = ours.pop(0) if reads else None
        stdout, stderr, ended = ours
        return Forked(pid, ended, (stdin, stdout, stderr))


_servers: list[ForkServer] = []


def fork_server() -> ForkServer:
    """Return the server of this process; the first call starts it."""
    if not _servers:
        _servers.append(ForkServer().__enter__())
    return _servers[0]


def stop() -> None:
    """End the server of this process."""
    while _servers:
        _servers.pop().__exit__(None, None, None)


# --- in the server -------------------------------------------------------------------------------


def _import_everything() -> None:
    for module in pkgutil.walk_packages(tagodev.__path__, "tagodev."):
        # Some need what is not installed.
        with suppress(ImportError):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    # Pages that a collection would write to are not shared.
    gc.freeze()


def _serve(orders: socket.socket) -> None:
    running: dict[int, int] = {}

    def note_ends(*_: Any) -> None:
        for pid in tuple(running):
            try:
                ended, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                # This function was called again in its own midst, which has seen to it.
                continue
            if ended:
                pipe = running.pop(pid)
                # Whoever has started it may be gone.
                with suppress(BrokenPipeError):
                    os.write(pipe, b"%d" % os.waitstatus_to_exitcode(status))
                os.close(pipe)

    signal.signal(signal.SIGCHLD, note_ends)
    while True:
        order, descriptors, _, _ = socket.recv_fds(orders, _ORDER, 4)
        if not order:
            return
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        pid = os.fork()
        if not pid:
            orders.close()
            for pipe in running.values():
                os.close(pipe)
            folder, variables, arguments = orjson.loads(order)
            _run(folder, variables, arguments, descriptors)
        running[pid] = descriptors.pop()
        for descriptor in descriptors:
            os.close(descriptor)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        orders.send(b"%d" % pid)


def _run(
    folder: str, variables: dict[str, str], arguments: list[str], descriptors: list[int]
) -> None:
    """Be a process of its own, until its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
    for descriptor in descriptors:
        os.close(descriptor)
    sys.argv = arguments
    sys.exit(main())


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as _orders:
        _import_everything()
        _serve(_orders)
