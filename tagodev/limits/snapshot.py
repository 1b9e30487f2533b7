"""What is known of a route at one moment."""

from __future__ import annotations

import attrs

__all__ = ["BucketState"]


@attrs.frozen(kw_only=True)
class BucketState:
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
