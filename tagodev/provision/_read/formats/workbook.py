"""The parts of an Excel workbook, unpacked and parsed in pieces.

Nothing of a workbook is trusted: its sizes are checked before anything is unpacked, and a part is
parsed without building a tree of it, so that its form can't take more memory than its values.
"""

from __future__ import annotations

import posixpath
import zipfile
from sys import getsizeof
from typing import TYPE_CHECKING, BinaryIO, Final
from xml.parsers import expat

import attrs

from tagodev.errors import InputError
from tagodev.provision._read.columns import shown_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tagodev.provision._read.limits import MemoryBudget

__all__ = ["Handlers", "Sheet", "Workbook", "local_name"]

_PIECE: Final = 1 << 16
_DIRECTORY_ENTRY: Final = b"PK\x01\x02"
#: Maximum number of parts, of sheets and of relationships.
_MAX_PARTS: Final = 10_000
#: Maximum number of cell styles, and of number formats; those of Excel are 65,490 and about 250.
_MAX_STYLES: Final = 65_536
_MAX_FORMATS: Final = 4096
#: Maximum length of a number format in Excel.
_FORMAT_LENGTH: Final = 255
_MAX_DEPTH: Final = 64
#: Maximum number of elements of a cell.
_ELEMENTS: Final = 4
#: Size below which the ratio of expansion is not checked.
_SMALL: Final = 4 << 20
#: Maximum number of sheets that a message lists.
_SHOWN: Final = 10


@attrs.define
class Handlers:
    """What is called while a part is parsed."""

    start: Callable[[str, dict[str, str]], object]
    """For the start of an element: its name without prefix, and its attributes."""
    end: Callable[[str], object] = lambda _: None
    """For the end of an element."""
    text: Callable[[str], object] | None = None
    """For text, in pieces."""


@attrs.frozen
class Sheet:
    """A worksheet."""

    title: str
    """Its name."""
    part: str
    """Its part of the workbook."""
    visible: bool
    """Whether Excel shows it."""


