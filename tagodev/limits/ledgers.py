"""The ledgers that outlive a process, or that several share, by where they keep their leases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tagodev.limits.shared import SharedLedger
from tagodev.limits.sqlite_store import SqliteStore

if TYPE_CHECKING:
    import os

__all__ = ["SqliteLedger"]


class SqliteLedger(SharedLedger):
    """One budget for the processes of one machine, and for the next start of the same program.

    Example:
        >>> ledger = SqliteLedger("/var/lib/site/tagodev.ledger")
        >>> async def main() -> None:
        ...     async with Tago("p-...", plan="scale", ledger=ledger) as tago: ...
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        profile: str = "",
        away_share: float = 0.0,
        processes: int = 8,
    ) -> None:
        """Keep leases in a file.

        Args:
            path: the file, on a disk of this machine; it is made, for its owner's eyes only.
            profile: what the profile is called; default: a keyed hash of address and token.
            away_share: the part of each limit that each process may use while the file can't be
                used, 0 to 1; default 0.
            processes: how many processes there may be at most, 1 to 10,000; default 8.
        """
        self.path = Path(path)
        super().__init__(
            lambda: SqliteStore(self.path),
            profile=profile,
            away_share=away_share,
            processes=processes,
        )
