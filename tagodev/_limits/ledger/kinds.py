"""Ledgers for several processes: in SQLite or in Redis."""

from __future__ import annotations

from importlib.util import find_spec
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagodev._limits.ledger.shared import SharedLedger
from tagodev.errors import ConfigurationError

if TYPE_CHECKING:
    import os

    from tagodev._limits.ledger.lease_store import LeaseStore

__all__ = ["RedisLedger", "SqliteLedger"]


class SqliteLedger(SharedLedger):
    """Counts requests in an SQLite file, for the processes of one machine and across restarts.

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
        """Store leases in a file.

        Args:
            path: the file, on a local disk; created if missing, readable by its owner only.
            profile: name of the profile; default: a keyed hash of address and token.
            away_share: fraction of each limit that each process may use while the file is not
                available, 0 to 1; default 0.
            processes: maximum number of processes, 1 to 10,000; default 8.
            patience: seconds without the file after which waiting requests fail with `LedgerError`,
                if `away_share` is 0; default: never.

        Raises:
            ConfigurationError: a value is out of bounds.
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
        # Loaded on demand: most programs never use it.
        from tagodev._limits.ledger.sqlite import SqliteStore  # noqa: PLC0415

        return SqliteStore(self.path)


class RedisLedger(SharedLedger):
    """Counts requests in a Redis server (version 5 or later), for processes on many machines.

    Needs the extra ``redis``. The account needs ``EVAL``, ``GET`` and ``SET`` for its prefix.
    The server must not evict its key (``maxmemory-policy noeviction``).
    After a Redis server starts without data, also for the first time, all processes wait until no
    request that it may have lost can be counted any more: with the default `timeout` up to three
    and a half minutes.

    Examples:
        >>> ledger = RedisLedger("redis://10.0.0.5/0")
        >>> async def main() -> None:
        ...     async with Tago("p-...", plan="scale", ledger=ledger) as tago: ...
    """

    def __init__(
        self,
        url: str | Any,
        *,
        profile: str = "",
        away_share: float = 0.0,
        processes: int = 8,
        patience: float = inf,
        prefix: str = "tagodev",
    ) -> None:
        """Store leases in Redis.

        Args:
            url: the server's URL: ``redis://``, ``rediss://`` or ``unix://``; or a client of
                `redis.asyncio`, for Sentinel or a cluster, of the loop that uses the ledger. It
                stays open.
            profile: name of the profile; default: a keyed hash of address and token.
            away_share: fraction of each limit that each process may use while the server is not
                available, 0 to 1; default 0.
            processes: maximum number of processes, 1 to 10,000; default 8.
            patience: seconds without the server after which waiting requests fail with
                `LedgerError`, if `away_share` is 0; default: never.
            prefix: prefix of all keys.

        Raises:
            ConfigurationError: redis-py is not installed, or a value is out of bounds.
        """
        if find_spec("redis") is None:
            raise ConfigurationError(
                "RedisLedger needs redis-py", hint="pip install 'tagodev[redis]'"
            )
        if isinstance(url, str):
            if not url.startswith(("redis://", "rediss://", "unix://")):
                # Not shown: it may contain a password.
                raise ConfigurationError(
                    "The address of Redis begins with redis://, rediss:// or unix://"
                )
        elif not hasattr(url, "eval"):
            raise ConfigurationError(
                "RedisLedger needs an address or a client of redis.asyncio",
                hint="Pass RedisLedger('redis://host/0')",
            )
        self._server = url
        self.prefix = prefix
        where = url if isinstance(url, str) else id(url)
        super().__init__(
            f"redis {where} {prefix}",
            profile=profile,
            away_share=away_share,
            processes=processes,
            patience=patience,
        )

    def make_store(self) -> LeaseStore:
        """Return a store that connects with its first exchange."""
        # Needs the extra.
        from tagodev._limits.ledger.redis import RedisStore  # noqa: PLC0415

        return RedisStore(self._server, self.prefix)
