"""Forecast of how long a number of requests takes on a route with a limit.

The forecast is greedy: each window completes what it accepts, or what the rate allows in the rest
of the window, whichever is less.
Progress bars show it as the time left, and runs are measured against it.
"""

from __future__ import annotations

from math import ceil, inf

__all__ = ["forecast"]


def forecast(
    count: float,
    *,
    limit: int,
    window_seconds: float,
    free: float,
    next_window_in: float,
    rate: float,
) -> float:
    """Return how long a number of requests takes from now on, in seconds.

    Args:
        count: requests to complete.
        limit: requests a window accepts.
        window_seconds: a window's length in seconds.
        free: requests that the current window still accepts.
        next_window_in: seconds until the next window begins.
        rate: requests per second completed without a limit.

    Examples:
        >>> forecast(300, limit=100, window_seconds=60, free=50, next_window_in=20, rate=10)
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
    a_window = min(limit, rate * window_seconds)
    whole = ceil(left / a_window) - 1
    return next_window_in + whole * window_seconds + (left - whole * a_window) / rate
