"""The client: opens the session, owns the scheduler, hands out the resources."""

from __future__ import annotations

import asyncio
import os
import re
import warnings
from typing import TYPE_CHECKING, Final, Literal, Self, TypeVar, cast, get_args

import aiohttp

from tagodev.address import checked_url, find_address, is_loopback
from tagodev.errors import ClosedError, ConfigurationError
from tagodev.events import guarded
from tagodev.hard_limits import HardLimits, Plan
from tagodev.limits.clock import FLEET_SLACK
from tagodev.limits.ledger import MemoryLedger, shared_ledger
from tagodev.limits.settings import TRANSIT_MAX, ColdStart, Pacing, Settings
from tagodev.resources.devices import Devices
from tagodev.resources.tokens import Tokens
from tagodev.retry import RetryPolicy
from tagodev.secrets import Secret
from tagodev.session import Session
from tagodev.transport import Transport

if TYPE_CHECKING:
    import ssl as ssl_module
    from types import TracebackType

    from tagodev.events import EventSink
    from tagodev.limits.scheduler import Scheduler
    from tagodev.limits.snapshot import BucketState, ClockState

__all__ = ["Limits", "Tago"]

_SERVICE_MINUTE: Final = 60.0

_Part = TypeVar("_Part")

# A header value without white space; what exactly tokens hold is the service's affair.
_TOKEN: Final = re.compile(r"[!-~]+")

#: Connections idle for longer are dropped: the first request of a window must not go to a socket
#: that the service has closed meanwhile, and be in doubt for nothing.
_KEEPALIVE: Final = 4.0


class Tago:
    """A client of the TagoIO device API whose every request keeps the service's limits.

    Example:
        >>> async def rename(device_id: str) -> None:
        ...     async with Tago("p-...", plan="scale") as tago:
        ...         await tago.devices.edit(device_id, DeviceEdit(name="Cold room 3"))
    """

    def __init__(
        self,
        token: str | Secret | None = None,
        *,
        region: str | None = None,
        api: str | None = None,
        plan: Literal["auto"] | Plan | HardLimits = "auto",
        ledger: MemoryLedger | None = None,
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
            token: a profile's token; default: the environment's ``TAGOIO_TOKEN``.
            region: ``"us-e1"`` (default) or ``"eu-w1"``.
            api: the service's address, for TagoDeploy or an emulator; goes before the region.
                Default: the environment's ``TAGOIO_API``, unless a region was given.
            plan: whose limits to keep: ``"free"``, ``"starter"``, ``"scale"`` or `HardLimits`.
                ``"auto"`` (default) takes the environment's ``TAGODEV_PLAN``, or else those of
                ``"free"``, and says so.
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
        self._settings = Settings(
            _find_limits(plan, self._base_url),
            concurrency=concurrency,
            share=share,
            headroom=headroom,
            reserve=reserve,
            pacing=pacing,
            cold_start=cold_start,
            fleet_slack=fleet_slack,
            transit_max=transit_max,
        )
        self._ledger = ledger
        self._sink = None if on_event is None else guarded(on_event)
        if not 0 < timeout < float("inf"):
            raise ConfigurationError(f"timeout is a number of seconds above 0, not {timeout}")
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
        self._devices: Devices | None = None
        self._tokens: Tokens | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        if self._scheduler is not None:
            raise ClosedError("A client is entered once; make another")
        if self._ledger is None:
            self._ledger = shared_ledger(self._base_url, self._token, self._settings.limits)
        self._scheduler = self._ledger.open(self._settings, self._sink)
        session = self._given_session or self._open_session()
        transport = Transport(
            session, self._base_url, self._token, timeout=self._timeout, proxy=self._proxy
        )
        self._door = Session(transport, self._scheduler, self._retry, emit=self._sink)
        self._devices = Devices(
            self._door, concurrency=self._settings.concurrency, running=self._running
        )
        self._tokens = Tokens(self._door)
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
            self._ledger.close(self._scheduler, self._sink)

    @property
    def devices(self) -> Devices:
        """Devices: create, read, list, edit and delete, one or very many."""
        return _opened(self._devices)

    @property
    def tokens(self) -> Tokens:
        """Tokens of devices: create, list and delete."""
        return _opened(self._tokens)

    @property
    def limits(self) -> Limits:
        """The limits, and what is known of their use."""
        return Limits(self._settings.limits, _opened(self._scheduler))

    @property
    def base_url(self) -> str:
        """The service's address."""
        return self._base_url

    def _open_session(self) -> aiohttp.ClientSession:
        # The scheduler hands out as many permits as there are connections: none waits in aiohttp.
        connector = aiohttp.TCPConnector(
            limit=self._settings.concurrency, keepalive_timeout=_KEEPALIVE, ssl=self._ssl
        )
        self._own_session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar()
        )
        return self._own_session


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

    def snapshot(self) -> tuple[BucketState, ...]:
        """Return for each route used so far: limit, used, free, in flight, waiting, rejected."""
        return self._scheduler.snapshot()

    def clock(self) -> ClockState | None:
        """Return what is known of the service's clock; None before its first answer."""
        return self._scheduler.clock_state()


def _opened(part: _Part | None) -> _Part:
    if part is None:
        raise ClosedError("The client is not open", hint="Use it with `async with`")
    return part


def _checked(token: Secret) -> Secret:
    if not token:
        raise ConfigurationError("No token", hint="Give one, or set TAGOIO_TOKEN")
    if not _TOKEN.fullmatch(token.reveal()):
        raise ConfigurationError("The token holds characters that no token has")
    return token


def _find_limits(plan: Literal["auto"] | Plan | HardLimits, base_url: str) -> HardLimits:
    if plan == "auto":
        plan = cast('Literal["auto"] | Plan', os.environ.get("TAGODEV_PLAN") or "auto")
    if isinstance(plan, HardLimits):
        limits = plan
    elif plan == "auto":
        warnings.warn(
            "plan='auto' keeps the limits of the Free plan; name your plan to go faster",
            stacklevel=3,
        )
        limits = HardLimits.for_plan("free")
    elif plan in get_args(Plan):
        limits = HardLimits.for_plan(plan)
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
    return limits
