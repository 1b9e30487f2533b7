"""Texts: what the first bytes of a file say of it, and its lines, as far as they are UTF-8.

A file in another encoding is refused rather than guessed at, since a wrong guess makes devices
with wrong names; but what it looks like is said.
Reading goes on behind such a line, so that what else is wrong with the file is found as well.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Final

from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["HEAD_SIZE", "Lines", "check_encoding"]

#: Bytes from which a file's encoding, and its format, are known.
HEAD_SIZE: Final = 4096
_MARKS: Final = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_HINT: Final = 'Save it as UTF-8; a spreadsheet calls that "CSV UTF-8"'
#: In UTF-16 every other byte of plain Latin text is zero; in UTF-8 none is.
_ZEROS: Final = 0.3


def check_encoding(head: bytes) -> None:
    """Refuse a text in an encoding that is no extension of ASCII, and what is no text.

    Args:
        head: the first bytes of the file.

    Raises:
        InputError: it is something else, and what it looks like.
    """
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            raise InputError(f"is {encoding}, not UTF-8", hint=_HINT)
    zeros = head.count(0)
    if zeros <= _ZEROS * len(head):
        return
    if max(head[::2].count(0), head[1::2].count(0)) > 0.9 * zeros and zeros < 0.6 * len(head):
        raise InputError("is not UTF-8, it looks like UTF-16", hint=_HINT)
    raise InputError("is no text file")


class Lines:
    """The lines of a file, with what is wrong with their characters mended and told.

    Args:
        file: opened as UTF-8 with ``surrogateescape``, so that bytes that are none are seen.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._problems: list[InputError] = []
        self._said: set[str] = set()

    def __iter__(self) -> Iterator[str]:
        for number, line in enumerate(self._file, 1):
            yield line if line.isascii() and "\0" not in line else self._mended(line, number)

    def problems(self) -> Iterable[InputError]:
        """Return what was found since this was last called; each kind is told once a file."""
        found, self._problems = self._problems, []
        return found

    def _mended(self, line: str, number: int) -> str:
        if "\0" in line:
            self._tell("zero", "holds a zero byte, which no text does", number)
            line = line.replace("\0", "")
        try:
            line.encode()
        except UnicodeEncodeError as error:
            self._tell("encoding", _encoding_problem(line, error.start), number, _HINT)
            line = line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return line

    def _tell(self, kind: str, message: str, number: int, hint: str = "") -> None:
        if kind not in self._said:
            self._said.add(kind)
            self._problems.append(InputError(message, line=number, hint=hint))


def _encoding_problem(line: str, place: int) -> str:
    where = f"at character {place + 1}"
    # Characters beyond ASCII that are well-formed UTF-8 don't come about by chance.
    damaged = any("\x7f" < one < "\ud800" or one > "\udfff" for one in line)
    try:
        letter = line[place].encode("utf-8", "surrogateescape").decode("cp1252")
    except UnicodeDecodeError:
        letter = ""
    if damaged or not letter:
        return f"is not UTF-8 {where}"
    return f"is not UTF-8, it looks like Windows-1252: {letter!r} {where}"
