"""Standard streams that never fail: what can't be printed changes neither the work nor the verdict.

Characters that the encoding does not have are escaped. A stream that is closed, full, or read by
nobody any more takes what it is given and drops it.
"""

from __future__ import annotations

import io
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["in_utf8", "steady_streams"]


class _Output(io.RawIOBase):
    """Passes bytes on until that fails once, and drops the rest."""

    def __init__(self, raw: Any) -> None:
        """Begin.

        Args:
            raw: where bytes go; None drops them from the beginning.
        """
        self._raw: Any = raw
        self._terminal: Final = raw is not None and raw.isatty()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._terminal

    def fileno(self) -> int:
        if self._raw is None:
            raise io.UnsupportedOperation("fileno")
        return int(self._raw.fileno())

    def write(self, data: Any) -> int:
        if self._raw is not None:
            try:
                return int(self._raw.write(data) or 0)
            except OSError:
                self._raw = None
        return len(data)


@contextmanager
def steady_streams() -> Iterator[None]:
    """Replace the standard streams while a command runs."""
    given = sys.stdin, sys.stdout, sys.stderr
    # Those of a process that was started with closed ones are None, whatever their types say.
    sys.stdin = given[0] or io.StringIO()
    sys.stdout = _steady(given[1])
    sys.stderr = _steady(given[2])
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdin, sys.stdout, sys.stderr = given


def in_utf8() -> None:
    """Print in UTF-8 from now on, whatever the terminal has: a program reads the output."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")


def _steady(stream: Any) -> Any:
    if stream is not None and not isinstance(stream, io.TextIOWrapper):
        # Another program's, which has put something of its own there.
        return stream
    buffer: IO[bytes] | None = None if stream is None else stream.buffer
    if stream is not None:
        stream.flush()
    raw = getattr(buffer, "raw", buffer)
    return io.TextIOWrapper(
        io.BufferedWriter(_Output(raw)),
        "utf-8" if stream is None else stream.encoding,
        "backslashreplace",
        newline="",
        line_buffering=stream is not None and stream.line_buffering,
    )
