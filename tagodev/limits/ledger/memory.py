"""Where windows are counted: one ledger for all clients of a process that share a profile.

The counters belong to the profile.
A web backend that opens a client for each request must not begin each time as if nothing had been
sent, so clients of the same profile find the same ledger, and it outlives them.

A ledger belongs to one event loop at a time.
When the next client comes in another loop, after the first loop is done, it takes over what was
counted; what was in flight then counts as lost.
Two loops that run at the same time in two threads can't share one: the second counts by itself, and
says so.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import attrs

from tagodev.limits.core import Core
from tagodev.limits.pacing import aligned_pacer, steady_pacer
from tagodev.limits.scheduler import Scheduler

if TYPE_CHECKING:
    from tagodev.events import Event, EventSink
    from tagodev.hard_limits import HardLimits, Plan
    from tagodev.limits.settings import Settings
    from tagodev.secrets import Secret

__all__ = ["MemoryLedger", "known_plan", "remember_plan", "shared_ledger"]

_log: Final = logging.getLogger("tagodev.limits")


class MemoryLedger:
    """Counts what one process sends on behalf of a profile.

    By default all clients of one token and address share one; give ``ledger=`` to share one between
    clients whose tokens differ but whose profile is the same.
    """

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self._name = uuid4().hex
        self._core: Core | None = None
        self._scheduler: Scheduler | None = None
        self._sinks: list[EventSink] = []
        self.users: int = 0
        """Clients that have it open."""

    def open(self, settings: Settings, sink: EventSink | None, profile: str = "") -> Scheduler:
        """Return the scheduler of the running loop; `close` it when done.

        Args:
            settings: how to work; those of the client that came first hold while it is open.
            sink: called with each event; must not raise.
            profile: whose budget it is: this ledger has one only.
        """
        del profile
        loop = asyncio.get_running_loop()
        if self._scheduler is not None and self._scheduler.loop is not loop:
            if self.users and not self._scheduler.loop.is_closed():
                _log.warning(
                    "another event loop uses this profile at the same time: its requests are not "
                    "counted here, so both together may exceed the limits"
                )
                return Scheduler(_new_core(settings, None), ledger=uuid4().hex)
            self._scheduler, self.users = None, 0
            self._sinks.clear()
        if sink is not None:
            self._sinks.append(sink)
        scheduler = self._scheduler or self._start(settings, loop.time())
        if settings != scheduler.core.settings:
            _log.info("settings that differ from those of the profile's first client are ignored")
        scheduler.core.emit = self._emit if self._sinks else None
        self.users += 1
        return scheduler

    async def leave(self, scheduler: Scheduler, sink: EventSink | None) -> None:
        """Say that a client is done; what was counted stays."""
        self.close(scheduler, sink)

    def close(self, scheduler: Scheduler, sink: EventSink | None) -> None:
        """Say that a client is done; what was counted stays."""
        if scheduler is not self._scheduler:
            scheduler.close()
            return
        self.users -= 1
        if sink is not None:
            self._sinks.remove(sink)
        scheduler.core.emit = self._emit if self._sinks else None
        if not self.users:
            scheduler.close()
            self._scheduler = None

    def _start(self, settings: Settings, now: float) -> Scheduler:
        # Where only the plan turns out to be another, what was counted still holds.
        if self._core is None or self._core.settings.limits.minute != settings.limits.minute:
            self._core = _new_core(settings, None)
        else:
            self._core.restart(settings, now)
        self._scheduler = Scheduler(self._core, ledger=self._name)
        return self._scheduler

    def _emit(self, event: Event) -> None:
        for sink in self._sinks:
            sink(event)


def _new_core(settings: Settings, emit: EventSink | None) -> Core:
    return Core(
        settings,
        make_pacer=aligned_pacer,
        make_steady_pacer=partial(
            steady_pacer,
            minute=settings.limits.minute,
            # In proportion where the minute is not a minute.
            spread=settings.transit_max * settings.limits.minute / 60,
        ),
        emit=emit,
    )


@attrs.frozen
class _Profile:
    """Who counts together, as far as can be told from outside."""

    base_url: str
    token_digest: bytes


@attrs.frozen
class _Counted:
    """A profile, and what is thought of its limits."""

    profile: _Profile
    limits: tuple[tuple[str, int], ...]
    default: int
    minute: float


_ledgers: Final[dict[_Counted, MemoryLedger]] = {}
_plans: Final[dict[_Profile, Plan]] = {}

#: How many profiles of one process are remembered when no client of theirs is open.
_REMEMBERED: Final = 1000


def _profile(base_url: str, token: Secret) -> _Profile:
    return _Profile(base_url, blake2b(token.reveal().encode(), digest_size=16).digest())


def known_plan(base_url: str, token: Secret) -> Plan | None:
    """Return the plan that a profile was found to be on, by a client of this process.

    Args:
        base_url: the service's address.
        token: the profile's token.
    """
    return _plans.get(_profile(base_url, token))


def remember_plan(base_url: str, token: Secret, plan: Plan) -> None:
    """Keep the plan of a profile for the clients to come.

    Args:
        base_url: the service's address.
        token: the profile's token; only a digest of it is kept.
        plan: what it was found to be on.
    """
    _plans[_profile(base_url, token)] = plan
    if len(_plans) > _REMEMBERED:
        del _plans[next(iter(_plans))]


def shared_ledger(
    base_url: str, token: Secret, limits: HardLimits, ledger: MemoryLedger | None = None
) -> MemoryLedger:
    """Return the ledger of this process for a profile.

    Args:
        base_url: the service's address.
        token: the profile's token; only a digest of it is kept.
        limits: what the service accepts; clients that think otherwise count apart.
        ledger: the one to take if there is none yet; default: a new one.
    """
    per_route = tuple(sorted(limits.per_route.items()))
    key = _Counted(_profile(base_url, token), per_route, limits.default, limits.minute)
    found = _ledgers.pop(key, None) or ledger or MemoryLedger()
    # Put back at the end: the first are those that were asked for longest ago.
    _ledgers[key] = found
    if len(_ledgers) > _REMEMBERED:
        for old in [key for key, kept in _ledgers.items() if not kept.users][: _REMEMBERED // 10]:
            del _ledgers[old]
    return found
