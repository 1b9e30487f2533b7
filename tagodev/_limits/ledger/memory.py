"""In-memory ledger, shared by all clients of a process that use the same profile.

The service counts requests per profile.
A web backend may create a client per request, so clients of the same profile share a ledger that
outlives them.

A ledger belongs to one event loop at a time.
If the next client runs in another loop after the first loop has ended, the charges are kept and
requests in flight count as lost.
Two loops that run at the same time in two threads can't share a ledger: the second one counts
separately and logs a warning.
"""

from __future__ import annotations

import asyncio
import logging
from hashlib import blake2b
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import attrs

from tagodev._limits.core import Core
from tagodev._limits.pacing import LimiterPacer
from tagodev._limits.scheduler import Scheduler

if TYPE_CHECKING:
    from tagodev._limits.settings import Settings
    from tagodev._secrets import Secret
    from tagodev.events import Event, EventSink
    from tagodev.hard_limits import HardLimits, Plan

__all__ = ["MemoryLedger", "known_plan", "remember_plan", "shared_ledger"]

_log: Final = logging.getLogger("tagodev.limits")


class MemoryLedger:
    """Counts the requests of one process to a profile.

    By default all clients with the same token and address share one ledger. Pass ``ledger=`` to
    share one between clients whose tokens differ but belong to the same profile.
    """

    def __init__(self) -> None:
        """Start without charges."""
        self._name = uuid4().hex
        self._core: Core | None = None
        self._scheduler: Scheduler | None = None
        self._sinks: list[EventSink] = []
        self.users: int = 0
        """Clients that have it open."""

    def open(self, settings: Settings, sink: EventSink | None, profile: str = "") -> Scheduler:
        """Return the scheduler of the running loop; `close` it when done.

        Args:
            settings: the scheduler's settings; those of the first client apply while it is open.
            sink: called with each event; must not raise.
            profile: name of the profile; ignored, since this ledger has one only.
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
        """Remove a client; the charges are kept."""
        self.close(scheduler, sink)

    def close(self, scheduler: Scheduler, sink: EventSink | None) -> None:
        """Remove a client; the charges are kept."""
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
        # If only the plan differs, the charges remain valid.
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
    return Core(settings, make_pacer=LimiterPacer, emit=emit)


@attrs.frozen
class _ProfileKey:
    """Address and token digest: clients with the same values share a ledger."""

    base_url: str
    token_digest: bytes


@attrs.frozen
class _LedgerKey:
    """Key of a ledger: a profile and its limits."""

    profile: _ProfileKey
    limits: tuple[tuple[str, int], ...]
    default: int
    window_seconds: float


_ledgers: Final[dict[_LedgerKey, MemoryLedger]] = {}
_plans: Final[dict[_ProfileKey, Plan]] = {}

#: Maximum number of profiles without an open client that are remembered.
_REMEMBERED: Final = 1000


def _profile(base_url: str, token: Secret) -> _ProfileKey:
    return _ProfileKey(base_url, blake2b(token.reveal().encode(), digest_size=16).digest())


def known_plan(base_url: str, token: Secret) -> Plan | None:
    """Return the plan of a profile, as detected by a client of this process.

    Args:
        base_url: the service's address.
        token: the profile's token.
    """
    return _plans.get(_profile(base_url, token))


def remember_plan(base_url: str, token: Secret, plan: Plan) -> None:
    """Store the plan of a profile for later clients.

    Args:
        base_url: the service's address.
        token: the profile's token; only its digest is stored.
        plan: the detected plan.
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
        token: the profile's token; only its digest is stored.
        limits: limits of the service; clients with other limits count separately.
        ledger: the ledger to use if there is none yet; default: a new one.
    """
    per_route = tuple(sorted(limits.per_route.items()))
    key = _LedgerKey(_profile(base_url, token), per_route, limits.default, limits.minute)
    found = _ledgers.pop(key, None) or ledger or MemoryLedger()
    # Moved to the end: the first entries are the least recently used.
    _ledgers[key] = found
    if len(_ledgers) > _REMEMBERED:
        for old in [key for key, one in _ledgers.items() if not one.users][: _REMEMBERED // 10]:
            del _ledgers[old]
    return found
