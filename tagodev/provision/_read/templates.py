"""Templates: text made from the values of a row, such as ``sensor-{serie_number}``."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev.errors import InputError
from tagodev.provision._read.columns import shown_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagodev.provision._read.columns import ColumnNames

__all__ = ["ROW", "Template", "is_template", "may_be_template", "parse_template"]

#: Placeholder for the number of the row.
ROW: Final = "row"
_TEMPLATED: Final = ("name", "description")
#: Format after the colon: alignment, a width of up to two digits, and a number type.
_SPEC: Final = re.compile(r"(?:[^{}]?[<>^=])?0?[0-9]{0,2}[dxX]?")


@attrs.frozen
class _Part:
    """Text, and the placeholder after it."""

    text: str
    shown: str = ""
    """The column of the placeholder, as in the template; empty if there is none."""
    field: str = ""
    """Field of that column."""
    spec: str = ""


@attrs.frozen
class Template:
    """A text with columns in braces."""

    text: str
    """Source of the template."""
    _parts: tuple[_Part, ...] = attrs.field(repr=False)

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that a row must have."""
        return tuple(part.field for part in self._parts if part.field and part.shown != ROW)

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Columns in the template, each with its field."""
        return tuple((part.shown, part.field) for part in self._parts if part.shown)

    def fill(self, values: Mapping[str, Any], number: int) -> str:
        """Return the text for a row.

        Args:
            values: values of the row, by field.
            number: number of the row, from 1.

        Raises:
            InputError: a value is missing or has the wrong type.
        """
        return "".join(part.text + _filled(part, values, number) for part in self._parts)


def may_be_template(field: str) -> bool:
    """Return whether a field may have a template: names, descriptions and tags.

    Args:
        field: the field.
    """
    return field in _TEMPLATED or field.startswith("tag.")


def is_template(text: object) -> bool:
    """Return whether a default is a template: text with braces.

    Args:
        text: the default.
    """
    return isinstance(text, str) and ("{" in text or "}" in text)


def parse_template(text: str, naming: ColumnNames) -> Template:
    """Parse a template.

    Args:
        text: the template; ``{{`` is a literal brace.
        naming: fields of the column names.

    Raises:
        InputError: the template is not valid.

    Examples:
        >>> from tagodev.provision._read.columns import ColumnNames
        >>> template = parse_template("{tag.site}-{row:03d}", ColumnNames())
        >>> template.fill({"tag.site": "dairy"}, 7)
        'dairy-007'
    """
    try:
        found = list(string.Formatter().parse(text))
    except ValueError as error:
        raise InputError(
            f"is not a valid template: {error}", hint="Write a literal brace as {{ or }}"
        ) from None
    return Template(text, tuple(_part(*one, naming) for one in found))


def _part(
    text: str, shown: str | None, spec: str | None, conversion: str | None, naming: ColumnNames
) -> _Part:
    if shown is None:
        return _Part(text)
    if not shown.strip():
        raise InputError("is not a valid template: empty braces")
    if conversion or not _SPEC.fullmatch(spec or ""):
        raise InputError(
            f"is not a valid template: only a width may follow {shown_name(shown)}, such as :04d"
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
        raise InputError(f"uses {shown}, which the row does not have")
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, (str, int, float)):
        raise InputError(f"uses {shown}, which is neither text nor a number")
    try:
        if part.spec[-1:] in ("d", "x", "X"):
            return format(int(value), part.spec)
        return format(str(value), part.spec)
    except ValueError:
        raise InputError(
            f"uses {shown} as a number ({part.spec}), but it is not a number in this row"
        ) from None
