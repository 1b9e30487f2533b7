"""The base class of the clients: settings, session and scheduler.

`tagodev._client` and `tagodev._device_client` add the resources that their kind of token can use.
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

from tagodev._address import checked_url, find_address, is_loopback
from tagodev._bulk.run_factory import RunFactory
from tagodev._limits.clock import FLEET_SLACK
from tagodev._limits.ledger.memory import MemoryLedger, known_plan, remember_plan, shared_ledger
from tagodev._limits.ledger.shared import SharedLedger, profile_name
from tagodev._limits.settings import TRANSIT_MAX, ColdStart, Pacing, Settings
from tagodev._limits.wait_queue import Slots
from tagodev._retry import RetryPolicy
from tagodev._secrets import Secret
from tagodev._session import Session
from tagodev._signatures import strict
from tagodev._transport import Transport
from tagodev.errors import ClosedError, ConfigurationError
from tagodev.events import guarded
from tagodev.hard_limits import HardLimits, Plan

if TYPE_CHECKING:
    import ssl as ssl_module

    from tagodev._limits.scheduler import Scheduler
    from tagodev._limits.snapshot import ClockState, RouteState
    from tagodev.events import EventSink

__all__ = ["BaseClient", "Limits"]

_SERVICE_MINUTE: Final = 60.0

# A header value without white space; the service decides what a token may hold.
_TOKEN: Final = re.compile(r"[!-~]+")

#: Seconds after which idle connections are closed: the first request of a window must not use a
#: socket that the service has closed meanwhile, and end in doubt.
_KEEPALIVE: Final = 4.0


@strict
class BaseClient:
    """A client without resources: settings, session and scheduler."""

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
        """Initialize the client; nothing is opened or sent before it is entered.

        Args:
            token: the token of requests; default: the environment variable ``TAGOIO_TOKEN``.
            region: ``"us-e1"`` (default) or ``"eu-w1"``.
            api: the service's address, for TagoDeploy or an emulator; overrides `region`.
                Default: the environment variable ``TAGOIO_API``, unless `region` is given.
            plan: whose limits apply: ``"free"``, ``"starter"``, ``"scale"`` or `HardLimits`.
                ``"auto"`` (default) uses the environment variable ``TAGODEV_PLAN``, or else asks
                the service on opening, once for all clients of this process that share token and
                address. A token that may not ask gets ``"free"``, with a warning.
            minute: length of a window in seconds, unless `plan` has one: 60 on TagoIO,
                shorter only with an emulator on this machine.
            ledger: where requests are counted; default: all clients of this process that share
                token, address and plan count together.
            share: the part of each limit that this client may use, 0.001 to 1; below 1 it is
                spread over the window, so that other clients get theirs.
            headroom: requests per window to leave free of our part of the limit, where other
                clients were seen to use it; default: one in a hundred.
            reserve: requests per window that bulk runs leave to interactive calls;
                default: the recent peak of interactive calls.
            pacing: ``"aligned"`` (default) to the service's windows, or ``"steady"``, which needs
                no clock and is slower.
            cold_start: how much of the first window to assume free: all (``"full"``, default),
                the part that is left of its time (``"adaptive"``), or none (``"next-window"``).
            fleet_slack: how far apart the clocks of the service's machines may be, in seconds, 0
                to 10; default 0.1, an assumption.
            transit_max: how long a request without an answer may still be under way, in seconds, 0
                to 600; default 5, an assumption.
            concurrency: requests in flight at once, 1 to 1,000; default 32, and no more than a
                given session has connections. Bulk runs leave one in 16 to interactive calls.
            timeout: seconds for one attempt, without the wait for its permit; default 60.
            retry: when to retry; default: up to four attempts, where a retry is safe.
            session: an aiohttp session of your own, which stays open; default: one of its own.
            proxy: address of an HTTP proxy.
            ssl: how to check certificates, as in aiohttp; default: strictly.
            allow_http: allow plain http to other machines, which exposes the token.
            on_event: called with each `tagodev.events.Event`; must not block.

        Raises:
            ConfigurationError: there is no token, or an argument is invalid.
        """
        # The plain token is dropped at once: a traceback with local variables would show it.
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
        self._live_session: Session | None = None
        self._opened = False
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        if self._opened:
            raise ClosedError("A client can be entered only once; create another")
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
        self._live_session = Session(
            self._transport,
            self._scheduler,
            self._retry,
            emit=self._sink,
            concurrency=self._concurrency,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        # Each step is taken even if the one before is cancelled.
        try:
            if self._running:
                for run in self._running:
                    run.cancel()
                await asyncio.wait(self._running)
        finally:
            if self._live_session is not None:
                self._live_session.close()
            try:
                if self._own_session is not None:
                    await self._own_session.close()
            finally:
                if self._ledger is not None and self._scheduler is not None:
                    await self._ledger.leave(self._scheduler, self._sink)

    @property
    def limits(self) -> Limits:
        """The limits, and their use."""
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
        if self._live_session is None:
            raise _not_open()
        return self._live_session

    @cached_property
    def _runs(self) -> RunFactory:
        # As many rows as bulk work of one route has slots: a further one would only wait.
        at_once = Slots(self._concurrency).bulk
        return RunFactory(self._session, at_once, self._running)

    @property
    def _concurrency(self) -> int:
        """Requests in flight at once: no more than a given session has connections."""
        most = self._settings.concurrency
        connector = None if self._given_session is None else self._given_session.connector
        if connector is not None:
            # No limit is 0.
            given = (connector.limit, connector.limit_per_host)
            most = min([most, *(limit for limit in given if limit)])
        return most

    async def _find_plan(self, transport: Transport) -> None:
        """Apply the limits of the plan that the service names."""
        minute = self._settings.limits.minute
        plan = known_plan(self._base_url, self._token)
        # Asked within the lowest limits, and counted on the ledger that the client continues to
        # use.
        ledger = self._ledger or MemoryLedger()
        if plan is None:
            scheduler = ledger.open(self._settings, self._sink, self._profile_name)
            try:
                session = Session(transport, scheduler, self._retry, emit=self._sink)
                plan = await self._detect_plan(session)
            finally:
                await ledger.leave(scheduler, self._sink)
            if plan is None:
                warnings.warn(
                    "the token may not read its plan, so the limits of the Free plan apply; "
                    "set plan= (TAGODEV_PLAN) to go faster",
                    stacklevel=3,
                )
                plan = "free"
            remember_plan(self._base_url, self._token, plan)
        limits = HardLimits.for_plan(plan, minute)
        self._settings = attrs.evolve(self._settings, limits=limits)
        if self._ledger is None and isinstance(ledger, MemoryLedger):
            self._ledger = shared_ledger(self._base_url, self._token, limits, ledger)

    async def _detect_plan(self, session: Session) -> Plan | None:
        """Ask the service for the plan; return None if this kind of token can't."""
        del session
        return None

    def _open_session(self) -> aiohttp.ClientSession:
        # The scheduler grants at most as many permits as there are connections, so that no request
        # waits in aiohttp.
        connector = aiohttp.TCPConnector(
            limit=self._settings.concurrency, keepalive_timeout=_KEEPALIVE, ssl=self._ssl
        )
        self._own_session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar()
        )
        return self._own_session


