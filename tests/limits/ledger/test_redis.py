"""Leases in Redis: what it may forget, and what it must never show."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest
from redis.asyncio import Redis

from tagodev import ConfigurationError, RedisLedger
from tagodev._limits.ledger.lease_store import StoreError
from tagodev._limits.ledger.redis import RedisStore
from tests.limits.leasing import ask, exchange
from tests.support.redis_server import RedisServer, redis_or_skip

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """Give a Redis server that is empty."""
    with RedisServer(redis_or_skip()) as server:
        yield server


@pytest.fixture
async def store(server: RedisServer) -> AsyncIterator[RedisStore]:
    """Give a store in it."""
    store = RedisStore(server.url, "tests")
    yield store
    await store.close()


ALL = exchange(ask(want=320, urgent=320))


async def test_an_empty_server_makes_everybody_wait(store: RedisStore) -> None:
    """A new server counts as one that lost its data; the first process sets the wait."""
    first = await store.exchange(exchange(first_safe=103))
    second = await store.exchange(exchange(holder="two", first_safe=109))

    assert (103, 103) == (first.first_free, second.first_free)
    assert first.epoch == second.epoch


@pytest.mark.parametrize("command", ["FLUSHALL", "DEL tests:garden:60"])
async def test_who_has_forgotten_has_a_new_epoch(
    store: RedisStore, server: RedisServer, command: str
) -> None:
    """What was deleted is not taken for what was never there."""
    before = await store.exchange(ALL)
    server.ask(*command.split())
    after = await store.exchange(exchange(ask(want=1), first_safe=109))

    assert before.epoch != after.epoch
    assert 109 == after.first_free


async def test_a_restart_is_a_new_epoch_even_if_the_data_is_there(
    store: RedisStore, server: RedisServer
) -> None:
    """What a server reads from its disk, or a replica has, may lack the latest leases."""
    before = await store.exchange(exchange(ask(want=1)))
    server.ask("COPY", "tests:garden:60", "older")
    await store.exchange(ALL)
    server.ask("COPY", "older", "tests:garden:60", "REPLACE")
    after = await store.exchange(exchange(ask(want=320, urgent=320), first_safe=109))

    assert before.epoch != after.epoch
    assert (109, 320) == (after.first_free, after.leases[0].permits)


async def test_away_and_back_again(store: RedisStore, server: RedisServer) -> None:
    """A server that is not there is an error of the store; one that is there again is used."""
    before = await store.exchange(ALL)
    server.stop()
    with pytest.raises(StoreError):
        await store.exchange(ALL)
    server.start()
    after = await store.exchange(exchange(first_safe=109))

    assert before.epoch != after.epoch
    assert 109 == after.first_free


async def test_a_hanging_server_is_away(store: RedisStore) -> None:
    """One that accepts connections and says nothing that makes sense is as good as none."""

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"+what?\r\n" * 20)
        writer.close()

    listener = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    babbling = RedisStore(f"redis://127.0.0.1:{port}/0", "tests")
    with pytest.raises(StoreError):
        await babbling.exchange(ALL)
    await babbling.close()
    listener.close()


async def test_keys_expire_by_themselves(store: RedisStore, server: RedisServer) -> None:
    """An unused profile expires as a whole after a month."""
    await store.exchange(ALL)
    left = int(server.ask("PTTL", "tests:garden:60").strip(b":\r\n"))

    assert b":1\r\n" == server.ask("DBSIZE")
    assert 29 * 86400 * 1000 < left <= 30 * 86400 * 1000


async def test_windows_that_are_past_are_forgotten(store: RedisStore, server: RedisServer) -> None:
    """What a profile holds does not grow with time."""
    for number in range(100, 160):
        await store.exchange(exchange(ask(number, want=3)))
    size = int(server.ask("STRLEN", "tests:garden:60").strip(b":\r\n"))

    assert size < 1000


async def test_a_client_of_the_callers(server: RedisServer) -> None:
    """Any client of redis.asyncio will do, with whatever settings; it stays open."""
    for decodes in (False, True):
        client = Redis.from_url(server.url, decode_responses=decodes)
        ledger = RedisLedger(client, prefix=f"given{decodes}")
        store, other = ledger.make_store(), RedisStore(server.url, f"given{decodes}")
        assert 20 == (await store.exchange(exchange(ask(want=1000)))).leases[0].permits
        assert 18 == (await other.exchange(exchange(ask(want=1000), holder="b"))).leases[0].permits
        assert 17 == (await store.exchange(exchange(ask(want=1000)))).leases[0].permits
        await store.close()
        await other.close()
        assert await client.ping()
        await client.aclose()


async def test_an_undisturbed_exchange_is_one_round_trip(server: RedisServer) -> None:
    """The value seen last is expected to be the present one."""
    store = RedisStore(server.url, "tests")
    evaluate, trips = store._client.eval, []

    async def count(*given: object) -> object:
        trips.append(given)
        return await evaluate(*given)

    store._client.eval = count
    for number in range(5):
        await store.exchange(exchange(ask(100 + number, want=3)))
    await store.close()

    assert 5 == len(trips)


async def test_the_prefix_keeps_apart(store: RedisStore, server: RedisServer) -> None:
    """Two programs on one server don't share a budget unless they share the prefix."""
    other = RedisStore(server.url, "others")
    await store.exchange(ALL)
    reply = await other.exchange(ALL)
    await other.close()

    assert 320 == reply.leases[0].permits


def test_odd_addresses_are_refused() -> None:
    """Without showing them: a password may stand in them."""
    with pytest.raises(ConfigurationError, match="redis://") as caught:
        RedisLedger("http://:hunter2@host")
    assert "hunter2" not in str(caught.value)


def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no redis-py learns what to do."""
    for name in [name for name in sys.modules if name.split(".")[0] == "redis"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("tagodev._limits.ledger.kinds.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError) as caught:
        RedisLedger("redis://127.0.0.1")
    assert "tagodev[redis]" in str(caught.value)
