"""What is known of a route, and of the clock, at one moment."""

from __future__ import annotations

import attrs

__all__ = ["ClockState", "RouteState"]


@attrs.frozen(kw_only=True)
class RouteState:
    """What is known of one route, at one moment."""

    route: str
    """Method and template."""
    limit: int
    """Requests the service accepts in one window."""
    budget: int
    """Requests that we mean to send in one window: the limit, our share, or what others leave."""
    used: int
    """Requests charged to the present window."""
    free: int
    """Requests that may still go in the present window."""
    in_flight: int
    """Requests on their way."""
    waiting: int
    """Requests that wait for their grant."""
    next_window_in: float | None
    """Seconds until the next window is sure to have begun; None while nothing is known of the
    service's clock."""
    others: int | None
    """Requests a window that others were seen to take; None if nobody was seen."""
    rejected: int
    """429s met so far."""


@attrs.frozen
class ClockState:
    """What is known of the service's clock, at one moment."""

    ahead: float
    """Seconds by which it runs ahead of this machine's wall clock, in the middle of its bounds."""
    uncertainty: float
    """How far it may be from that, in seconds, either way."""
    next_window_in: float
    """Seconds until its next window is sure to have begun."""