class Workbook:
    """An open workbook.

    Args:
        file: the file.
        budget: memory for its texts.

    Attributes:
        formats: the number format of each style.
        texts: the texts that cells refer to.
        starts_1904: whether days are counted from 1904.

    Raises:
        InputError: it is too large.
    """

    def __init__(self, file: BinaryIO, budget: MemoryBudget) -> None:
        self._limits = budget.limits
        self._budget = budget
        self._archive = self._unpacked(file)
        self._sheets: list[Sheet] = []
        self.starts_1904 = False
        self.texts: list[str] = []
        self.formats: list[str | int] = []
        main = self._related("").get("officeDocument", ["xl/workbook.xml"])[0]
        self._read_workbook(main)
        related = self._related(main)
        for part in related.get("styles", ())[:1]:
            self._read_styles(part)
        for part in related.get("sharedStrings", ())[:1]:
            self._read_texts(part)

    def sheet(self, title: str | None) -> Sheet:
        """Return a sheet.

        Args:
            title: its name; None for the first visible one.

        Raises:
            InputError: there is none.
        """
        sheets = self._sheets
        if title is None:
            found = [one for one in sheets if one.visible] or sheets
        else:
            found = [one for one in sheets if one.title == title]
        if found:
            return found[0]
        named = f" named {title!r}" if title is not None else ""
        names = ", ".join(repr(shown_name(one.title)) for one in sheets[:_SHOWN])
        raise InputError(f"has no sheet{named}", hint=f"Sheets: {names}" if names else "")

    def parse(self, part: str, handlers: Handlers) -> Iterator[None]:
        """Parse a part; yield after each piece of it.

        Args:
            part: name of the part.
            handlers: called while it is parsed.

        Raises:
            InputError: its structure is beyond what Excel writes.
            xml.parsers.expat.ExpatError: it is not XML.
        """
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.buffer_size = _PIECE
        depth = begun = fed = elements = 0

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal depth, begun, elements
            depth += 1
            elements += 1
            begun = fed
            if elements > _ELEMENTS * self._limits.cells:
                raise self._limits.exceeded("cells", "has more than {} cells")
            if depth > _MAX_DEPTH:
                raise InputError("is not a workbook: its XML is nested too deeply")
            handlers.start(local_name(name), attributes)

        def end(name: str) -> None:
            nonlocal depth, begun
            depth -= 1
            begun = fed
            handlers.end(local_name(name))

        def doctype(*_: object) -> None:
            # It could define entities that expand to any size.
            raise InputError("is not a workbook: its XML has a document type")

        parser.StartElementHandler = start
        parser.EndElementHandler = end
        parser.StartDoctypeDeclHandler = doctype
        if handlers.text is not None:
            parser.CharacterDataHandler = handlers.text
        with self._archive.open(part) as file:
            while piece := file.read(_PIECE):
                fed += len(piece)
                # The parser keeps a tag or comment that has not ended.
                if fed - begun > self._limits.row_length + 2 * _PIECE:
                    raise self._limits.exceeded(
                        "row_length", "has a cell or tag of more than {} characters"
                    )
                parser.Parse(piece)
                yield
            parser.Parse(b"", True)

    # --- parts ---------------------------------------------------------------------------------

    def _unpacked(self, file: BinaryIO) -> zipfile.ZipFile:
        """Return the archive, whose sizes are checked."""
        # Before the directory is read into memory.
        if sum(piece.count(_DIRECTORY_ENTRY) for piece in _pieces(file)) > _MAX_PARTS:
            raise InputError(f"is not a workbook: it has more than {_MAX_PARTS:,} parts")
        archive = zipfile.ZipFile(file)
        limits = self._limits
        total = 0
        for part in archive.infolist():
            total += part.file_size
            if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise InputError("is not a workbook: it is compressed in another way")
            # zipfile unpacks no more than the size that the directory gives.
            ratio = part.file_size // max(part.compress_size, 1)
            if part.file_size > _SMALL and ratio > limits.expansion:
                message = "has a part that unpacks to more than {} times its size"
                raise limits.exceeded("expansion", message, needed=ratio + 1)
        if total > limits.file_bytes:
            message = "has more than {} bytes when it is unpacked"
            raise limits.exceeded("file_bytes", message, needed=total)
        return archive

    def _read(self, part: str, start: Callable[[str, dict[str, str]], object]) -> None:
        for _ in self.parse(part, Handlers(start)):
            pass

    def _targets(self, part: str) -> dict[str, tuple[str, str]]:
        """Return the parts that a part refers to by their ids: the last word of the type, name."""
        folder, name = posixpath.split(part)
        targets: dict[str, tuple[str, str]] = {}

        def start(element: str, values: dict[str, str]) -> None:
            if element == "Relationship" and values.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, values["Target"]))
                kind = values["Type"].rpartition("/")[2]
                targets[values["Id"]] = kind, target.lstrip("/")
                if len(targets) > _MAX_PARTS:
                    raise InputError("is not a workbook: it has too many relationships")

        relations = posixpath.join(folder, "_rels", f"{name}.rels")
        if relations in self._archive.NameToInfo:
            self._read(relations, start)
        return targets

    def _related(self, part: str) -> dict[str, list[str]]:
        related: dict[str, list[str]] = {}
        for kind, target in self._targets(part).values():
            related.setdefault(kind, []).append(target)
        return related

    def _read_workbook(self, part: str) -> None:
        targets = self._targets(part)

        def start(element: str, values: dict[str, str]) -> None:
            if element == "workbookPr":
                self.starts_1904 = values.get("date1904") in ("1", "true")
            elif element == "sheet":
                ids = [value for key, value in values.items() if local_name(key) == "id"]
                kind, target = targets.get(ids[0], ("", "")) if ids else ("", "")
                if kind == "worksheet" and target in self._archive.NameToInfo:
                    shown = values.get("state", "visible") == "visible"
                    self._sheets.append(Sheet(values.get("name", ""), target, shown))
                if len(self._sheets) > _MAX_PARTS:
                    raise InputError(f"is not a workbook: it has more than {_MAX_PARTS:,} sheets")

        self._read(part, start)

    def _read_styles(self, part: str) -> None:
        codes: dict[str, str] = {}
        section = ""

        def start(element: str, values: dict[str, str]) -> None:
            nonlocal section
            if element in ("cellXfs", "cellStyleXfs"):
                section = element
            elif element == "numFmt" and len(codes) < _MAX_FORMATS:
                # Conditional formats, which follow, have formats of their own.
                codes.setdefault(values["numFmtId"], values["formatCode"][:_FORMAT_LENGTH])
            elif element == "xf" and section == "cellXfs" and len(self.formats) < _MAX_STYLES:
                number = values.get("numFmtId", "0")
                self.formats.append(codes.get(number) or int(number))

        self._read(part, start)

    def _read_texts(self, part: str) -> None:
        current: list[str] = []
        length = 0
        elements: list[str] = []

        def start(element: str, _: dict[str, str]) -> None:
            nonlocal length
            elements.append(element)
            if element == "si":
                current.clear()
                length = 0

        def end(element: str) -> None:
            elements.pop()
            if element == "si":
                text = "".join(current).replace("x005F_", "")
                # As long as it is in this list, and in a list of its own.
                self._budget.take(getsizeof(text) + 8)
                self.texts.append(text)

        def add(text: str) -> None:
            nonlocal length
            # Not the text that says how the other is pronounced.
            if elements[-1] == "t" and "rPh" not in elements:
                length += len(text)
                if length > self._limits.row_length:
                    message = "has a cell of more than {} characters"
                    raise self._limits.exceeded("row_length", message)
                current.append(text)

        for _ in self.parse(part, Handlers(start, end, add)):
            pass


def local_name(name: str) -> str:
    """Return the name of an element or attribute without its prefix.

    Args:
        name: the name in the file.
    """
    return name.rpartition(":")[2]


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file in pieces that overlap by less than an entry's first bytes."""
    file.seek(0)
    rest = b""
    while read := file.read(_PIECE):
        yield rest + read
        rest = read[1 - len(_DIRECTORY_ENTRY) :]
    file.seek(0)