@strict
class Limits:
    """The limits, and their use: ``tago.limits``."""

    def __init__(self, documented: HardLimits, scheduler: Scheduler) -> None:
        """Initialize the view; `Tago` creates it.

        Args:
            documented: the limits of the service.
            scheduler: the scheduler that counts requests.
        """
        self.documented = documented
        self._scheduler = scheduler

    def snapshot(self) -> tuple[RouteState, ...]:
        """Return limit, used, free, in flight, waiting and rejected of each route used so far."""
        return self._scheduler.snapshot()

    def clock(self) -> ClockState | None:
        """Return what is known of the service's clock; None before its first answer."""
        return self._scheduler.clock_state()


def _not_open() -> ClosedError:
    """Return the error for a client that is used outside its `async with`."""
    return ClosedError("The client is not open", hint="Use it with `async with`")


def _checked(token: Secret) -> Secret:
    if not token:
        raise ConfigurationError("No token", hint="Pass token=, or set TAGOIO_TOKEN")
    if not _TOKEN.fullmatch(token.reveal()):
        raise ConfigurationError("The token holds characters that are not allowed in a token")
    return token


def _find_limits(
    plan: Literal["auto"] | Plan | HardLimits, minute: float, base_url: str
) -> tuple[HardLimits, bool]:
    """Return the limits to start with, and whether they are final."""
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
            hint=f"Give one of {', '.join(get_args(Plan))}, or custom HardLimits",
        )
    if limits.minute != _SERVICE_MINUTE and not is_loopback(base_url):
        raise ConfigurationError(
            f"minute={limits.minute:g} is only for an emulator on this machine, not for {base_url}"
        )
    return limits, plan != "auto"
