"""Snapshots of a route's state and of the clock estimate."""

from __future__ import annotations

import attrs

__all__ = ["ClockState", "RouteState"]


@attrs.frozen(kw_only=True)
class RouteState:
    """State of one route's limiter at one moment."""

    route: str
    """Method and template."""
    limit: int
    """Requests the service accepts in one window."""
    budget: int
    """Requests to send in one window: the limit, our share, or what others leave."""
    used: int
    """Requests charged to the current window."""
    free: int
    """Requests that may still go in the current window."""
    in_flight: int
    """Requests in flight."""
    waiting: int
    """Requests that wait for a permit."""
    next_window_in: float | None
    """Seconds until the next window has certainly begun; None while the service's clock is
    unknown."""
    others: int | None
    """Requests per window that other clients use; None if none were detected."""
    rejected: int
    """Number of 429 answers so far."""


@attrs.frozen
class ClockState:
    """Estimate of the service's clock at one moment."""

    ahead: float
    """Seconds by which it is ahead of this machine's wall clock, at the middle of the bounds."""
    uncertainty: float
    """Maximum error of that, in seconds, either way."""
    next_window_in: float
    """Seconds until its next window has certainly begun."""
