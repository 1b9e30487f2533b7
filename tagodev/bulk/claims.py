"""What rows of a run own: the names by which they are known, and the devices and tokens they made.

A row whose answer was lost is known again by what it should have created.
That is only safe where no two rows can mean the same thing, so each owner is noted: what belongs to
one row is neither given to another one nor found for it.

A claim takes eight bytes of what it is about: enough to tell a million things apart, and no secret.
"""

from __future__ import annotations

from hashlib import blake2b

__all__ = ["Claims"]


class Claims:
    """Notes which row of a run owns what."""

    def __init__(self) -> None:
        """Start with nothing owned."""
        self._owners: dict[int, int] = {}

    def take(self, thing: str, index: int) -> int:
        """Claim something for a row, unless another row owns it.

        Args:
            thing: an id, a name or a token.
            index: which row, from 0.

        Returns:
            The row that owns it.
        """
        return self._owners.setdefault(_digest(thing), index)

    def is_free(self, thing: str, index: int) -> bool:
        """Return whether no other row owns something."""
        return self._owners.get(_digest(thing), index) == index


def _digest(thing: str) -> int:
    return int.from_bytes(blake2b(thing.encode(errors="surrogatepass"), digest_size=8).digest())
