"""The client: opens the session, owns the scheduler, hands out the resources."""

from __future__ import annotations

import asyncio
import os
import warnings
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Literal, Self, TypeVar, get_args

import aiohttp
from yarl import URL

from tagodev.errors import ClosedError, ConfigurationError
from tagodev.hard_limits import HardLimits, Plan
from tagodev.limits.clock import WallClock
from tagodev.limits.core import Core
from tagodev.limits.pacing import AlignedPacer
from tagodev.limits.scheduler import Scheduler
from tagodev.resources.devices import Devices
from tagodev.resources.tokens import Tokens
from tagodev.retry import RetryPolicy
from tagodev.secrets import Secret
from tagodev.session import Session
from tagodev.transport import Transport

if TYPE_CHECKING:
    import ssl as ssl_module
    from types import TracebackType

    from tagodev.limits.core import BucketState

__all__ = ["REGIONS", "Limits", "Tago"]

#: Where each region answers (TagoIO's OpenAPI file; ``usa-1`` is the older name of ``us-e1``).
REGIONS: Final = {
    "us-e1": "https://api.us-e1.tago.io",
    "usa-1": "https://api.us-e1.tago.io",
    "eu-w1": "https://api.eu-w1.tago.io",
}
_DEFAULT_REGION: Final = "us-e1"
_SERVICE_MINUTE: Final = 60.0

_Part = TypeVar("_Part")

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
        concurrency: int = 32,
        timeout: float = 60.0,
        retry: RetryPolicy | None = None,
        session: aiohttp.ClientSession | None = None,
        proxy: str | None = None,
        ssl: ssl_module.SSLContext | bool = True,
        allow_http: bool = False,
    ) -> None:
        """Set a client up; nothing is opened or sent before it is entered.

        Args:
            token: a profile's token; default: the environment's ``TAGOIO_TOKEN``.
            region: ``"us-e1"`` (default) or ``"eu-w1"``.
            api: the service's address, for TagoDeploy or an emulator; goes before the region.
                Default: the environment's ``TAGOIO_API``, unless a region was given.
            plan: whose limits to keep: ``"free"``, ``"starter"``, ``"scale"`` or `HardLimits`.
                ``"auto"`` takes those of ``"free"``, and says so.
            concurrency: requests in flight at once, 1 to 1,000; default 32.
            timeout: seconds for one attempt, waiting for its turn not included; default 60.
            retry: when to try again; default: four attempts, where that is safe.
            session: an aiohttp session of your own, which stays open; default: one of its own.
            proxy: address of an HTTP proxy.
            ssl: how to check certificates, as aiohttp takes it; default: strictly.
            allow_http: send the token over plain http to other machines too.

        Raises:
            ConfigurationError: no token, or something that can't work.
        """
        self._token = _find_token(token)
        self._base_url = _find_address(region, api, allow_http=allow_http)
        self._hard_limits = _find_limits(plan, self._base_url)
        if not 1 <= concurrency <= 1000:
            raise ConfigurationError(f"concurrency must be from 1 to 1000, not {concurrency}")
        if not timeout > 0:
            raise ConfigurationError(f"timeout must be a number of seconds, not {timeout}")
        self._concurrency = concurrency
        self._timeout = timeout
        self._retry = RetryPolicy() if retry is None else retry
        self._given_session = session
        self._own_session: aiohttp.ClientSession | None = None
        self._proxy = proxy
        self._ssl = ssl
        self._scheduler: Scheduler | None = None
        self._devices: Devices | None = None
        self._tokens: Tokens | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        if self._scheduler is not None:
            raise ClosedError("A client is entered once; make another")
        loop = asyncio.get_running_loop()
        self._scheduler = Scheduler(
            Core(
                self._hard_limits,
                WallClock(loop.time),
                slots=self._concurrency,
                make_pacer=AlignedPacer,
            )
        )
        session = self._given_session or self._open_session()
        transport = Transport(
            session, self._base_url, self._token, timeout=self._timeout, proxy=self._proxy
        )
        door = Session(transport, self._scheduler, self._retry)
        self._devices = Devices(door, concurrency=self._concurrency, running=self._running)
        self._tokens = Tokens(door)
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
        if self._scheduler is not None:
            self._scheduler.close()
        if self._own_session is not None:
            await self._own_session.close()

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
        return Limits(self._hard_limits, _opened(self._scheduler))

    @property
    def base_url(self) -> str:
        """The service's address."""
        return self._base_url

    def _open_session(self) -> aiohttp.ClientSession:
        # The scheduler hands out as many permits as there are connections: none waits in aiohttp.
        connector = aiohttp.TCPConnector(
            limit=self._concurrency, keepalive_timeout=_KEEPALIVE, ssl=self._ssl
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


def _opened(part: _Part | None) -> _Part:
    if part is None:
        raise ClosedError("The client is not open", hint="Use it with `async with`")
    return part


def _find_token(token: str | Secret | None) -> Secret:
    found = Secret(os.environ.get("TAGOIO_TOKEN", "") if token is None else token)
    text = found.reveal()
    if not text:
        raise ConfigurationError("No token", hint="Give one, or set TAGOIO_TOKEN")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigurationError("The token holds characters that no token has")
    return found


def _find_address(region: str | None, api: str | None, *, allow_http: bool) -> str:
    if api is None and region is None:
        api = os.environ.get("TAGOIO_API") or None
    if api is None:
        region = _DEFAULT_REGION if region is None else region
        if region not in REGIONS:
            raise ConfigurationError(
                f"Unknown region {region!r}",
                hint=f"Give one of {', '.join(REGIONS)}, or the address as api=",
            )
        return REGIONS[region]
    try:
        url = URL(api)
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host or url.user or url.query_string:
        raise ConfigurationError(f"{api!r} is no address like https://api.us-e1.tago.io")
    if url.scheme == "http" and not allow_http and not _is_loopback(url.host):
        raise ConfigurationError(
            f"{url.origin()} would show the token to everyone on the way",
            hint="Use https, or allow_http=True if you must",
        )
    return str(url).rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _find_limits(plan: Literal["auto"] | Plan | HardLimits, base_url: str) -> HardLimits:
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
    host = URL(base_url).host
    if limits.minute != _SERVICE_MINUTE and not _is_loopback(host or ""):
        raise ConfigurationError(
            f"A minute of {limits.minute:g} s is for an emulator on this machine, not for {host}"
        )
    return limits
