"""One budget for many processes: the ledger that leases from a store.

A thin shell: it asks the store for what the core's lease books want, one round trip at a time for
all routes, and lets the core give out what has come.
While the store is away nothing new is leased, and what the books hold is used up; a stated share of
each limit may be kept for that, since nobody could otherwise say who sends what.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from hashlib import blake2b
from math import inf
from typing import TYPE_CHECKING, Final

from tagodev.errors import ConfigurationError, LedgerError
from tagodev.limits.clock import ServerClock
from tagodev.limits.core import Core
from tagodev.limits.ledger.lease_client import LeaseClient
from tagodev.limits.ledger.lease_store import StoreError
from tagodev.limits.pacing import aligned_pacer, steady_pacer
from tagodev.limits.scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagodev.events import Event, EventSink
    from tagodev.limits.ledger.lease_store import Exchange, LeaseStore
    from tagodev.limits.settings import Settings
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
    return _digest(base_url.encode() + b"\0" + token.reveal().encode())


def _digest(text: bytes) -> str:
    return blake2b(text, digest_size=16, key=b"tagodev ledger 1").hexdigest()


class SharedLedger:
    """Counts what many processes send on behalf of a profile, through a store.

    `SqliteLedger` and `RedisLedger` know their stores.
    """

    def __init__(
        self,
        where: str,
        *,
        profile: str = "",
        away_share: float = 0.0,
        processes: int = 8,
        patience: float = inf,
    ) -> None:
        """Begin with nothing counted.

        Args:
            where: what tells this store from others.
            profile: what the profile is called; default: a keyed hash of address and token. Clients
                whose tokens differ but whose profile is the same must name it.
            away_share: the part of each limit that each process may use in a window while the
                store is away, 0 to 1; default 0: nothing is sent then.
            processes: how many processes there may be at most, 1 to 10,000; so many times
                `away_share` is never leased. Routes that tell no time go at this part of the limit.
            patience: seconds that the store may be away before requests that wait for it fail with
                `LedgerError`, where there is no `away_share` to go on with; default: for ever. A
                file that is no ledger fails them at once.

        Raises:
            ConfigurationError: a value out of bounds.
        """
        if not 1 <= processes <= 10_000:
            raise ConfigurationError(f"processes is from 1 to 10000, not {processes}")
        if not 0 <= away_share * processes <= 1:
            raise ConfigurationError("away_share times processes is from 0 to 1")
        if not patience >= 0:
            raise ConfigurationError(f"patience is 0 or more seconds, not {patience}")
        # Digested: a password may stand in it.
        self._where = _digest(where.encode())
        self._profile = profile
        self._away_share = away_share
        self._processes = processes
        self._patience = patience
        self._open: list[_Shared] = []
        self._clocks: dict[str, tuple[asyncio.AbstractEventLoop, float, ServerClock]] = {}

    def make_store(self) -> LeaseStore:
        """Return the store, within the loop in which it is used."""
        raise NotImplementedError

    def open(self, settings: Settings, sink: EventSink | None, profile: str) -> Scheduler:
        """Return the scheduler of the running loop for a profile; `leave` it when done.

        Args:
            settings: how to work; those of the client that came first hold while it is open.
            sink: called with each event; must not raise.
            profile: what the profile is called, where the ledger was not given a name.
        """
        name = self._profile or profile
        loop, ledger = asyncio.get_running_loop(), f"{self._where}:{name}"
        for shared in self._open:
            if shared.scheduler.ledger == ledger and shared.scheduler.loop is loop:
                if settings != shared.scheduler.core.settings:
                    _log.info("settings other than those of the profile's first client are ignored")
                break
        else:
            wanted = asyncio.Event()
            core = self._new_core(name, settings, wanted.set)
            lessee = LeaseClient(core, name, away_share=self._away_share, processes=self._processes)
            scheduler = Scheduler(core, ledger=ledger)
            shared = _Shared(self.make_store(), lessee, scheduler, wanted, self._patience)
            self._open.append(shared)
        shared.enter(sink)
        return shared.scheduler

    async def leave(self, scheduler: Scheduler, sink: EventSink | None) -> None:
        """Say that a client is done; places that are left are given back by the last one."""
        shared = next(one for one in self._open if one.scheduler is scheduler)
        if not shared.leave(sink):
            self._open.remove(shared)
            await shared.close()

    def _new_core(self, name: str, settings: Settings, on_lease_needed: Callable[[], None]) -> Core:
        # A client that comes after another of this process knows the service's clock already.
        loop, slack = asyncio.get_running_loop(), settings.fleet_slack
        known = self._clocks.get(name)
        if known is None or known[:2] != (loop, slack):
            known = self._clocks[name] = loop, slack, ServerClock(fleet_slack=slack)
        minute = settings.limits.minute
        return Core(
            settings,
            make_pacer=aligned_pacer,
            make_steady_pacer=lambda limit: steady_pacer(
                max(limit // self._processes, 1),
                minute=minute,
                spread=settings.transit_max * minute / 60,
            ),
            clock=known[2],
            on_lease_needed=on_lease_needed,
        )


class _Shared:
    """One profile's core and the task that leases for it."""

    def __init__(
        self,
        store: LeaseStore,
        lessee: LeaseClient,
        scheduler: Scheduler,
        wanted: asyncio.Event,
        patience: float,
    ) -> None:
        self.scheduler = scheduler
        self._store = store
        self._lessee = lessee
        self._wanted = wanted
        self._sinks: list[EventSink] = []
        self._users = 0
        self._patience = patience
        self._away_since: float | None = None
        self._ended = asyncio.Event()
        self._task = asyncio.create_task(self._lease(), name="tagodev ledger")

    def enter(self, sink: EventSink | None) -> None:
        if sink is not None:
            self._sinks.append(sink)
        self.scheduler.core.emit = self._emit if self._sinks else None
        self._users += 1

    def leave(self, sink: EventSink | None) -> bool:
        """Take a client out, and return whether there are others."""
        self._users -= 1
        if sink is not None:
            self._sinks.remove(sink)
        self.scheduler.core.emit = self._emit if self._sinks else None
        return self._users > 0

    async def close(self) -> None:
        """Give back what is left; whoever comes next need not wait for it."""
        self.scheduler.close()
        self._ended.set()
        self._wanted.set()
        try:
            # What is being asked just now is let finish: what it brings can be given back.
            async with asyncio.timeout(_PATIENCE):
                await self._task
            await self._give_back()
        except TimeoutError:
            _log.info("the ledger's store does not answer: what is left is not given back")
        finally:
            self._task.cancel()
            await self._store.close()

    def _emit(self, event: Event) -> None:
        for sink in self._sinks:
            sink(event)

    async def _lease(self) -> None:
        """Ask the store whenever something is wanted, owed or left over."""
        pause = _FIRST_WAIT
        while not self._ended.is_set():
            self._wanted.clear()
            exchange = self._lessee.next_exchange(self._now)
            if exchange is not None and not await self._ask(exchange):
                await _wait_for(self._ended, pause)
                pause = min(2 * pause, _LONGEST_WAIT)
                continue
            pause = _FIRST_WAIT
            await _wait_for(self._wanted, _TICK if self._lessee.restless else None)

    async def _ask(self, exchange: Exchange) -> bool:
        """Ask once, and return whether the store has answered."""
        try:
            async with asyncio.timeout(_PATIENCE):
                reply = await self._store.exchange(exchange)
        except BaseException as error:
            self._lessee.fail(exchange, self._now)
            # Whatever a store raises: requests must not wait for a task that has died.
            if not isinstance(error, Exception):
                raise
            self._note_away(error)
            return False
        if self._away_since is not None:
            self._away_since = None
            _log.warning("the ledger's store is back")
        wait = self._lessee.take(exchange, reply, self._now)
        if wait:
            _log.warning(
                "the ledger's store is new or has forgotten what is held: all wait %.0f s, until "
                "nothing of that can be counted any more",
                wait,
            )
        self.scheduler.dispatch()
        return True

    def _note_away(self, error: Exception) -> None:
        problem, goes_on = str(error) or type(error).__name__, self._lessee.goes_alone
        if self._away_since is None:
            self._away_since = self._now
            _log.warning(
                "the ledger's store is away (%s): what is leased is used up, and then %s",
                problem,
                "each limit's share for this" if goes_on else "all wait for it",
            )
        self.scheduler.dispatch()
        lasting = isinstance(error, StoreError) and error.lasting
        if not goes_on and (lasting or self._now - self._away_since >= self._patience):
            self.scheduler.give_up(
                LedgerError(
                    f"The ledger can't be used: {problem}",
                    hint="Without it nothing more is sent: see to its disk or its server",
                )
            )

    async def _give_back(self) -> None:
        exchange = self._lessee.last_exchange(self._now)
        if exchange is None or self._away_since is not None:
            return
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._store.exchange(exchange)
        except StoreError:
            _log.info("what is left of the leases can't be given back; it ends by itself")

    @property
    def _now(self) -> float:
        return self.scheduler.loop.time()


async def _wait_for(event: asyncio.Event, seconds: float | None) -> None:
    """Wait until something happens, but no longer than this; None for as long as it takes."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
