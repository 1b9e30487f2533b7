"""One budget for many processes: the ledger that leases from a store.

A thin shell: it asks the store for what the core's lease books want, one round trip at a time for
all routes, and lets the core give out what has come.
While the store is away nothing new is leased, and what the books hold is used up; a stated share of
each limit may be kept for that, since nobody could otherwise say who sends what.
"""

from __future__ import annotations

import asyncio
import logging
from hashlib import blake2b
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import attrs

from tagodev.errors import ConfigurationError
from tagodev.limits.core import Core
from tagodev.limits.leases import carried_windows
from tagodev.limits.pacing import aligned_pacer, steady_pacer
from tagodev.limits.scheduler import Scheduler
from tagodev.limits.stores import Exchange, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagodev.events import Event, EventSink
    from tagodev.limits.leases import Ask
    from tagodev.limits.settings import Settings
    from tagodev.limits.stores import LeaseStore, Reply
    from tagodev.secrets import Secret

__all__ = ["SharedLedger", "profile_name"]

_log: Final = logging.getLogger("tagodev.limits")

#: Seconds between two looks at what can be given back, and at windows that open.
_TICK: Final = 0.1
#: Seconds to wait before a store that is away is asked again: at first, and at most.
_FIRST_WAIT: Final = 0.05
_LONGEST_WAIT: Final = 1.0
#: Seconds that the store gets to answer.
_PATIENCE: Final = 5.0


def profile_name(base_url: str, token: Secret) -> str:
    """Return what a profile is called in a store: a keyed hash, from which no token comes back.

    Args:
        base_url: the service's address.
        token: the profile's token.
    """
    digest = blake2b(digest_size=16, key=b"tagodev ledger 1")
    digest.update(base_url.encode() + b"\0" + token.reveal().encode())
    return digest.hexdigest()


class SharedLedger:
    """Counts what many processes send on behalf of a profile, through a store."""

    def __init__(
        self,
        make_store: Callable[[], LeaseStore],
        *,
        profile: str = "",
        away_share: float = 0.0,
        processes: int = 8,
    ) -> None:
        """Begin with nothing counted; `SqliteLedger` and `RedisLedger` know their stores.

        Args:
            make_store: makes the store, in the loop in which it is used.
            profile: what the profile is called; default: a keyed hash of address and token. Clients
                whose tokens differ but whose profile is the same must name it.
            away_share: the part of each limit that each process may use in a window while the
                store is away, 0 to 1; default 0: nothing is sent then.
            processes: how many processes there may be at most, 1 to 10,000; so many times
                `away_share` is never leased. Routes that tell no time go at this part of the limit.
        """
        if not 0 <= away_share <= 1 or away_share * processes > 1:
            raise ConfigurationError("away_share times processes is from 0 to 1")
        if not 1 <= processes <= 10_000:
            raise ConfigurationError(f"processes is from 1 to 10000, not {processes}")
        self._make_store = make_store
        self._profile = profile
        self._away_share = away_share
        self._processes = processes
        self._holder = uuid4().hex
        self._shared: dict[str, _Shared] = {}

    def open(self, settings: Settings, sink: EventSink | None, profile: str) -> Scheduler:
        """Return the scheduler of the running loop for a profile; `leave` it when done.

        Args:
            settings: how to work; those of the client that came first hold while it is open.
            sink: called with each event; must not raise.
            profile: what the profile is called, where the ledger was not given a name.
        """
        name = self._profile or profile
        shared = self._shared.get(name)
        loop = asyncio.get_running_loop()
        if shared is None or shared.scheduler.loop is not loop or shared.ended:
            shared = self._shared[name] = _Shared(
                settings,
                self._make_store(),
                name=name,
                holder=uuid4().hex,
                away_share=self._away_share,
                processes=self._processes,
            )
        shared.enter(sink)
        return shared.scheduler

    async def leave(self, scheduler: Scheduler, sink: EventSink | None) -> None:
        """Say that a client is done; places that are left are given back by the last one."""
        for name, shared in list(self._shared.items()):
            if shared.scheduler is scheduler and await shared.leave(sink):
                del self._shared[name]


