"""Opening of regular files, read up to the size that they had when they were opened."""

from __future__ import annotations

import io
import os
import stat
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias

from tagodev.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import WriteableBuffer

__all__ = ["Version", "open_file", "open_text", "version_of"]

#: Size, time of the last change and identity of a file.
Version: TypeAlias = tuple[int, int, int]
_BUFFER: Final = 1 << 16


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading.

    Args:
        path: path of the file.

    Raises:
        InputError: it is not a regular file: a pipe would block, and a device might never end.
        OSError: it can't be opened.
    """
    if stat.S_ISREG(path.stat().st_mode):
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(path, flags)
        # Another file may have taken its place.
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return os.fdopen(descriptor, "rb")
        os.close(descriptor)
    raise InputError("is not a regular file")


def version_of(file: BinaryIO) -> Version:
    """Return the version of an open file."""
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns, status.st_ino


def open_text(file: BinaryIO, newline: str | None = None) -> io.TextIOWrapper:
    """Return the text of an open file, up to its present size.

    Bytes that are not UTF-8 become surrogates.

    Args:
        file: the file.
        newline: as for `open`.
    """
    pieces = io.BufferedReader(_Sized(file), _BUFFER)
    return io.TextIOWrapper(pieces, "utf-8-sig", errors="surrogateescape", newline=newline)


class _Sized(io.RawIOBase):
    """A file that does not grow."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._left = version_of(file)[0]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        with memoryview(buffer) as view:
            read = self._file.read(min(self._left, len(view)))
            view[: len(read)] = read
        self._left -= len(read)
        return len(read)
