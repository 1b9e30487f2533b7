"""What happens inside, as typed events: for logs, metrics and progress.

Pass a callable as ``Tago(..., on_event=...)``; it is called from within the event loop, so it must
not block, and what it raises is logged and swallowed: watching must not change what is watched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, TypeAlias

import attrs

__all__ = [
    "ClockRestarted",
    "Event",
    "EventSink",
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
    lane: str
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
    Granted | Sent | Settled | Throttled | WindowOpened | ClockRestarted | InDoubtWrite
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
