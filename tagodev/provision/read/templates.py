"""Templates: names that are made of a row's other values, as in ``sensor-{serie_number}``."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev.errors import InputError
from tagodev.provision.read.columns import shown_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagodev.provision.read.columns import ColumnNames

__all__ = ["ROW", "Template", "is_template", "may_be_template", "parse_template"]

#: What stands for the number of the row.
ROW: Final = "row"
_TEMPLATED: Final = ("name", "description")
#: What may stand behind the colon: an alignment, a width, and how a number is written. No more, or
#: a slip of the finger would make names of a million characters.
_SPEC: Final = re.compile(r"(?:[^{}]?[<>^=])?0?[0-9]{0,2}[dxX]?")


@attrs.frozen
class _Part:
    """Text, and what is put behind it."""

    text: str
    shown: str = ""
    """The column that follows, as the template names it; empty where none does."""
    field: str = ""
    """What that column means."""
    spec: str = ""


@attrs.frozen
class Template:
    """A text in which columns of the row are named in braces."""

    text: str
    """As it was written."""
    _parts: tuple[_Part, ...] = attrs.field(repr=False)

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that a row has to give for it."""
        return tuple(part.field for part in self._parts if part.field and part.shown != ROW)

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """The columns that it names, each with the field that it means."""
        return tuple((part.shown, part.field) for part in self._parts if part.shown)

    def fill(self, values: Mapping[str, Any], number: int) -> str:
        """Return the text for a row.

        Args:
            values: what the row gives, by field.
            number: which row, from 1.

        Raises:
            InputError: the row lacks a column, or it does not fit.
        """
        return "".join(part.text + _filled(part, values, number) for part in self._parts)


def may_be_template(field: str) -> bool:
    """Tell whether braces in a default for a field name columns: in names, descriptions, tags.

    Args:
        field: as the naming gives it.
    """
    return field in _TEMPLATED or field.startswith("tag.")


def is_template(text: object) -> bool:
    """Tell whether a default is a template: text with braces.

    Args:
        text: the default.
    """
    return isinstance(text, str) and ("{" in text or "}" in text)


def parse_template(text: str, naming: ColumnNames) -> Template:
    """Read a template.

    Args:
        text: as it was written; a brace that means itself is doubled.
        naming: what the names of columns mean.

    Raises:
        InputError: it can't be understood.

    Examples:
        >>> from tagodev.provision.read.columns import ColumnNames
        >>> template = parse_template("{tag.site}-{row:03d}", ColumnNames())
        >>> template.fill({"tag.site": "dairy"}, 7)
        'dairy-007'
    """
    try:
        found = list(string.Formatter().parse(text))
    except ValueError as error:
        raise InputError(
            f"is no template: {error}", hint="A brace that means itself is doubled: {{"
        ) from None
    return Template(text, tuple(_part(*one, naming) for one in found))


def _part(
    text: str, shown: str | None, spec: str | None, conversion: str | None, naming: ColumnNames
) -> _Part:
    if shown is None:
        return _Part(text)
    if not shown.strip():
        raise InputError("is no template: braces without the name of a column")
    if conversion or not _SPEC.fullmatch(spec or ""):
        raise InputError(
            f"is no template: {shown_name(shown)} may be followed by a width, as in :04d"
        )
    if shown == ROW:
        return _Part(text, shown, ROW, spec or "")
    return _Part(text, shown, naming.field_of(shown), spec or "")


def _filled(part: _Part, values: Mapping[str, Any], number: int) -> str:
    if not part.shown:
        return ""
    value: Any = number if part.shown == ROW else values.get(part.field)
    shown = shown_name(part.shown)
    if value is None:
        raise InputError(f"is made of {shown}, which the row does not give")
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, (str, int, float)):
        raise InputError(f"is made of {shown}, which is neither text nor a number")
    try:
        if part.spec[-1:] in ("d", "x", "X"):
            return format(int(value), part.spec)
        return format(str(value), part.spec)
    except ValueError:
        raise InputError(
            f"is made of {shown} as a number ({part.spec}), which it is not in this row"
        ) from None
