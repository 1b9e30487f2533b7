"""Broken files: what they hold, and the errors that each is to get."""

from __future__ import annotations

import attrs

__all__ = ["Broken", "Expected", "one", "text"]


@attrs.frozen(order=True)
class Expected:
    """An error that a file has."""

    line: int | None
    """Where; None for the whole file."""
    path: str
    """Which column or key, by its name in the file."""
    column: str
    """The column's letter, in a table."""
    words: str
    """What the message says, among other things."""


@attrs.frozen
class Broken:
    """A file with errors."""

    name: str
    """What it is called, and what is wrong with it."""
    data: bytes = attrs.field(repr=False)
    """The file."""
    expected: tuple[Expected, ...]
    """All that is wrong with it."""


def one(line: int | None, words: str, path: str = "", column: str = "") -> Expected:
    """Return an error, said in the order of what there is to say."""
    return Expected(line, path, column, words)


def text(name: str, content: str | bytes, *expected: Expected) -> Broken:
    """Return a file that is written down."""
    data = content if isinstance(content, bytes) else content.encode()
    return Broken(name, data, expected)
