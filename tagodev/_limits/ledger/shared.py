"""Shared ledger: counts the requests of many processes by leasing from a store.

It sends the requests of the lease books to the store, one round trip at a time for all
routes, and lets the core issue the permits.
While the store is not available nothing new is leased, and existing leases are used up; a fixed
share of each limit may be reserved for that time.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from hashlib import blake2b
from math import inf
from typing import TYPE_CHECKING, Final

from tagodev._limits.clock import ServerClock
from tagodev._limits.core import Core
from tagodev._limits.ledger.lease_client import LeaseClient
from tagodev._limits.ledger.lease_store import StoreError
from tagodev._limits.ledger.leases import Lease
from tagodev._limits.pacing import LimiterPacer
from tagodev._limits.scheduler import Scheduler
from tagodev.errors import ConfigurationError, LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagodev._limits.ledger.lease_store import Exchange, LeaseStore, Reply
    from tagodev._limits.settings import Settings
    from tagodev._secrets import Secret
    from tagodev.events import Event, EventSink

__all__ = ["SharedLedger", "profile_name"]

_log: Final = logging.getLogger("tagodev.limits")

#: Seconds between checks for permits to return and for windows that open.
_TICK: Final = 0.1
#: Seconds between attempts to reach a store that is not available: minimum and maximum.
_FIRST_WAIT: Final = 0.05
_LONGEST_WAIT: Final = 1.0
#: Timeout of an exchange, in seconds.
_TIMEOUT: Final = 5.0


def profile_name(base_url: str, token: Secret) -> str:
    """Return the name of a profile in a store: a keyed hash, which does not reveal the token.

    Args:
        base_url: the service's address.
        token: the profile's token.
    """
    return _digest(base_url.encode() + b"\0" + token.reveal().encode())


def _digest(text: bytes) -> str:
    return blake2b(text, digest_size=16, key=b"tagodev ledger 1").hexdigest()


class SharedLedger:
    """Counts the requests of many processes to one profile, through a store.

    Base class of `SqliteLedger` and `RedisLedger`.
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
        """Start without charges.

        Args:
            where: identifies the store.
            profile: name of the profile; default: a keyed hash of address and token. Required for
                clients whose tokens differ but belong to the same profile.
            away_share: fraction of each limit that each process may use per window while the
                store is not available, 0 to 1; default 0: nothing is sent then.
            processes: maximum number of processes, 1 to 10,000; this many times `away_share` is
                never leased. Routes without windows use one part in this many of the limit.
            patience: seconds without the store after which waiting requests fail with
                `LedgerError`, if `away_share` is 0; default: never. A file that is not a ledger
                fails them at once.

        Raises:
            ConfigurationError: a value is out of bounds.
        """
        if not 1 <= processes <= 10_000:
            raise ConfigurationError(f"processes must be from 1 to 10000, not {processes}")
        if not 0 <= away_share * processes <= 1:
            raise ConfigurationError("away_share times processes must be from 0 to 1")
        if not patience >= 0:
            raise ConfigurationError(f"patience must be 0 or more seconds, not {patience}")
        # Hashed: it may contain a password.
        self._where = _digest(where.encode())
        self._profile = profile
        self._away_share = away_share
        self._processes = processes
        self._patience = patience
        self._open: list[_Shared] = []
        self._clocks: dict[str, tuple[asyncio.AbstractEventLoop, float, ServerClock]] = {}

    def make_store(self) -> LeaseStore:
        """Return a new store, for use in the running loop."""
        raise NotImplementedError

    def open(self, settings: Settings, sink: EventSink | None, profile: str) -> Scheduler:
        """Return the scheduler of the running loop for a profile; `leave` it when done.

        Args:
            settings: the scheduler's settings; those of the first client apply while it is open.
            sink: called with each event; must not raise.
            profile: name of the profile, if the ledger was created without one.
        """
        name = self._profile or profile
        loop, ledger = asyncio.get_running_loop(), f"{self._where}:{name}"
        for shared in self._open:
            if shared.scheduler.ledger == ledger and shared.scheduler.loop is loop:
                if settings != shared.scheduler.core.settings:
                    _log.info("settings other than those of the profile's first client are ignored")
                break
        else:
            lease_needed = asyncio.Event()
            core = self._new_core(name, settings, lease_needed.set)
            lease_client = LeaseClient(
                core, name, away_share=self._away_share, processes=self._processes
            )
            scheduler = Scheduler(core, ledger=ledger)
            shared = _Shared(
                self.make_store(), lease_client, scheduler, lease_needed, self._patience
            )
            self._open.append(shared)
        shared.enter(sink)
        return shared.scheduler

    async def leave(self, scheduler: Scheduler, sink: EventSink | None) -> None:
        """Remove a client; the last one returns the unused permits."""
        shared = next(one for one in self._open if one.scheduler is scheduler)
        if not shared.leave(sink):
            self._open.remove(shared)
            await shared.close()

    def _new_core(self, name: str, settings: Settings, on_lease_needed: Callable[[], None]) -> Core:
        # Later clients of this process reuse the clock estimate.
        loop, slack = asyncio.get_running_loop(), settings.fleet_slack
        known = self._clocks.get(name)
        if known is None or known[:2] != (loop, slack):
            known = self._clocks[name] = loop, slack, ServerClock(fleet_slack=slack)
        return Core(
            settings,
            make_pacer=LimiterPacer,
            clock=known[2],
            on_lease_needed=on_lease_needed,
            processes=self._processes,
        )


