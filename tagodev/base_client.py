"""What every client does: it checks its settings, opens a session, and counts with a ledger.

`tagodev.client` and `tagodev.device_client` add the resources that their kind of token opens.
"""

from __future__ import annotations

import asyncio
import os
import re
import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, Self, cast, get_args

import aiohttp
import attrs

from tagodev.address import checked_url, find_address, is_loopback
from tagodev.bulk.run_factory import RunFactory
from tagodev.errors import ClosedError, ConfigurationError
from tagodev.events import guarded
from tagodev.hard_limits import HardLimits, Plan
from tagodev.limits.clock import FLEET_SLACK
from tagodev.limits.ledger.memory import MemoryLedger, known_plan, remember_plan, shared_ledger
from tagodev.limits.ledger.shared import SharedLedger, profile_name
from tagodev.limits.settings import TRANSIT_MAX, ColdStart, Pacing, Settings
from tagodev.retry import RetryPolicy
from tagodev.secrets import Secret
from tagodev.session import Session
from tagodev.signatures import strict
from tagodev.transport import Transport

if TYPE_CHECKING:
    import ssl as ssl_module
    from types import TracebackType

    from tagodev.events import EventSink
    from tagodev.limits.scheduler import Scheduler
    from tagodev.limits.snapshot import ClockState, RouteState

__all__ = ["BaseClient", "Limits"]

_SERVICE_MINUTE: Final = 60.0

# A header value without white space; what exactly tokens hold is the service's affair.
_TOKEN: Final = re.compile(r"[!-~]+")

#: Connections idle for longer are dropped: the first request of a window must not go to a socket
#: that the service has closed meanwhile, and be in doubt for nothing.
_KEEPALIVE: Final = 4.0


@strict
class BaseClient:
    """A client without resources: settings, session, scheduler."""

    def __init__(
        self,
        token: str | Secret | None = None,
        *,
        region: str | None = None,
        api: str | None = None,
        plan: Literal["auto"] | Plan | HardLimits = "auto",
        minute: float = 60.0,
        ledger: MemoryLedger | SharedLedger | None = None,
        share: float = 1.0,
        headroom: int | None = None,
        reserve: int | None = None,
        pacing: Pacing = "aligned",
        cold_start: ColdStart = "full",
        fleet_slack: float = FLEET_SLACK,
        transit_max: float = TRANSIT_MAX,
        concurrency: int = 32,
        timeout: float = 60.0,
        retry: RetryPolicy | None = None,
        session: aiohttp.ClientSession | None = None,
        proxy: str | None = None,
        ssl: ssl_module.SSLContext | bool = True,
        allow_http: bool = False,
        on_event: EventSink | None = None,
    ) -> None:
        """Set a client up; nothing is opened or sent before it is entered.

        Args:
            token: who asks; default: the environment's ``TAGOIO_TOKEN``.
            region: ``"us-e1"`` (default) or ``"eu-w1"``.
            api: the service's address, for TagoDeploy or an emulator; goes before the region.
                Default: the environment's ``TAGOIO_API``, unless a region was given.
            plan: whose limits to keep: ``"free"``, ``"starter"``, ``"scale"`` or `HardLimits`.
                ``"auto"`` (default) takes the environment's ``TAGODEV_PLAN``, or else asks the
                service on opening, once for all clients of this process that share token and
                address. Where the token may not ask, those of ``"free"``, with a warning.
            minute: length of a window in seconds where `plan` does not say it: 60 on TagoIO,
                shorter only with an emulator on this machine.
            ledger: where requests are counted; default: all clients of this process that share
                token, address and plan count together.
            share: the part of each limit that we may use, 0.001 to 1; below 1 it is spread over
                the window, so that others get theirs.
            headroom: requests a window to leave free beside what others were seen to take;
                default: one in a hundred, at least 1.
            reserve: requests a window that bulk work leaves to interactive calls;
                default: as many as those needed at their recent peak.
            pacing: ``"aligned"`` (default) to the service's windows, or ``"steady"``, which needs
                no clock and is slower.
            cold_start: what to take the window for that we come into: unused (``"full"``,
                default), used in step with the time (``"adaptive"``), or used up
                (``"next-window"``).
            fleet_slack: how far apart the clocks of the service's machines may be, in seconds, 0
                to 10; default 0.1, an assumption.
            transit_max: how long a request without an answer may still be under way, in seconds, 0
                to 600; default 5, an assumption.
            concurrency: requests in flight at once, 1 to 1,000; default 32.
            timeout: seconds for one attempt, waiting for its turn not included; default 60.
            retry: when to try again; default: four attempts, where that is safe.
            session: an aiohttp session of your own, which stays open; default: one of its own.
            proxy: address of an HTTP proxy.
            ssl: how to check certificates, as aiohttp takes it; default: strictly.
            allow_http: send the token over plain http to other machines too.
            on_event: called with each `tagodev.events.Event`; must not block.

        Raises:
            ConfigurationError: no token, or something that can't work.
        """
        # The plain token is forgotten at once: a traceback that shows variables would show it.
        token = Secret(os.environ.get("TAGOIO_TOKEN", "") if token is None else token)
        self._token = _checked(token)
        if api is None and region is None:
            api = os.environ.get("TAGOIO_API") or None
        self._base_url = find_address(region, api, allow_http=allow_http)
        limits, self._plan_known = _find_limits(plan, minute, self._base_url)
        self._settings = Settings(
            limits,
            concurrency=concurrency,
            share=share,
            headroom=headroom,
            reserve=reserve,
            pacing=pacing,
            cold_start=cold_start,
            fleet_slack=fleet_slack,
            transit_max=transit_max,
            timeout=timeout,
        )
        self._ledger = ledger
        self._sink = None if on_event is None else guarded(on_event)
        if proxy is not None:
            checked_url(proxy, "proxy")
        self._timeout = timeout
        self._retry = RetryPolicy() if retry is None else retry
        self._given_session = session
        self._own_session: aiohttp.ClientSession | None = None
        self._proxy = proxy
        self._ssl = ssl
        self._scheduler: Scheduler | None = None
        self._door: Session | None = None
        self._opened = False
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        if self._opened:
            raise ClosedError("A client is entered once; make another")
        self._opened = True
        session = self._given_session or self._open_session()
        self._transport = Transport(
            session, self._base_url, self._token, timeout=self._timeout, proxy=self._proxy
        )
        try:
            if not self._plan_known:
                await self._find_plan(self._transport)
            if self._ledger is None:
                self._ledger = shared_ledger(self._base_url, self._token, self._settings.limits)
            self._scheduler = self._ledger.open(self._settings, self._sink, self._profile_name)
        except BaseException:
            if self._own_session is not None:
                await self._own_session.close()
            raise
        self._door = Session(self._transport, self._scheduler, self._retry, emit=self._sink)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._running:
            for run in self._running:
                run.cancel()
            await asyncio.wait(self._running)
        if self._door is not None:
            self._door.close()
        if self._own_session is not None:
            await self._own_session.close()
        if self._ledger is not None and self._scheduler is not None:
            await self._ledger.leave(self._scheduler, self._sink)

    @property
    def limits(self) -> Limits:
        """The limits, and what is known of their use."""
        if self._scheduler is None:
            raise _not_open()
        return Limits(self._settings.limits, self._scheduler)

    @property
    def base_url(self) -> str:
        """The service's address."""
        return self._base_url

    @property
    def _profile_name(self) -> str:
        return profile_name(self._base_url, self._token)

    @property
    def _session(self) -> Session:
        if self._door is None:
            raise _not_open()
        return self._door

    @cached_property
    def _runs(self) -> RunFactory:
        return RunFactory(self._session, self._settings.concurrency, self._running)

    async def _find_plan(self, transport: Transport) -> None:
        """Take the limits of the plan that the service names."""
        minute = self._settings.limits.minute
        plan = known_plan(self._base_url, self._token)
        # Asked within the narrowest limits, and counted on the ledger that goes on from there.
        ledger = self._ledger or MemoryLedger()
        if plan is None:
            scheduler = ledger.open(self._settings, self._sink, self._profile_name)
            try:
                door = Session(transport, scheduler, self._retry, emit=self._sink)
                plan = await self._detect_plan(door)
            finally:
                await ledger.leave(scheduler, self._sink)
            if plan is None:
                warnings.warn(
                    "the token may not ask for its plan, so the limits of the Free plan are kept; "
                    "name your plan to go faster",
                    stacklevel=3,
                )
                plan = "free"
            remember_plan(self._base_url, self._token, plan)
        limits = HardLimits.for_plan(plan, minute)
        self._settings = attrs.evolve(self._settings, limits=limits)
        if self._ledger is None and isinstance(ledger, MemoryLedger):
            self._ledger = shared_ledger(self._base_url, self._token, limits, ledger)

    async def _detect_plan(self, session: Session) -> Plan | None:
        """Ask the service for the plan; None where this kind of token may not."""
        del session
        return None

    def _open_session(self) -> aiohttp.ClientSession:
        # The scheduler hands out as many permits as there are connections: none waits in aiohttp.
        connector = aiohttp.TCPConnector(
            limit=self._settings.concurrency, keepalive_timeout=_KEEPALIVE, ssl=self._ssl
        )
        self._own_session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar()
        )
        return self._own_session


