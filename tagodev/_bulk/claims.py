"""Claims of a run's items on names, devices and tokens.

An item whose answer was lost is identified by what it should have created.
That is safe only if two items can't mean the same resource, so the owner of each is recorded: what
belongs to one item is neither used nor found for another one.

A claim stores an eight-byte digest: enough for a million items, and no secret.
"""

from __future__ import annotations

from hashlib import blake2b

__all__ = ["Claims"]


class Claims:
    """Records which item of a run owns a name, device or token."""

    def __init__(self) -> None:
        """Initialize without claims."""
        self._owners: dict[int, int] = {}

    def take(self, resource: str, index: int) -> int:
        """Claim something for an item, unless another item owns it.

        Args:
            resource: an id, a name or a token.
            index: the index of the item, from 0.

        Returns:
            The index of the item that owns it.
        """
        return self._owners.setdefault(_digest(resource), index)

    def is_free(self, resource: str, index: int) -> bool:
        """Return whether no other item owns something."""
        return self._owners.get(_digest(resource), index) == index


def _digest(resource: str) -> int:
    return int.from_bytes(blake2b(resource.encode(errors="surrogatepass"), digest_size=8).digest())
