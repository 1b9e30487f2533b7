"""Processes of ``tagodev`` that begin with everything imported: forks of a server without threads.

They are processes like any other: with a folder, variables, locks and an exit code of their own,
and killed as such. What is saved is the start, most of what a short command takes.
"""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import attrs
import orjson

import tagodev
from tagodev.cli import main
from tests.support.processes import PYTHON, start

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

__all__ = ["ForkServer", "Forked"]


@attrs.define
class Forked:
    """A process, as far as `subprocess.Popen` is used of one."""

    pid: int
    _base: Path
    returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        if self.returncode is None:
            with suppress(FileNotFoundError):
                self.returncode = int(self._base.with_suffix(".code").read_text())
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait until it has ended."""
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            # It is no child of this process, so there is nothing to wait for.
            time.sleep(0.001)
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        """Kill it, if it has not ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait until it has ended, and return what it has printed."""
        self.wait(timeout)
        out, err = (self._base.with_suffix(suffix).read_text() for suffix in (".out", ".err"))
        return out, err


class ForkServer:
    """Starts processes; a context manager.

    Args:
        folder: an empty one, for what they print.
    """

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder
        self._count = 0
        self._server: subprocess.Popen[str]

    def __enter__(self) -> Self:
        self._folder.mkdir(exist_ok=True)
        self._server = start(PYTHON, "-m", __name__, stdin=subprocess.PIPE, stderr=None)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()

    def start(self, folder: Path, variables: Mapping[str, str], arguments: Sequence[str]) -> Forked:
        """Start ``tagodev``.

        Args:
            folder: where.
            variables: of its environment.
            arguments: of the command.
        """
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._count += 1
        base = self._folder / str(self._count)
        order = [str(base), str(folder), dict(variables), ["tagodev", *arguments]]
        self._server.stdin.write(orjson.dumps(order).decode() + "\n")
        self._server.stdin.flush()
        return Forked(int(self._server.stdout.readline()), base)


# --- in the server -------------------------------------------------------------------------------


def _serve() -> None:
    for module in pkgutil.walk_packages(tagodev.__path__, "tagodev."):
        # Some need what is not installed.
        with suppress(ImportError):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    # Pages that a collection would write to are not shared.
    gc.freeze()
    running: dict[int, str] = {}

    def note_ends(*_: Any) -> None:
        for pid in tuple(running):
            try:
                ended, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                # This function was called again in its own midst, which has seen to it.
                continue
            if ended:
                draft = Path(f"{running.pop(pid)}.draft")
                draft.write_text(str(os.waitstatus_to_exitcode(status)), encoding="ascii")
                draft.rename(draft.with_suffix(".code"))

    signal.signal(signal.SIGCHLD, note_ends)
    for line in sys.stdin.buffer:
        base, folder, variables, arguments = orjson.loads(line)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        pid = os.fork()
        if not pid:
            os._exit(_run(base, folder, variables, arguments))
        running[pid] = base
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        os.write(1, b"%d\n" % pid)


def _run(base: str, folder: str, variables: dict[str, str], arguments: list[str]) -> int:
    """Be a process of its own, until its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    for number, name in enumerate((os.devnull, f"{base}.out", f"{base}.err")):
        flags = os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY
        os.dup2(os.open(name, flags, 0o600), number)
    sys.argv = arguments
    code = 1
    try:
        code = main()
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:  # noqa: BLE001  (shown as the interpreter would)
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    _serve()