@strict
class Limits:
    """What the limits are, and what is known of their use: ``tago.limits``."""

    def __init__(self, documented: HardLimits, scheduler: Scheduler) -> None:
        """Look at a scheduler; `Tago` makes this.

        Args:
            documented: what the service accepts.
            scheduler: what was used.
        """
        self.documented = documented
        self._scheduler = scheduler

    def snapshot(self) -> tuple[RouteState, ...]:
        """Return for each route used so far: limit, used, free, in flight, waiting, rejected."""
        return self._scheduler.snapshot()

    def clock(self) -> ClockState | None:
        """Return what is known of the service's clock; None before its first answer."""
        return self._scheduler.clock_state()


def _not_open() -> ClosedError:
    """Return the error of a client that is used outside its `async with`."""
    return ClosedError("The client is not open", hint="Use it with `async with`")


def _checked(token: Secret) -> Secret:
    if not token:
        raise ConfigurationError("No token", hint="Give one, or set TAGOIO_TOKEN")
    if not _TOKEN.fullmatch(token.reveal()):
        raise ConfigurationError("The token holds characters that no token has")
    return token


def _find_limits(
    plan: Literal["auto"] | Plan | HardLimits, minute: float, base_url: str
) -> tuple[HardLimits, bool]:
    """Return the limits to begin with, and whether they are those to keep."""
    if plan == "auto":
        plan = cast('Literal["auto"] | Plan', os.environ.get("TAGODEV_PLAN") or "auto")
    if isinstance(plan, HardLimits):
        limits = plan
    elif plan == "auto" or plan in get_args(Plan):
        try:
            limits = HardLimits.for_plan("free" if plan == "auto" else plan, minute)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(str(error)) from None
    else:
        raise ConfigurationError(
            f"Unknown plan {plan!r}",
            hint=f"Give one of {', '.join(get_args(Plan))}, or HardLimits of your own",
        )
    if limits.minute != _SERVICE_MINUTE and not is_loopback(base_url):
        raise ConfigurationError(
            f"A minute of {limits.minute:g} s is for an emulator on this machine, "
            f"not for {base_url}"
        )
    return limits, plan != "auto"
