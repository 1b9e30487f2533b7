"""What happens inside, as typed events: for logs, metrics and progress.

Pass a callable as ``Tago(..., on_event=...)``; it is called from within the event loop, so it must
not block, and what it raises is logged and swallowed: watching must not change what is watched.

`Sent`, `Ended`, `GaveUp` and `InDoubtWrite` are told by the client itself, from within the task
that called it.
The others are told by the scheduler, to every client that counts together with the one that they
are about, from within whatever task moved it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

if TYPE_CHECKING:
    from tagodev.limits.snapshot import RouteState

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
    """A request got its turn."""

    route: str
    """Method and template."""
    priority: str
    """``interactive`` or ``bulk``."""
    waited: float
    """Seconds it waited for its turn."""


@attrs.frozen
class Sent:
    """A request leaves."""

    route: str
    """Method and template."""
    attempt: int
    """Which attempt of its call this is, from 1."""
    number: int = attrs.field(kw_only=True)
    """Which request of this process it is, from 1."""
    address: str = attrs.field(kw_only=True)
    """The service's: scheme, host and path, without a trailing slash."""
    method: str = attrs.field(kw_only=True)
    """HTTP method."""
    template: str = attrs.field(kw_only=True)
    """The path after the address, with ``:placeholders`` for ids and tokens."""
    priority: str = attrs.field(kw_only=True)
    """``interactive`` or ``bulk``."""
    waited: float = attrs.field(kw_only=True)
    """Seconds that it waited for its turn."""
    resends: int = attrs.field(kw_only=True)
    """How often the same call has sent it before, whether a 429 or a failure was the reason."""
    state: RouteState = attrs.field(kw_only=True)
    """What is known of its route, this request counted."""


@attrs.frozen
class Ended:
    """A request that was sent is over: answered or not, as far as its caller is concerned."""

    sent: Sent
    """How it left."""
    status: int | None
    """The answer's HTTP status; None if there was no answer."""
    error: type[BaseException] | None
    """What was raised in place of an answer; None if there was one."""
    seconds: float
    """From its leaving until now."""


@attrs.frozen(kw_only=True)
class GaveUp:
    """A request was not sent: its turn did not come, or could not, within its ``max_wait``."""

    address: str
    """The service's: scheme, host and path, without a trailing slash."""
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
    """A request is over: answered, lost, or never sent."""

    route: str
    """Method and template."""
    status: int | None
    """The answer's HTTP status; None if there was no answer."""
    seconds: float
    """From its grant until now."""


@attrs.frozen
class Throttled:
    """The service refused a request with a 429, and its route is closed for a while."""

    route: str
    """Method and template."""
    closed_for: float
    """Seconds until it opens again; 0 if the 429 was of a window that is over."""


@attrs.frozen
class WindowOpened:
    """A route's new window was first used."""

    route: str
    """Method and template."""
    number: int
    """Minutes of the service's clock since the epoch."""
    budget: int
    """Requests that we mean to send in it."""


@attrs.frozen
class ClockRestarted:
    """The machine slept: what was known of the service's clock is void."""


@attrs.frozen
class InDoubtWrite:
    """A write was cancelled after it was sent: the service may act on it."""

    route: str
    """Method and template."""


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
    """Return a sink that logs what another one raises, and goes on."""

    def call(event: Event) -> None:
        try:
            sink(event)
        except Exception:  # noqa: BLE001  (the caller's own code: watching changes nothing)
            _log.exception("on_event failed")

    return call
