"""Forms of text that every command uses: cleaned text, counts, durations and times."""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil

__all__ = ["clean", "duration", "local_time", "moment", "plural", "rfc3339"]


def clean(text: str) -> str:
    """Return text with control characters escaped, since it may come from any source."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def plural(count: int, noun: str, form: str = "") -> str:
    """Return a count with its noun: ``1 device``, ``312 devices``.

    Args:
        count: the count.
        noun: the noun in the singular.
        form: how the count is written; ``,`` groups thousands.
    """
    return f"{count:{form}} {noun}" if count == 1 else f"{count:{form}} {noun}s"


def duration(seconds: float) -> str:
    """Return a duration as text: ``2 min 5 s``."""
    whole = ceil(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def moment(seconds: float) -> str:
    """Return a time in UTC: ``2026-03-01 12:30:05``.

    Args:
        seconds: the time in seconds since the epoch.
    """
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def local_time(seconds: float) -> str:
    """Return a time in the user's zone: ``2026-03-01 13:30``.

    Args:
        seconds: the time in seconds since the epoch.
    """
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M}"


def rfc3339(value: datetime) -> str:
    """Return a time in UTC as RFC 3339: ``2026-03-01T12:30:05Z``."""
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
