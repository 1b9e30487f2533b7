"""Rows of a file that are about the same thing as an earlier row.

Two changes to one device have an order only by accident of the file, and a token can be replaced
only once; so such a row is refused when the file is read, before anything is sent.
A digest of each thing is kept, not the thing: it may be a token.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from tagodev.errors import InputError

if TYPE_CHECKING:
    from tagodev.provision.read.record import Record

__all__ = ["DuplicateRows"]


class DuplicateRows:
    """Notes what each row of a file is about; the file may be read several times."""

    def __init__(self) -> None:
        """Start before the first row."""
        self._first: dict[bytes, tuple[int, int]] = {}

    def problem(self, record: Record, thing: str, *, path: str, hint: str) -> InputError | None:
        """Return what is wrong with a row that repeats an earlier one; None if it does not.

        Args:
            record: the row.
            thing: what it is about.
            path: the field that names it.
            hint: what to do.
        """
        digest = blake2b(thing.encode(errors="surrogatepass"), digest_size=12).digest()
        number, line = self._first.setdefault(digest, (record.number, record.line))
        if number == record.number:
            return None
        first = f"line {line}" if line != record.line else f"row {number}"
        return InputError(f"is that of {first} too", path=path, hint=hint)