class _Shared:
    """One profile's core and the task that leases for it."""

    def __init__(
        self,
        settings: Settings,
        store: LeaseStore,
        *,
        name: str,
        holder: str,
        away_share: float,
        processes: int,
    ) -> None:
        self._store = store
        self._settings = settings
        self._name = name
        self._holder = holder
        self._away_share = away_share
        self._kept_back = away_share * processes
        self._carried = carried_windows(settings.transit_max, settings.limits.minute)
        self._wanted = asyncio.Event()
        self._sinks: list[EventSink] = []
        self._users = 0
        self._epoch = ""
        self._away = False
        self._task: asyncio.Task[None] | None = None
        self.core = Core(
            settings,
            make_pacer=aligned_pacer,
            make_steady_pacer=lambda limit: steady_pacer(
                max(limit // processes, 1),
                minute=settings.limits.minute,
                spread=settings.transit_max * settings.limits.minute / 60,
            ),
            on_lease_needed=self._wanted.set,
        )
        self.scheduler = Scheduler(self.core, ledger=f"{name}:{holder}")
        self.ended = False

    def enter(self, sink: EventSink | None) -> None:
        if sink is not None:
            self._sinks.append(sink)
        self.core.emit = self._emit if self._sinks else None
        self._users += 1
        if self._task is None:
            self._task = asyncio.create_task(self._lease(), name="tagodev ledger")

    async def leave(self, sink: EventSink | None) -> bool:
        self._users -= 1
        if sink is not None:
            self._sinks.remove(sink)
        self.core.emit = self._emit if self._sinks else None
        if self._users:
            return False
        self.ended = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        try:
            await self._give_back()
        finally:
            self.scheduler.close()
            await self._store.close()
        return True

    def _emit(self, event: Event) -> None:
        for sink in self._sinks:
            sink(event)

    async def _lease(self) -> None:
        """Ask the store whenever something is wanted, owed or left over."""
        wait = _FIRST_WAIT
        while True:
            self._wanted.clear()
            asks = self._asks()
            if asks and not await self._ask(asks):
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT)
                continue
            wait = _FIRST_WAIT
            try:
                async with asyncio.timeout(_TICK):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    def _asks(self) -> list[Ask]:
        now = self.scheduler.loop.time()
        asks: list[Ask] = []
        for bucket in self.core.shared_buckets().values():
            asks += bucket.lease_asks(now)
        if not self._kept_back:
            return asks
        return [
            attrs.evolve(ask, limit=max(int(ask.limit * (1 - self._kept_back)), 0)) for ask in asks
        ]

    async def _ask(self, asks: list[Ask]) -> bool:
        """Ask once, and return whether the store has answered."""
        books = {name: one.leases for name, one in self.core.shared_buckets().items()}
        for ask in asks:
            book = books[ask.route]
            assert book is not None, "only those who share ask"
            book.sent(ask)
        try:
            reply = await self._exchange(asks)
        except (StoreError, TimeoutError) as error:
            for ask in asks:
                book = books[ask.route]
                if book is not None:
                    book.failed(ask)
            self._note_away(error)
            return False
        except BaseException:
            for ask in asks:
                book = books[ask.route]
                if book is not None:
                    book.failed(ask)
            raise
        self._take(asks, reply)
        return True

    async def _exchange(self, asks: list[Ask]) -> Reply:
        core, minute = self.core, self._settings.limits.minute
        latest = core.clock.latest(self.scheduler.loop.time())
        exchange = Exchange(
            profile=self._name,
            holder=self._holder,
            minute=minute,
            carried=self._carried,
            first_safe=int(latest // minute) + 1 + self._carried,
            asks=asks,
        )
        async with asyncio.timeout(_PATIENCE):
            return await self._store.exchange(exchange)

    def _take(self, asks: list[Ask], reply: Reply) -> None:
        now = self.scheduler.loop.time()
        buckets = self.core.shared_buckets()
        if self._away:
            self._away = False
            _log.warning("the ledger's store is back")
        forgotten = bool(self._epoch) and reply.epoch != self._epoch
        self._epoch = reply.epoch
        poll = max(self._settings.limits.minute / 200, 0.02)
        for ask, given in zip(asks, reply.given, strict=True):
            book = buckets[ask.route].leases
            if book is not None and not forgotten:
                book.receive(given, now, wanted=ask.want > 0, poll=poll)
        for bucket in buckets.values():
            if bucket.leases is not None:
                if forgotten:
                    bucket.leases.forget(reply.first_free)
                bucket.leases.first_free = max(bucket.leases.first_free, reply.first_free)
        if forgotten:
            _log.warning("the ledger's store came back empty: waiting for windows that begin later")
        self.scheduler.dispatch()

    def _note_away(self, error: Exception) -> None:
        if not self._away:
            self._away = True
            share = f"{self._away_share:.0%} of each limit" if self._away_share else "nothing"
            _log.warning("the ledger's store is away (%s): %s is sent meanwhile", error, share)
        now = self.scheduler.loop.time()
        for name, bucket in self.core.shared_buckets().items():
            if bucket.leases is not None and self._away_share:
                limit = self._settings.limits.limit(name)
                bucket.leases.go_alone(now, int(limit * self._away_share))
        self.scheduler.dispatch()

    async def _give_back(self) -> None:
        """Give back what is left, once; whoever comes next need not wait for it."""
        now = self.scheduler.loop.time()
        asks: list[Ask] = []
        for name, bucket in self.core.shared_buckets().items():
            if bucket.leases is not None and self.core.clock.known:
                asks += bucket.leases.last_asks(name, now)
        if not asks:
            return
        try:
            await self._exchange(asks)
        except (StoreError, TimeoutError):
            _log.info("what is left of the leases can't be given back; it ends by itself")