class _Shared:
    """One profile's core and the task that leases for it."""

    def __init__(
        self,
        store: LeaseStore,
        lease_client: LeaseClient,
        scheduler: Scheduler,
        lease_needed: asyncio.Event,
        patience: float,
    ) -> None:
        self.scheduler = scheduler
        self._store = store
        self._lease_client = lease_client
        self._lease_needed = lease_needed
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
        """Remove a client, and return whether there are others."""
        self._users -= 1
        if sink is not None:
            self._sinks.remove(sink)
        self.scheduler.core.emit = self._emit if self._sinks else None
        return self._users > 0

    async def close(self) -> None:
        """Return unused permits and close the store."""
        self.scheduler.close()
        self._ended.set()
        self._lease_needed.set()
        try:
            # Let the current exchange finish, so that its permits can be returned.
            async with asyncio.timeout(_TIMEOUT):
                await self._task
            await self._give_back()
        except TimeoutError:
            _log.info("the ledger's store does not answer: unused permits are not returned")
        finally:
            self._task.cancel()
            await self._store.close()

    def _emit(self, event: Event) -> None:
        for sink in self._sinks:
            sink(event)

    async def _lease(self) -> None:
        """Ask the store until the end, whatever happens: requests wait for this task."""
        while not self._ended.is_set():
            try:
                await self._lease_until_ended()
            except Exception as error:  # noqa: BLE001  (waiting callers need an answer)
                _log.exception("leasing failed unexpectedly and is restarted")
                self.scheduler.give_up(LedgerError(f"Leasing failed: {type(error).__name__}"))
                await _wait_for(self._ended, _LONGEST_WAIT)

    async def _lease_until_ended(self) -> None:
        """Ask the store whenever permits are needed, to be reported or to be returned."""
        delay = _FIRST_WAIT
        while not self._ended.is_set():
            self._lease_needed.clear()
            exchange = self._lease_client.next_exchange(self._now)
            if exchange is not None and not await self._exchange(exchange):
                await _wait_for(self._ended, delay)
                delay = min(2 * delay, _LONGEST_WAIT)
                continue
            delay = _FIRST_WAIT
            await _wait_for(self._lease_needed, _TICK if self._lease_client.needs_polling else None)

    async def _exchange(self, exchange: Exchange) -> bool:
        """Exchange once, and return whether the store has answered."""
        try:
            async with asyncio.timeout(_TIMEOUT):
                reply = await self._store.exchange(exchange)
            _check(exchange, reply)
        except BaseException as error:
            self._lease_client.fail(exchange, self._now)
            # Any exception of a store: requests must not wait for a task that has ended.
            if not isinstance(error, Exception):
                raise
            self._note_away(error)
            return False
        if self._away_since is not None:
            self._away_since = None
            _log.warning("the ledger's store is available again")
        wait = self._lease_client.take(exchange, reply, self._now)
        if wait:
            _log.warning(
                "the ledger's store is new or has lost its data: requests wait %.0f s, until all "
                "earlier leases have expired",
                wait,
            )
        self.scheduler.dispatch()
        return True

    def _note_away(self, error: Exception) -> None:
        problem, offline = str(error) or type(error).__name__, self._lease_client.works_offline
        if self._away_since is None:
            self._away_since = self._now
            _log.warning(
                "the ledger's store is not available (%s): after the current leases %s",
                problem,
                "away_share of each limit is used" if offline else "requests wait for it",
            )
        self.scheduler.dispatch()
        permanent = isinstance(error, StoreError) and error.permanent
        if not offline and (permanent or self._now - self._away_since >= self._patience):
            self.scheduler.give_up(
                LedgerError(
                    f"The ledger can't be used: {problem}",
                    hint="Check the ledger's disk or server; no request is sent without it",
                )
            )

    async def _give_back(self) -> None:
        exchange = self._lease_client.last_exchange(self._now)
        if exchange is None or self._away_since is not None:
            return
        try:
            async with asyncio.timeout(_TIMEOUT):
                await self._store.exchange(exchange)
        except StoreError:
            _log.info("unused permits can't be returned; their leases expire with the window")

    @property
    def _now(self) -> float:
        return self.scheduler.loop.time()


def _check(exchange: Exchange, reply: Reply) -> None:
    """Raise an error unless each request has its lease."""
    asked = [(request.route, request.number) for request in exchange.requests]
    given = [(lease.route, lease.number) for lease in reply.leases if isinstance(lease, Lease)]
    if asked != given or len(given) != len(reply.leases):
        raise StoreError("its answer does not match what was asked")


async def _wait_for(event: asyncio.Event, seconds: float | None) -> None:
    """Wait for an event, at most this many seconds; None for no limit."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
