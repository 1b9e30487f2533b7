"""Events of requests, for logs, metrics and progress.

Pass a callable as ``Tago(..., on_event=...)``. It is called in the event loop and must not block;
what it raises is logged and ignored.

The client emits `Sent`, `Ended`, `GaveUp` and `InDoubtWrite`, in the task of the caller.
The scheduler emits the others, in any task, to every client that shares the counts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

if TYPE_CHECKING:
    from tagodev._limits.snapshot import RouteState

__all__ = [
    "ClockRestarted",
    "Ended",
    "Event",
    "EventSink",
    "GaveUp",
    "Granted",
    "InDoubtWrite",
    "Sent",
    "Settled",
    "Throttled",
    "WindowOpened",
    "guarded",
]


@attrs.frozen
class Granted:
    """A request got its permit."""

    route: str
    """Method and path template."""
    priority: str
    """``interactive`` or ``bulk``."""
    waited: float
    """Seconds it waited for its permit."""


@attrs.frozen
class Sent:
    """A request is being sent."""

    route: str
    """Method and path template."""
    attempt: int
    """The number of the attempt within its call, from 1."""
    number: int = attrs.field(kw_only=True)
    """The number of the request within this process, from 1."""
    address: str = attrs.field(kw_only=True)
    """The service's address: scheme, host and path, without a trailing slash."""
    method: str = attrs.field(kw_only=True)
    """HTTP method."""
    template: str = attrs.field(kw_only=True)
    """The path after the address, with ``:placeholders`` for ids and tokens."""
    priority: str = attrs.field(kw_only=True)
    """``interactive`` or ``bulk``."""
    waited: float = attrs.field(kw_only=True)
    """Seconds it waited for its permit."""
    resends: int = attrs.field(kw_only=True)
    """How often the same call has sent it before, after a 429 or a failure."""
    state: RouteState = attrs.field(kw_only=True)
    """The state of its route, with this request counted."""


@attrs.frozen
class Ended:
    """A request that was sent has ended: answered, failed or cancelled."""

    sent: Sent
    """The event of its sending."""
    status: int | None
    """The answer's HTTP status; None if there was no answer."""
    error: type[BaseException] | None
    """What was raised instead of an answer; None if there was an answer."""
    seconds: float
    """Seconds from its sending until now."""


@attrs.frozen(kw_only=True)
class GaveUp:
    """A request was not sent: it got no permit within its ``max_wait``."""

    address: str
    """The service's address: scheme, host and path, without a trailing slash."""
    method: str
    """HTTP method."""
    template: str
    """The path after the address, with ``:placeholders`` for ids and tokens."""
    priority: str
    """``interactive`` or ``bulk``."""
    waited: float
    """Seconds that it waited."""


@attrs.frozen
class Settled:
    """A request has ended: answered, lost, or never sent."""

    route: str
    """Method and path template."""
    status: int | None
    """The answer's HTTP status; None if there was no answer."""
    seconds: float
    """Seconds from its permit until now."""


@attrs.frozen
class Throttled:
    """The service refused a request with a 429, and its route is blocked for a while."""

    route: str
    """Method and path template."""
    closed_for: float
    """Seconds until requests resume; 0 if the 429 belongs to a window that is over."""


@attrs.frozen
class WindowOpened:
    """A route's new window was first used."""

    route: str
    """Method and path template."""
    number: int
    """Minutes of the service's clock since the epoch."""
    budget: int
    """Requests to send in it."""


@attrs.frozen
class ClockRestarted:
    """The machine was suspended: the offset of the service's clock is discarded."""


@attrs.frozen
class InDoubtWrite:
    """A write was cancelled after it was sent: the service may act on it."""

    route: str
    """Method and path template."""


Event: TypeAlias = (
    Granted
    | Sent
    | Ended
    | GaveUp
    | Settled
    | Throttled
    | WindowOpened
    | ClockRestarted
    | InDoubtWrite
)
EventSink: TypeAlias = Callable[[Event], None]

_log: Final = logging.getLogger("tagodev.events")


def guarded(sink: EventSink) -> EventSink:
    """Return a sink that logs what another one raises, and continues."""

    def call(event: Event) -> None:
        try:
            sink(event)
        except Exception:  # noqa: BLE001  (the caller's own code: watching changes nothing)
            _log.exception("on_event failed")

    return call
