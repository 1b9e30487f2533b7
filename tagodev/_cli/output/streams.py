"""Standard streams that never raise, so that a failed print changes neither work nor exit code.

Characters that the encoding lacks are escaped. Output to a closed or broken stream is dropped.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["allows_colour", "safe_streams", "use_utf8"]


class _Output(io.RawIOBase):
    """Writes bytes until a write fails, then drops the rest."""

    def __init__(self, raw: Any) -> None:
        """Wrap a stream.

        Args:
            raw: the raw stream; None drops everything.
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
def safe_streams() -> Iterator[None]:
    """Replace the standard streams while a command runs."""
    original = sys.stdin, sys.stdout, sys.stderr
    # Streams that were closed when the process started are None, contrary to their types.
    sys.stdin = original[0] or io.StringIO()
    sys.stdout = _steady(original[1])
    sys.stderr = _steady(original[2])
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdin, sys.stdout, sys.stderr = original


def allows_colour() -> bool:
    """Return whether the environment allows colour on a terminal."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def use_utf8() -> None:
    """Print in UTF-8 from now on, for output that programs read."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")


def _steady(stream: Any) -> Any:
    if stream is not None and not isinstance(stream, io.TextIOWrapper):
        # Another program replaced the stream.
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
