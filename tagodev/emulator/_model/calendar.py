"""Calendar periods: the start of a period, and the next one.

Chunks, aggregates and statistics divide time into minutes, weeks or quarters; weeks begin on
Monday.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from tagodev.emulator._http.errors import RefusedError

__all__ = ["beginning", "later", "zone_of"]

_SECONDS: Final = {"minute": 60.0, "hour": 3600.0}
_DAYS: Final = {"day": 1, "week": 7}
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}


def zone_of(name: str | None) -> tzinfo:
    """Return the time zone of an IANA name, UTC where there is none.

    Raises:
        RefusedError: this machine knows no such zone.
    """
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise RefusedError(400, "Invalid timezone") from None


def beginning(moment: float, period: str, zone: tzinfo = UTC) -> float:
    """Return the first moment of the period that a moment lies in.

    Args:
        moment: seconds since the epoch.
        period: minute, hour, day, week, month, quarter or year.
        zone: whose midnights count.
    """
    date = datetime.fromtimestamp(moment, zone).replace(second=0, microsecond=0)
    if period in _SECONDS:
        return (date if period == "minute" else date.replace(minute=0)).timestamp()
    date = date.replace(hour=0, minute=0)
    if period == "week":
        date -= timedelta(days=date.weekday())
    elif period in _MONTHS:
        months = _MONTHS[period]
        date = date.replace(day=1, month=(date.month - 1) // months * months + 1)
    return date.timestamp()


def later(moment: float, period: str, count: int, zone: tzinfo = UTC) -> float:
    """Return the moment that lies a number of periods after another, or before it if negative.

    Args:
        moment: seconds since the epoch.
        period: minute, hour, day, week, month, quarter or year.
        count: how many.
        zone: whose midnights count.
    """
    if period in _SECONDS:
        return moment + count * _SECONDS[period]
    date = datetime.fromtimestamp(moment, zone)
    if period in _DAYS:
        return (date + timedelta(days=count * _DAYS[period])).timestamp()
    month = date.year * 12 + date.month - 1 + count * _MONTHS[period]
    first = date.replace(year=month // 12, month=month % 12 + 1, day=1)
    # The 31st of a month of thirty days is its last.
    following = (first + timedelta(days=31)).replace(day=1)
    last = (following - timedelta(days=1)).day
    return first.replace(day=min(date.day, last)).timestamp()
