"""Detection of the encoding of text files, and a reader of their lines.

Files in encodings other than UTF-8 are refused, since a wrong guess would create devices with wrong
names; the message names the likely encoding. Reading continues after such a line, to find further
problems.
"""

from __future__ import annotations

from io import StringIO
from typing import IO, TYPE_CHECKING, Final

from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tagodev.provision._read.limits import FileLimits

__all__ = ["HEAD_SIZE", "Lines", "check_encoding", "end_of"]

#: Number of bytes to detect the encoding and format from.
HEAD_SIZE: Final = 4096
#: Number of characters of a piece of text.
_PIECE: Final = 1 << 16
_MARKS: Final = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_HINT: Final = 'Save it as UTF-8 (in a spreadsheet: "CSV UTF-8")'
#: Share of zero bytes; in UTF-16 Latin text it is one half, in UTF-8 zero.
_ZEROS: Final = 0.3


def check_encoding(head: bytes) -> None:
    """Refuse binary files, and text in an encoding that is not based on ASCII.

    Args:
        head: the first bytes of the file.

    Raises:
        InputError: the file has another encoding or is binary.
    """
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            raise InputError(f"is {encoding}, not UTF-8", hint=_HINT)
    zeros = head.count(0)
    if zeros <= _ZEROS * len(head):
        return
    if max(head[::2].count(0), head[1::2].count(0)) > 0.9 * zeros and zeros < 0.6 * len(head):
        raise InputError("is not UTF-8, but probably UTF-16", hint=_HINT)
    raise InputError("is not a text file")


class Lines:
    """The lines of a file, with invalid characters replaced and reported.

    Args:
        file: opened as UTF-8 with ``surrogateescape``, to detect invalid bytes.
        limits: the longest line.
    """

    def __init__(self, file: IO[str], limits: FileLimits) -> None:
        self._file = file
        self._limits = limits
        self._problems: list[InputError] = []
        self._reported: set[str] = set()

    def __iter__(self) -> Iterator[str]:
        longest = self._limits.row_length
        for number, line in enumerate(iter(lambda: self._file.readline(longest + 1), ""), 1):
            if len(line) > longest:
                raise self._limits.exceeded(
                    "row_length", "is a line of more than {} characters", line=number
                )
            yield line if line.isascii() and "\0" not in line else self._mended(line, number)

    def pieces(self) -> Iterator[str]:
        """Yield the text in pieces of several lines, or of a part of a line."""
        number, column = 1, 0
        while piece := self._file.read(_PIECE):
            if not piece.isascii() or "\0" in piece:
                mended = (self._mended(*line) for line in _numbered(piece, number, column))
                yield "".join(mended)
            else:
                yield piece
            number, column = end_of(piece, number, column)

    def problems(self) -> Iterable[InputError]:
        """Return the problems since the last call; each kind is reported once per file."""
        found, self._problems = self._problems, []
        return found

    def _mended(self, line: str, number: int, column: int = 0) -> str:
        if "\0" in line:
            self._report("zero", "contains a zero byte", number)
            line = line.replace("\0", "")
        try:
            line.encode()
        except UnicodeEncodeError as error:
            self._report("encoding", _encoding_problem(line, error.start, column), number, _HINT)
            line = line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return line

    def _report(self, kind: str, message: str, number: int, hint: str = "") -> None:
        if kind not in self._reported:
            self._reported.add(kind)
            self._problems.append(InputError(message, line=number, hint=hint))


def end_of(text: str, line: int, column: int) -> tuple[int, int]:
    """Return the position after a text: its line, and the characters before it in this line.

    Args:
        text: the text.
        line: the line that it begins in.
        column: the characters before it in this line.
    """
    breaks = text.count("\n")
    return line + breaks, len(text) - text.rfind("\n") - 1 if breaks else column + len(text)


def _numbered(piece: str, number: int, column: int) -> Iterator[tuple[str, int, int]]:
    """Yield the lines of a piece of text, with their positions."""
    for line in StringIO(piece):
        yield line, number, column
        number, column = end_of(line, number, column)


def _encoding_problem(line: str, position: int, column: int) -> str:
    where = f"at character {column + position + 1}"
    # Well-formed non-ASCII UTF-8 characters do not occur by chance.
    damaged = any("\x7f" < one < "\ud800" or one > "\udfff" for one in line)
    try:
        letter = line[position].encode("utf-8", "surrogateescape").decode("cp1252")
    except UnicodeDecodeError:
        letter = ""
    if damaged or not letter:
        return f"is not UTF-8 {where}"
    return f"is not UTF-8, but probably Windows-1252: {letter!r} {where}"
