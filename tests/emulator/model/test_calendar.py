"""The emulator's calendar: where periods begin and which one follows."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._model.calendar import beginning, later, zone_of
from tagodev.emulator._model.time import check_moment, parse_date, parse_moment

PERIODS = ["minute", "hour", "day", "week", "month", "quarter", "year"]
moments = st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis adds the zone


def at(text: str) -> float:
    """Return a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("period", "start", "following"),
    [
        ("minute", "2024-08-15T13:44", "2024-08-15T13:45"),
        ("hour", "2024-08-15T13:00", "2024-08-15T14:00"),
        ("day", "2024-08-15", "2024-08-16"),
        ("week", "2024-08-12", "2024-08-19"),
        ("month", "2024-08-01", "2024-09-01"),
        ("quarter", "2024-07-01", "2024-10-01"),
        ("year", "2024-01-01", "2025-01-01"),
    ],
)
def test_periods_begin_and_follow(period: str, start: str, following: str) -> None:
    """A moment on a Thursday of August lies in each kind of period."""
    begins = beginning(at("2024-08-15T13:44:33.120"), period)

    assert at(start) == begins
    assert at(following) == later(begins, period, 1)


@given(moment=moments, period=st.sampled_from(PERIODS), count=st.integers(-40, 40))
def test_periods_follow_each_other_without_a_gap(moment: datetime, period: str, count: int) -> None:
    """A moment lies in its period, and any number of periods on another one begins."""
    start = beginning(moment.timestamp(), period)
    behind = later(start, period, 1)

    assert start <= moment.timestamp() < behind
    assert start == beginning(behind - 0.001, period)
    assert start == later(later(start, period, count), period, -count)
    assert later(start, period, count) == beginning(later(start, period, count), period)


def test_the_31st_is_the_last_of_a_shorter_month() -> None:
    """A month before the 31st of March is the last of February."""
    assert at("2024-02-29T12:00") == later(at("2024-03-31T12:00"), "month", -1)
    assert at("2023-11-30") == later(at("2024-05-31"), "quarter", -2)


def test_days_of_a_zone_begin_at_its_midnights() -> None:
    """A day of a zone may have 23 hours."""
    zone = ZoneInfo("Europe/Berlin")
    start = beginning(at("2024-03-31T12:00"), "day", zone)

    assert at("2024-03-30T23:00") == start
    assert 23 * 3600 == later(start, "day", 1, zone) - start


def test_zones_are_known_by_name() -> None:
    """No name is UTC; a name that is none is 400."""
    assert UTC == zone_of(None)
    assert ZoneInfo("America/New_York") == zone_of("America/New_York")
    for name in ("Mars/Olympus", "../etc", "/etc/passwd", "UTC\0"):
        with pytest.raises(RefusedError, match="Invalid timezone"):
            zone_of(name)


def test_dates_without_a_zone_may_lie_in_any() -> None:
    """A zone is for dates that name none."""
    zone = ZoneInfo("America/New_York")

    assert at("2024-08-15T04:00") == parse_date("2024-08-15", zone)
    assert at("2024-08-15T13:00") == parse_date("2024-08-15T13:00Z", zone)
    assert at("2024-08-15T17:00") == parse_moment(
        "2024-08-15 13:00", now=0.0, ahead=False, zone=zone
    )
    for moment in (-1.0, 253_402_300_800.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="Invalid date"):
            check_moment(moment)
