"""The server's clock, and the service's formats of dates and times.

Inside the emulator a moment is a float of seconds since the epoch by the server's own clock; text
is used in requests and answers only.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, tzinfo
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ServerClock", "check_moment", "iso", "iso_or_none", "parse_date", "parse_moment"]

_DAY: Final = 86_400.0
#: The first second that a date of four digits can't name.
_END_OF_DATES: Final = 253_402_300_800.0
_RELATIVE: Final = re.compile(r"\s*(\d{1,9})\s*([A-Za-z]+)\s*", re.ASCII)

# The short forms are case-sensitive (`m` minute, `M` month), the words are not.
_SHORT_UNITS: Final = {
    **dict.fromkeys(("S", "SS", "ms"), 0.001),
    **dict.fromkeys(("s", "ss", "sec"), 1.0),
    **dict.fromkeys(("m", "mm", "min"), 60.0),
    **dict.fromkeys(("h", "hh"), 3600.0),
    **dict.fromkeys(("d", "dd"), _DAY),
    **dict.fromkeys(("w", "ww"), 7 * _DAY),
    **dict.fromkeys(("M", "MM"), 30 * _DAY),
    **dict.fromkeys(("y", "yy"), 365 * _DAY),
}
_WORDS: Final = {
    "millisecond": 0.001,
    "second": 1.0,
    "minute": 60.0,
    "hour": 3600.0,
    "day": _DAY,
    "week": 7 * _DAY,
    "month": 30 * _DAY,
    "year": 365 * _DAY,
}


class ServerClock:
    """The emulated service's clock.

    Args:
        offset: seconds by which it is ahead of this machine's clock.
        source: returns seconds since the epoch; for tests.
    """

    def __init__(self, offset: float = 0.0, source: Callable[[], float] = time.time) -> None:
        self.offset = offset
        self._source = source
        self._dated_second = -1
        self._date = ""

    def now(self) -> float:
        """Return the seconds since the epoch by the server's clock."""
        return self._source() + self.offset

    def http_date(self) -> str:
        """Return the ``Date`` header of an answer sent now."""
        second = int(self.now())
        if second != self._dated_second:
            # Thousands of answers are sent within one second: each text is formatted once.
            self._date = formatdate(second, usegmt=True)
            self._dated_second = second
        return self._date


def iso(moment: float) -> str:
    """Return a moment in the service's format: ``2025-01-09T13:44:33.120Z``."""
    date = datetime.fromtimestamp(moment, UTC).replace(tzinfo=None)
    return f"{date.isoformat('T', 'milliseconds')}Z"


def iso_or_none(moment: float | None) -> str | None:
    """Return a moment in the service's format, None for None."""
    return None if moment is None else iso(moment)


def check_moment(moment: float) -> float:
    """Return a moment that a date of four digits can name.

    Raises:
        ValueError: it lies outside the years 1970 to 9999.
    """
    if not 0 <= moment < _END_OF_DATES:
        raise ValueError("Invalid date")
    return moment


def parse_date(text: str, zone: tzinfo = UTC) -> float:
    """Parse a date (ISO 8601).

    Args:
        text: the date.
        zone: time zone of a date without one.

    Raises:
        ValueError: it is not a date.
    """
    date = datetime.fromisoformat(text)
    return check_moment((date if date.tzinfo else date.replace(tzinfo=zone)).timestamp())


def parse_moment(text: str, *, now: float, ahead: bool, zone: tzinfo = UTC) -> float:
    """Parse a date (ISO 8601) or a relative time (``3 hours``).

    Args:
        text: the date or relative time.
        now: the moment that a relative time refers to.
        ahead: whether a relative time is after `now` (an expiry) or before it (a filter).
        zone: time zone of a date without one.

    Raises:
        ValueError: it is neither.
    """
    relative = _RELATIVE.fullmatch(text)
    if relative is None:
        return parse_date(text, zone)
    unit = relative[2]
    seconds = _SHORT_UNITS.get(unit) or _WORDS.get(unit.lower().removesuffix("s"))
    if seconds is None:
        raise ValueError("Invalid date")
    return check_moment(now + int(relative[1]) * seconds * (1 if ahead else -1))
