"""Redis lease store, for processes on many machines.

Every exchange replaces the profile's one value, if it is still the one that the new value was
computed from; otherwise Redis returns the present value and the exchange is computed again. The
value seen last is kept, so that an undisturbed exchange is one round trip.

The account needs ``EVAL``, ``GET`` and ``SET`` for keys that begin with the prefix. As there is one
key, a cluster works as well as a single server or one found through Sentinel.

A missing value counts as lost, and so does one that has fewer changes than this process has seen of
it: a restart or a failover has restored an older copy. Leases of that time may be lent once more by
a process that has not seen them, until one that has asks again.

The module requires redis-py; only `RedisLedger` imports it.
The server's time is used for the expiry of the key only: a month after its last use.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tagodev._limits.ledger.lease_store import Profile, StoreError
from tagodev.errors import ConfigurationError

if TYPE_CHECKING:
    from tagodev._limits.ledger.lease_store import Exchange, Reply

__all__ = ["RedisStore"]

#: How long an unused profile is remembered, in milliseconds.
_EXPIRY: Final = 30 * 86400 * 1000
#: Seconds to wait for a connection, and for an answer.
_TIMEOUT: Final = 3.0
#: How often an exchange is computed again because another process was faster.
_MAX_CONFLICTS: Final = 100
#: Seconds to wait at most before that, for each time that it happened.
_BACKOFF: Final = 1e-3
#: Replaces the value if it is the expected one, and returns the present one if it is not.
_SCRIPT: Final = """
local current = redis.call('GET', KEYS[1]) or ''
if current ~= ARGV[1] then
    return current
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return false
"""


class RedisStore:
    """Stores leases in a Redis server."""

    def __init__(self, server: str | Any, prefix: str) -> None:
        """Create a store that connects with its first exchange.

        Args:
            server: the server's URL, as for redis-py; or a client of `redis.asyncio`, which stays
                open.
            prefix: prefix of all keys.

        Raises:
            ConfigurationError: the URL is invalid.
        """
        self._owns_client = isinstance(server, str)
        try:
            self._client: Any = self._open(server) if isinstance(server, str) else server
        except ValueError as error:
            raise ConfigurationError(f"The address of Redis is invalid: {error}") from None
        self._prefix = prefix
        # The value of each key that was seen last, its epoch and its number of changes.
        self._values: dict[str, bytes] = {}
        self._seen: dict[str, tuple[str, int]] = {}

    @staticmethod
    def _open(url: str) -> Any:
        return Redis.from_url(
            url,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )

    async def exchange(self, exchange: Exchange) -> Reply:
        """Apply what a process reports, and lease what is available, in one replacement.

        Raises:
            StoreError: Redis is not available, or its answer is invalid.
        """
        key = f"{self._prefix}:{exchange.profile}:{exchange.window_seconds:g}"
        for conflicts in range(_MAX_CONFLICTS):
            if conflicts:
                # Not all at the same moment again.
                await asyncio.sleep(random.uniform(0, _BACKOFF * conflicts))  # noqa: S311 - no secret
            known = self._values.get(key, b"")
            profile = self._read(key, known, exchange)
            reply, value = profile.apply(exchange), profile.dump()
            present = await self._replace(key, known, value)
            if present in (None, value):
                # Its own value may be there already: a client may repeat what it got no answer to.
                self._values[key] = value
                self._seen[key] = profile.epoch, profile.changes
                return reply
            self._values[key] = present
        raise StoreError("too many processes change the ledger at once")

    def _read(self, key: str, value: bytes, exchange: Exchange) -> Profile:
        profile = Profile(value or None)
        epoch, changes = self._seen.get(key, ("", 0))
        restored = profile.epoch == epoch and profile.changes < changes
        if restored or profile.first_free is None:
            profile.forget(exchange.first_safe)
        return profile

    async def _replace(self, key: str, expected: bytes, value: bytes) -> bytes | None:
        """Replace a value, and return None, or the present value if it is not the expected one."""
        try:
            present = await self._client.eval(_SCRIPT, 1, key, expected, value, _EXPIRY)
        except (RedisError, OSError, ValueError, TypeError) as error:
            problem = str(error) or type(error).__name__
        else:
            if isinstance(present, str):
                present = present.encode()
            if present is None or isinstance(present, bytes):
                return present
            problem = "its answer is invalid"
        raise StoreError(problem)

    async def close(self) -> None:
        """Close the connections, unless the client was given."""
        if self._owns_client:
            await self._client.aclose()
