"""How long so many requests take, at best, on a route with a limit.

The forecast is greedy: each window completes what it accepts or what the rate allows in the time
left of it, whichever is less.
It is the time left that a progress bar shows, and the ideal that a run is measured by.
"""

from __future__ import annotations

from math import ceil, inf

__all__ = ["forecast"]


def forecast(
    count: float,
    *,
    limit: int,
    minute: float,
    free: float,
    next_window_in: float,
    rate: float,
) -> float:
    """Return the seconds that so many requests take from now on.

    Args:
        count: requests to be completed.
        limit: requests a window accepts.
        minute: a window's length in seconds.
        free: requests that the present window still accepts.
        next_window_in: seconds until the next window begins.
        rate: requests a second that are completed while nothing limits them.

    Examples:
        >>> forecast(300, limit=100, minute=60, free=50, next_window_in=20, rate=10)
        145.0
    """
    if count <= 0:
        return 0.0
    if rate <= 0:
        return inf
    at_once = min(free, rate * next_window_in)
    if count <= at_once:
        return count / rate
    left = count - at_once
    a_window = min(limit, rate * minute)
    whole = ceil(left / a_window) - 1
    return next_window_in + whole * minute + (left - whole * a_window) / rate
