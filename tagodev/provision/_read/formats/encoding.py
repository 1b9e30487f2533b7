"""Detection of the encoding of text files, and a reader of their lines.

Files in encodings other than UTF-8 are refused, since a wrong guess would create devices with wrong
names; the message names the likely encoding. Reading continues after such a line, to find further
problems.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Final

from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["HEAD_SIZE", "Lines", "check_encoding"]

#: Number of bytes to detect the encoding and format from.
HEAD_SIZE: Final = 4096
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
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._problems: list[InputError] = []
        self._reported: set[str] = set()

    def __iter__(self) -> Iterator[str]:
        for number, line in enumerate(self._file, 1):
            yield line if line.isascii() and "\0" not in line else self._mended(line, number)

    def problems(self) -> Iterable[InputError]:
        """Return the problems since the last call; each kind is reported once per file."""
        found, self._problems = self._problems, []
        return found

    def _mended(self, line: str, number: int) -> str:
        if "\0" in line:
            self._report("zero", "contains a zero byte", number)
            line = line.replace("\0", "")
        try:
            line.encode()
        except UnicodeEncodeError as error:
            self._report("encoding", _encoding_problem(line, error.start), number, _HINT)
            line = line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return line

    def _report(self, kind: str, message: str, number: int, hint: str = "") -> None:
        if kind not in self._reported:
            self._reported.add(kind)
            self._problems.append(InputError(message, line=number, hint=hint))


def _encoding_problem(line: str, position: int) -> str:
    where = f"at character {position + 1}"
    # Well-formed non-ASCII UTF-8 characters do not occur by chance.
    damaged = any("\x7f" < one < "\ud800" or one > "\udfff" for one in line)
    try:
        letter = line[position].encode("utf-8", "surrogateescape").decode("cp1252")
    except UnicodeDecodeError:
        letter = ""
    if damaged or not letter:
        return f"is not UTF-8 {where}"
    return f"is not UTF-8, but probably Windows-1252: {letter!r} {where}"
