"""The ledgers that outlive a process, or that several share, by where they keep their leases."""

from __future__ import annotations

from importlib.util import find_spec
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from tagodev.errors import ConfigurationError
from tagodev.limits.ledger.shared import SharedLedger

if TYPE_CHECKING:
    import os

    from tagodev.limits.ledger.lease_store import LeaseStore

__all__ = ["RedisLedger", "SqliteLedger"]


class SqliteLedger(SharedLedger):
    """One budget for the processes of one machine, and for the next start of the same program.

    Examples:
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
        patience: float = inf,
    ) -> None:
        """Keep leases in a file.

        Args:
            path: the file, on a disk of this machine; it is made, for its owner's eyes only.
            profile: what the profile is called; default: a keyed hash of address and token.
            away_share: the part of each limit that each process may use while the file can't be
                used, 0 to 1; default 0.
            processes: how many processes there may be at most, 1 to 10,000; default 8.
            patience: seconds that it may be away before requests that wait for it fail with
                `LedgerError`, where `away_share` is 0; default: for ever.

        Raises:
            ConfigurationError: a value out of bounds.
        """
        self.path: Path = Path(path)
        super().__init__(
            f"sqlite {self.path.absolute()}",
            profile=profile,
            away_share=away_share,
            processes=processes,
            patience=patience,
        )

    def make_store(self) -> LeaseStore:
        """Return a store that opens the file with its first exchange."""
        # Not loaded with the package: most programs never ask for it.
        from tagodev.limits.ledger.sqlite import SqliteStore  # noqa: PLC0415

        return SqliteStore(self.path)


class RedisLedger(SharedLedger):
    """One budget for processes on many machines, kept in a Redis server of version 5 or later.

    Needs the extra ``redis``.
    A server that came up empty makes everybody wait until nothing of what it may have forgotten
    can be counted any more, after its very first start, too: with the default `timeout` up to three
    and a half minutes.

    Examples:
        >>> ledger = RedisLedger("redis://10.0.0.5/0")
        >>> async def main() -> None:
        ...     async with Tago("p-...", plan="scale", ledger=ledger) as tago: ...
    """

    def __init__(
        self,
        url: str,
        *,
        profile: str = "",
        away_share: float = 0.0,
        processes: int = 8,
        patience: float = inf,
        prefix: str = "tagodev",
    ) -> None:
        """Keep leases in Redis.

        Args:
            url: the server's: ``redis://``, ``rediss://`` or ``unix://``.
            profile: what the profile is called; default: a keyed hash of address and token.
            away_share: the part of each limit that each process may use while the server is away,
                0 to 1; default 0.
            processes: how many processes there may be at most, 1 to 10,000; default 8.
            patience: seconds that it may be away before requests that wait for it fail with
                `LedgerError`, where `away_share` is 0; default: for ever.
            prefix: what the names of all keys begin with.

        Raises:
            ConfigurationError: redis-py is not installed, or a value is out of bounds.
        """
        if find_spec("redis") is None:
            raise ConfigurationError(
                "RedisLedger needs redis-py", hint="pip install 'tagodev[redis]'"
            )
        if not url.startswith(("redis://", "rediss://", "unix://")):
            # Not shown: a password may stand in it.
            raise ConfigurationError(
                "The address of Redis begins with redis://, rediss:// or unix://"
            )
        self._url = url
        self.prefix = prefix
        super().__init__(
            f"redis {url} {prefix}",
            profile=profile,
            away_share=away_share,
            processes=processes,
            patience=patience,
        )

    def make_store(self) -> LeaseStore:
        """Return a store that connects with its first exchange."""
        # Needs the extra.
        from tagodev.limits.ledger.redis import RedisStore  # noqa: PLC0415

        return RedisStore(self._url, self.prefix)
