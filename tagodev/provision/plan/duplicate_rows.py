"""Detection of rows that repeat the device or token of an earlier row.

Two rows for one device would depend on their order, and a token can be replaced only once, so such
a row is refused before anything is sent. Only digests are stored, since values may be tokens.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from tagodev.errors import InputError

if TYPE_CHECKING:
    from tagodev.provision.read.record import Record

__all__ = ["DuplicateRows"]


class DuplicateRows:
    """Detects repeated values; the file may be read several times."""

    def __init__(self) -> None:
        """Start without rows."""
        self._first: dict[bytes, tuple[int, int]] = {}

    def problem(self, record: Record, thing: str, *, path: str, hint: str) -> InputError | None:
        """Return the problem of a row that repeats an earlier value; None if it is new.

        Args:
            record: the row.
            thing: the value: a device id or a token.
            path: field of the value.
            hint: hint for the problem.
        """
        digest = blake2b(thing.encode(errors="surrogatepass"), digest_size=12).digest()
        number, line = self._first.setdefault(digest, (record.number, record.line))
        if number == record.number:
            return None
        first = f"line {line}" if line != record.line else f"row {number}"
        return InputError(f"is also on {first}", path=path, hint=hint)
