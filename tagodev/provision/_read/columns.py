"""Mapping of column names to fields.

Letter case, spaces, underscores and dashes are ignored, and some fields have aliases:
``Serial number``, ``serial_number`` and ``SERIE-NUMBER`` all map to ``serie_number``.
Keys of tags and parameters are used as written.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

import attrs

from tagodev._device_fields import DEVICE_FIELDS, PARAM, TAG
from tagodev._secrets import redact

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["ColumnNames", "fold", "likely_field", "shown_name"]

_BETWEEN: Final = re.compile(r"[\s_\-]+")
_PAIR: Final = re.compile(r"(tags?|params?|parameters?)\s*[.:](.*)", re.IGNORECASE | re.DOTALL)
_LONGEST: Final = 60


def fold(name: str) -> str:
    """Return the normalized form of a name, for comparison.

    Args:
        name: name of a column, a network or a connector.

    Examples:
        >>> fold("Serial number") == fold("SERIAL_NUMBER")
        True
    """
    return _BETWEEN.sub("", name.casefold())


#: Fields by normalized column name.
_MEANINGS: Final[Mapping[str, str]] = {
    **{
        fold(name): field.name
        for field in DEVICE_FIELDS.values()
        if field.kind is not None
        for name in (field.name, *field.aliases)
    },
    "deviceid": "device_id",
    "id": "device_id",
    "token": "token",
}


def shown_name(name: str) -> str:
    """Return a name for a message: shortened, and on one line.

    Args:
        name: name of a column or a field.
    """
    # Without a header, the first row is read as one and may contain a token.
    text = redact(name)
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
    return text if text.isprintable() else repr(text)[1:-1]


def likely_field(column: str, known: Collection[str]) -> str:
    """Return the field that an unknown column probably means; empty if there is none.

    Args:
        column: name of the column.
        known: the allowed fields.

    Examples:
        >>> likely_field("Serail number", ("name", "serie_number"))
        'serie_number'
    """
    words = {word: field for word, field in _MEANINGS.items() if field in known}
    likely = get_close_matches(fold(column)[:_LONGEST], words, n=1)
    return words[likely[0]] if likely else ""


@attrs.frozen
class ColumnNames:
    """Mapping of the columns of a file to fields.

    Examples:
        >>> naming = ColumnNames({"EUI": "serie_number", "Notes": ""})
        >>> [naming.field_of(column) for column in ("eui", "Device ID", "Tag.Site", "notes")]
        ['serie_number', 'device_id', 'tag.Site', '']
    """

    chosen: Mapping[str, str] = attrs.field(factory=dict)
    """Fields of columns that the user mapped; empty for columns to ignore."""
    left_out: frozenset[str] = attrs.field(default=frozenset(), kw_only=True)
    """Fields to ignore."""
    helpers: frozenset[str] = attrs.field(default=frozenset(), kw_only=True)
    """Other columns that templates use, each in braces."""

    def choice(self, column: str) -> str | None:
        """Return the mapped name that matches a column; None if it is not mapped.

        Args:
            column: name of the column in the file.
        """
        if column in self.chosen:
            return column
        folded = fold(column)
        return next((one for one in self.chosen if fold(one) == folded), None)

    def field_of(self, column: str) -> str:
        """Return the field of a column: empty if it is ignored, its own name if it is unknown.

        Args:
            column: name of the column in the file.
        """
        column = column.strip()
        choice = self.choice(column)
        field = _meaning(column) if choice is None else self.chosen[choice]
        if not field:
            field = self._helper(column) or (column if choice is None else "")
        return "" if field in self.left_out else field

    def _helper(self, column: str) -> str:
        folded = fold(column)
        return next((one for one in self.helpers if fold(one[1:-1]) == folded), "")


def _meaning(column: str) -> str:
    pair = _PAIR.fullmatch(column)
    if pair is None:
        return _MEANINGS.get(fold(column), "")
    return (TAG if pair[1].casefold().startswith("tag") else PARAM) + pair[2].strip()
