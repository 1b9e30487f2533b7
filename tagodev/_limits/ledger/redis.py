"""Redis lease store, for processes on many machines.

Every exchange is one Lua script, which Redis executes atomically.
All data of a profile is in one key, so Redis loses all of it or nothing: leases are never lost
while their epoch stays.
The epoch also ends when another server answers, or the same one after a restart: data restored
from a disk or a replica may lack the latest leases.

The module requires redis-py; only `RedisLedger` imports it.
The server's time is used for the expiry of the key only: a month after its last use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import attrs
import orjson
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tagodev._limits.ledger.lease_store import PART, PEAK_WINDOWS, SEEN, Reply, StoreError
from tagodev._limits.ledger.leases import Lease
from tagodev.errors import ConfigurationError

if TYPE_CHECKING:
    from tagodev._limits.ledger.lease_store import Exchange

__all__ = ["RedisStore"]

#: How long an unused profile is remembered, in milliseconds.
_EXPIRY: Final = 30 * 86400 * 1000
#: Seconds to wait for a connection, and for an answer.
_TIMEOUT: Final = 3.0
#: Holdings by window and route are a JSON object with one array per process, with the fields of
#: `Holding`; the rest implements `permits_for` and `share_of`.
_SCRIPT: Final = f"""
local key, holder, epoch, first_safe = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local carried, requests = tonumber(ARGV[4]), cjson.decode(ARGV[5])
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''
local known = redis.call('HMGET', key, 'epoch', 'run', 'first_free')
if not known[1] or known[2] ~= run then
    redis.call('DEL', key)
    redis.call('HSET', key, 'epoch', epoch, 'run', run, 'first_free', first_safe)
    known = {{epoch, run, first_safe}}
end

local function field(route, number)
    return string.format('%.0f ', number) .. route
end

local function windows_of(route, number)
    local text = redis.call('HGET', key, 'windows ' .. route)
    local windows, kept, isnew = text and cjson.decode(text) or {{}}, {{}}, true
    for _, window in ipairs(windows) do
        isnew = isnew and window[1] ~= number
    end
    if not isnew then
        return windows
    end
    windows[#windows + 1] = {{number, number}}
    for _, window in ipairs(windows) do
        if window[2] < number - 1 and window[1] < number - 1 - {PEAK_WINDOWS} then
            redis.call('HDEL', key, field(route, window[1]))
        else
            kept[#kept + 1] = window
        end
    end
    return kept
end

local function free_and_calls(request, windows, mine)
    local latest, calls, full = {{}}, {{}}, false
    for _, window in ipairs(windows) do
        local number = window[1]
        if number <= request.number then
            local holdings = mine
            if number ~= request.number then
                local text = redis.call('HGET', key, field(request.route, number))
                holdings = cjson.decode(text or '{{}}')
            end
            calls[number] = 0
            for who, one in pairs(holdings) do
                if not latest[who] or latest[who][1] < number then
                    latest[who] = {{number, one}}
                end
                calls[number] = calls[number] + one[4]
                full = full or (number == request.number and one[5])
            end
        end
    end
    local held, peak = 0, 0
    for _, found in pairs(latest) do
        local one = found[2]
        if found[1] == request.number then
            held = held + one[1]
        elseif one[3] >= request.number then
            held = held + math.min(one[1], one[2])
        end
    end
    for number, count in pairs(calls) do
        if number ~= request.number and number >= request.number - {PEAK_WINDOWS} then
            peak = math.max(peak, count)
        end
    end
    return request.limit - held, calls[request.number], peak, full
end

local function share_of(request, free, present, peak)
    if free <= 0 then
        return 0
    end
    local urgent = math.min(request.urgent, free)
    local reserve = request.reserve
    if reserve == cjson.null then
        reserve = peak
    end
    local reserved = math.max(reserve - present - urgent, 0)
    if request.reserve == cjson.null then
        local rest = present * request.left / math.max(1 - request.left, {SEEN})
        reserved = math.max(reserved, math.floor(rest))
    end
    local left = free - urgent - reserved
    local bulk = request.want - request.urgent
    if bulk <= 0 or left <= 0 then
        return urgent
    end
    local block = math.max(math.floor(left / {PART}), math.floor(request.limit / 1000), 1)
    return urgent + math.min(bulk, block, left)
end

local leases = {{}}
for nth, request in ipairs(requests) do
    local windows = windows_of(request.route, request.number)
    local at = field(request.route, request.number)
    local all = cjson.decode(redis.call('HGET', key, at) or '{{}}')
    local until_ = request.number + carried
    local mine = all[holder] or {{request.carry, request.loose, until_, 0, false}}
    mine[1] = mine[1] - request.back
    mine[4] = mine[4] + request.interactive
    mine[5] = mine[5] or request.full
    all[holder] = mine
    for _, window in ipairs(windows) do
        if window[1] == request.number then
            window[2] = math.max(window[2], until_)
        end
    end
    local free, present, peak, full = free_and_calls(request, windows, all)
    local permits = 0
    if request.want > 0 and not full then
        permits = share_of(request, free, present, peak)
    end
    mine[1] = mine[1] + permits
    redis.call('HSET', key, at, cjson.encode(all))
    redis.call('HSET', key, 'windows ' .. request.route, cjson.encode(windows))
    leases[nth] = {{permits, full}}
end
redis.call('PEXPIRE', key, {_EXPIRY})
return {{known[1], known[3], cjson.encode(leases)}}
"""


class RedisStore:
    """Stores leases in a Redis server."""

    def __init__(self, url: str, prefix: str) -> None:
        """Create a store that connects with its first exchange.

        Args:
            url: the server's URL, as for redis-py.
            prefix: prefix of all keys.

        Raises:
            ConfigurationError: the URL is invalid.
        """
        try:
            self._client = Redis.from_url(
                url,
                socket_timeout=_TIMEOUT,
                socket_connect_timeout=_TIMEOUT,
                # A request sent twice may be leased twice.
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError as error:
            raise ConfigurationError(f"The address of Redis is invalid: {error}") from None
        self._prefix = prefix
        self._script = self._client.register_script(_SCRIPT)

    async def exchange(self, exchange: Exchange) -> Reply:
        """Apply what a process reports, and lease what is available, with one script.

        Raises:
            StoreError: Redis is not available, or its answer is invalid.
        """
        requests = orjson.dumps([attrs.asdict(request) for request in exchange.requests])
        try:
            answer: Any = await self._script(
                keys=[f"{self._prefix}:{exchange.profile}:{exchange.window_seconds:g}"],
                args=[
                    exchange.holder,
                    uuid4().hex,
                    exchange.first_safe,
                    exchange.carried,
                    requests,
                ],
            )
            return _read(exchange, answer)
        except (RedisError, OSError, ValueError, TypeError) as error:
            problem = str(error) or type(error).__name__
        raise StoreError(problem)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _read(exchange: Exchange, answer: Any) -> Reply:
    epoch, first_free, leases = answer
    permits = orjson.loads(leases) if exchange.requests else []
    return Reply(
        epoch.decode(),
        int(first_free),
        [
            Lease(request.route, request.number, int(got), bool(full))
            for request, (got, full) in zip(exchange.requests, permits, strict=True)
        ],
    )
