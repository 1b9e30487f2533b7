"""What every store does: one contract, held by each, and by the one in memory of other tests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias
from uuid import uuid4

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagodev._limits.ledger.lease_store import fair_share, share_of
from tagodev._limits.ledger.redis import RedisStore
from tagodev._limits.ledger.sqlite import SqliteStore
from tests.limits.leasing import MemoryStore, ask, exchange
from tests.support.redis_server import RedisServer, redis_or_skip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tagodev._limits.ledger.lease_store import Exchange, LeaseStore, Reply
    from tagodev._limits.ledger.leases import LeaseRequest

#: Makes another store that sees the same leases.
MakeStore: TypeAlias = "Callable[[], LeaseStore]"


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    """Give a Redis server."""
    with RedisServer(redis_or_skip()) as server:
        yield server


@pytest.fixture(params=["sqlite", "redis"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> MakeStore:
    """Give what makes stores of one kind that were not used yet."""
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "ledger.sqlite")
    server: RedisServer = request.getfixturevalue("redis_server")
    server.ask("FLUSHALL")
    return lambda: RedisStore(server.url, "tests")


async def told(make_store: MakeStore, *exchanges: Exchange) -> list[Reply]:
    """Return what a store answers, one exchange after the other."""
    store = make_store()
    try:
        return [await store.exchange(one) for one in exchanges]
    finally:
        await store.close()


async def places(make_store: MakeStore, *exchanges: Exchange) -> list[int]:
    """Return the number of permits of the first lease of each exchange."""
    return [reply.leases[0].permits for reply in await told(make_store, *exchanges)]


# --- what is given -------------------------------------------------------------------------------


async def test_blocks_are_a_share_of_what_is_left(make_store: MakeStore) -> None:
    """Each block is a sixteenth of what is free, for every process."""
    asked = [exchange(ask(want=1000), holder=who) for who in ("one", "two", "one")]

    assert [20, 18, 17] == await places(make_store, *asked)


async def test_no_more_than_is_wanted(make_store: MakeStore) -> None:
    """Who wants three gets three."""
    assert [3] == await places(make_store, exchange(ask(want=3)))


async def test_all_of_it_is_given_and_no_more(make_store: MakeStore) -> None:
    """In the end the whole limit is leased, in single places at last."""
    given = await places(make_store, *[exchange(ask(want=1000))] * 100)

    assert (320, 1, 0) == (sum(given), min(filter(None, given)), given[-1])


async def test_nobody_holds_more_than_is_left(make_store: MakeStore) -> None:
    """Places of others, and what they carry, are not given."""
    others = exchange(ask(want=100, urgent=100, carry=50), holder="two")

    assert [100, 170] == await places(make_store, others, exchange(ask(want=500, urgent=500)))


async def test_what_is_given_back_is_given_again(make_store: MakeStore) -> None:
    """Places that one gives back, another gets."""
    asked = [
        exchange(ask(want=320, urgent=320), holder="two"),
        exchange(ask(want=1, urgent=1)),
        exchange(ask(back=7), holder="two"),
        exchange(ask(want=10, urgent=10)),
    ]

    assert [320, 0, 0, 7] == await places(make_store, *asked)


async def test_a_carry_is_said_once(make_store: MakeStore) -> None:
    """Only what is said of the carry at first counts; a word that comes late changes nothing."""
    asked = [
        exchange(ask(carry=100), holder="two"),
        exchange(ask(carry=5), holder="two"),
        exchange(ask(want=320, urgent=320)),
    ]

    assert [0, 0, 220] == await places(make_store, *asked)


async def test_who_has_said_nothing_may_have_his_loose_ones_there(make_store: MakeStore) -> None:
    """Of a process that has not spoken of a window, as many may fall there as it lets loose."""
    asked = [
        exchange(ask(100, want=200, urgent=200), holder="two"),
        exchange(ask(101, want=320, urgent=320)),
        exchange(ask(101, carry=4), holder="two"),
        exchange(ask(101, want=320, urgent=320)),
    ]

    assert [200, 256, 0, 60] == await places(make_store, *asked)


async def test_no_more_is_loose_than_was_held(make_store: MakeStore) -> None:
    """Who held three places in the window before has no more than three in this one."""
    asked = [
        exchange(ask(100, want=3, urgent=3), holder="two"),
        exchange(ask(101, want=320, urgent=320)),
    ]

    assert [3, 317] == await places(make_store, *asked)


async def test_the_last_word_holds_for_later_windows(make_store: MakeStore) -> None:
    """A process that reported no charges holds nothing in later windows."""
    asked = [
        exchange(ask(100, want=200, urgent=200), holder="two"),
        exchange(ask(101, carry=0), holder="two"),
        exchange(ask(102, want=320, urgent=320)),
    ]

    assert [200, 0, 320] == await places(make_store, *asked)


async def test_nothing_is_held_for_ever(make_store: MakeStore) -> None:
    """Of one who says nothing more nothing is left after as many windows as a request may last."""
    asked = [
        exchange(ask(100, want=200, urgent=200), holder="two"),
        exchange(ask(102, want=320, urgent=320), holder="three"),
        exchange(ask(103, want=320, urgent=320)),
    ]

    assert [200, 256, 256] == await places(make_store, *asked)


async def test_a_reserve_is_left_to_calls(make_store: MakeStore) -> None:
    """Bulk work leaves a reserve to interactive calls of any process, less what they had."""
    asked = [
        exchange(ask(want=310, urgent=310), holder="two"),
        exchange(ask(want=100, reserve=10)),
        exchange(ask(want=4, urgent=4), holder="two"),
        exchange(ask(interactive=4), holder="two"),
        exchange(ask(want=100, reserve=4)),
    ]

    assert [310, 0, 4, 0, 1] == await places(make_store, *asked)


async def test_the_reserve_goes_by_the_recent_peak(make_store: MakeStore) -> None:
    """As many places are kept as calls of all processes took at their peak, for a few windows."""
    asked = [
        exchange(ask(90, interactive=200), holder="two"),
        exchange(ask(97, interactive=150), holder="two"),
        exchange(ask(97, interactive=154), holder="three"),
        exchange(ask(99, interactive=100), holder="two"),
        exchange(ask(102, want=1000)),
        exchange(ask(103, want=1000), holder="four"),
    ]

    assert [0, 0, 0, 0, 1, 13] == await places(make_store, *asked)


async def test_calls_go_on_as_they_began(make_store: MakeStore) -> None:
    """Bulk work leaves calls as many in the rest of a window as they needed of it so far."""
    asked = [
        exchange(ask(want=300, urgent=300, interactive=15), holder="two"),
        exchange(ask(want=100, left=0.6)),
        exchange(ask(want=100, left=0.5)),
        exchange(ask(want=100, left=0.25)),
    ]

    assert [300, 0, 1, 1] == await places(make_store, *asked)


async def test_one_closes_the_window_for_all(make_store: MakeStore) -> None:
    """A window reported as full is full for all processes, and only that window."""
    replies = await told(
        make_store,
        exchange(ask(100, full=True), holder="two"),
        exchange(ask(100, want=5), ask(101, want=5), ask(100, route="GET /device", want=5)),
    )

    assert [(0, True), (5, False), (5, False)] == [
        (given.permits, given.full) for given in replies[1].leases
    ]


async def test_profiles_windows_and_minutes_are_apart(make_store: MakeStore) -> None:
    """Places of one profile, window, or length of window are none of another."""
    full = ask(want=320, urgent=320)
    asked = [
        exchange(full),
        exchange(full, profile="other"),
        exchange(full, window_seconds=30.0),
        exchange(ask(103, want=320, urgent=320)),
    ]

    assert [320, 320, 320, 320] == await places(make_store, *asked)


async def test_an_exchange_without_asks_tells_the_epoch(make_store: MakeStore) -> None:
    """Nothing asked, nothing given."""
    (reply,) = await told(make_store, exchange())

    assert [] == reply.leases
    assert reply.epoch


# --- many at once, and for long ------------------------------------------------------------------


async def test_several_at_once(make_store: MakeStore) -> None:
    """Concurrent requests get separate permits, also from a new store."""
    stores = [make_store() for _ in range(8)]

    async def take_all(store: LeaseStore, holder: str) -> int:
        given = 0
        for _ in range(30):
            reply = await store.exchange(exchange(ask(want=1000), holder=holder))
            given += reply.leases[0].permits
        return given

    try:
        taken = await asyncio.gather(*(take_all(one, str(n)) for n, one in enumerate(stores)))
        epochs = {(await store.exchange(exchange())).epoch for store in stores}
    finally:
        for store in stores:
            await store.close()

    assert (320, 1) == (sum(taken), len(epochs))


asks = st.builds(
    ask,
    number=st.integers(-1, 0),
    want=st.integers(0, 400),
    carry=st.integers(0, 80),
    loose=st.integers(1, 40),
    back=st.integers(0, 5),
    interactive=st.integers(0, 30),
    reserve=st.sampled_from([None, None, 0, 20]),
    left=st.floats(0, 1),
    full=st.sampled_from([False, False, False, True]),
    route=st.sampled_from(["POST /device", "GET /device"]),
    limit=st.sampled_from([320, 5000]),
).flatmap(lambda one: st.integers(0, one.want).map(lambda urgent: attrs.evolve(one, urgent=urgent)))
#: Into how many further windows a request of each process may fall.
CARRIED = {"a": 1, "b": 2, "c": 9}
histories = st.lists(
    st.tuples(
        # Windows since the exchange before.
        st.sampled_from([0, 0, 1, 1, 2, 6]),
        st.builds(
            # How long a request of a process may last does not change.
            lambda asks, holder: exchange(*asks, holder=holder, carried=CARRIED[holder]),
            st.lists(asks, min_size=1, max_size=3),
            st.sampled_from(list(CARRIED)),
        ),
    ),
    max_size=25,
)


@given(history=histories)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_stores_give_the_same(
    make_store: MakeStore, history: list[tuple[int, Exchange]]
) -> None:
    """Whatever is asked, in whatever windows, every store gives what the one in memory gives."""
    latest, profile = 100, uuid4().hex
    in_order = []
    for passed, one in history:
        latest += passed
        asked = [attrs.evolve(each, number=latest + each.number) for each in one.requests]
        in_order.append(attrs.evolve(one, requests=asked, profile=profile))
    memory = MemoryStore()
    expected = [memory.answer(one).leases for one in in_order]

    assert expected == [reply.leases for reply in asyncio.run(told(make_store, *in_order))]


# --- shares --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("capacity", "claims", "shares"),
    [
        (120, {"a": 1000, "b": 50, "c": 10}, {"a": 60, "b": 50, "c": 10}),
        (120, {"a": 1000, "b": 1000}, {"a": 60, "b": 60}),
        (120, {"a": 30, "b": 20}, {"a": 30, "b": 20}),
        (7, {"a": 9, "b": 9, "c": 9}, {"a": 3, "b": 2, "c": 2}),
        (0, {"a": 9}, {"a": 0}),
        (-5, {"a": 9, "b": 0}, {"a": 0, "b": 0}),
    ],
)
def test_fair_shares(capacity: int, claims: dict[str, int], shares: dict[str, int]) -> None:
    """Each gets the same, except those that want less."""
    assert shares == fair_share(capacity, claims)


async def test_bulk_work_of_processes_has_fair_shares(make_store: MakeStore) -> None:
    """While a window is young nobody gets more than its part; later what is left is for anyone."""
    young = [exchange(ask(want=100_000, left=0.9), holder=who) for who in ["a", "b", *["a"] * 60]]
    late = [exchange(ask(want=100_000, left=0.4), holder="a") for _ in range(60)]
    got = await places(make_store, *young, *late)
    first = got[0] + sum(got[2 : len(young)])

    assert 160 == first
    assert 320 == sum(got)


async def test_calls_need_no_fair_share(make_store: MakeStore) -> None:
    """Interactive calls get what is free."""
    asked = [
        exchange(ask(want=100_000, left=0.9), holder="a"),
        exchange(ask(want=200, urgent=200, left=0.9), holder="b"),
    ]
    assert [20, 200] == await places(make_store, *asked)


@pytest.mark.parametrize(
    ("asked", "free", "peak", "calls", "share"),
    [
        (ask(want=1000), 320, 0, 0, 20),
        (ask(want=1000), 320, 16, 0, 19),
        (ask(want=1000), 320, 16, 16, 20),
        (ask(want=1000), 5, 5, 0, 0),
        (ask(want=2, urgent=2), 5, 5, 0, 2),
        (ask(want=9, urgent=9), 5, 5, 0, 5),
        (ask(want=1000, urgent=2), 5, 4, 0, 3),
        (ask(want=1000, limit=10_000), 30, 0, 0, 10),
        (ask(want=1000, limit=10_000), 3, 0, 0, 3),
        (ask(want=1000, left=0.75), 320, 0, 10, 18),
        (ask(want=1000, left=0.75), 30, 0, 10, 0),
        (ask(want=1000, left=0.75), 31, 0, 10, 1),
        (ask(want=1000, left=1.0), 91, 0, 10, 0),
        (ask(want=1000, left=0.25), 4, 0, 10, 1),
        (ask(want=1000, left=0.75, reserve=0), 30, 0, 10, 1),
        (ask(want=1000), 0, 0, 0, 0),
        (ask(want=1000), -5, 0, 0, 0),
    ],
)
def test_share(asked: LeaseRequest, free: int, peak: int, calls: int, share: int) -> None:
    """A share of what is left, less a reserve; what calls wait for comes first."""
    assert share == share_of(asked, free, peak=peak, interactive=calls)
