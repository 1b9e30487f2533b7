"""The parts of the command line that decide something: forecast, meter, feed, results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev._cli.bulk.operations import Feed, RunRow
from tagodev._cli.bulk.results import Result, ResultsFile
from tagodev._cli.output.progress import Progress, ProgressMeter
from tagodev._limits.forecast import forecast
from tagodev._limits.snapshot import RouteState
from tests.cli.support import read_results

if TYPE_CHECKING:
    from pathlib import Path


def state(**changes: Any) -> RouteState:
    """Return what is known of a route."""
    known: dict[str, Any] = {
        "route": "POST /device",
        "limit": 100,
        "budget": 100,
        "others": None,
        "used": 20,
        "free": 80,
        "in_flight": 0,
        "waiting": 0,
        "next_window_in": 30.0,
        "rejected": 0,
    }
    return RouteState(**{**known, **changes})


@pytest.mark.parametrize(
    ("count", "free", "next_window_in", "rate", "expected"),
    [
        (0, 100, 60, 10, 0.0),
        (50, 100, 60, 10, 5.0),
        (100, 100, 60, 10, 10.0),
        (101, 100, 60, 10, 60.1),
        (200, 100, 60, 10, 70.0),
        (250, 100, 20, 10, 85.0),
        (250, 0, 20, 10, 145.0),
        # Slower than the limit: windows do not matter.
        (90, 100, 60, 1, 90.0),
        (30, 100, 10, 1, 30.0),
        (10, 100, 10, 0, float("inf")),
    ],
)
def test_forecast(
    count: int, free: int, next_window_in: float, rate: float, expected: float
) -> None:
    """Each window completes what it accepts, or what the rate allows."""
    seconds = forecast(
        count, limit=100, window_seconds=60, free=free, next_window_in=next_window_in, rate=rate
    )
    assert seconds == pytest.approx(expected)


@given(st.integers(0, 10_000), st.integers(1, 500), st.floats(0.01, 60), st.floats(0.5, 5000))
def test_forecast_is_what_a_greedy_client_does(
    count: int, limit: int, next_window_in: float, rate: float
) -> None:
    """The formula agrees with going through the windows one by one."""
    left, now, free, ends = float(count), 0.0, float(limit), next_window_in
    while left > min(free, rate * (ends - now)) + 1e-9:
        left -= min(free, rate * (ends - now))
        now, free, ends = ends, float(limit), ends + 60
    seconds = forecast(
        count, limit=limit, window_seconds=60, free=limit, next_window_in=next_window_in, rate=rate
    )
    assert seconds == pytest.approx(now + left / rate)


def test_meter_measures_where_nothing_limits() -> None:
    """The wait for a window does not make the machine look slow."""
    meter = ProgressMeter(300, 60.0, "POST /device")
    assert meter.measure(0.0, 0, []) == Progress(0, None, 0, 0, None)
    meter.measure(1.0, 10, [state()])
    assert meter.measure(2.0, 20, [state()]).rate == pytest.approx(10.0)
    waiting = meter.measure(12.0, 100, [state(used=100, free=0, next_window_in=20.0)])
    assert waiting.rate == pytest.approx(10.0)
    assert waiting.left == pytest.approx(20 + 60 + 10)
    assert waiting.texts() == ("10/s", "window 100/100", "1 min 30 s left")
    # What is on its way has its quota already.
    on_their_way = meter.measure(13.0, 100, [state(free=0, in_flight=50, next_window_in=20.0)])
    assert on_their_way.left == pytest.approx(20 + 60 + 5)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s left"), (75.0, "1 min 15 s left"), (7300.0, "2 h 1 min left")]
)
def test_time_left_as_people_read_it(seconds: float, text: str) -> None:
    """Seconds, minutes, hours."""
    assert Progress(1, 1.0, 1, 1, seconds).texts()[2] == text


def test_feed_knows_what_is_out() -> None:
    """Rows that were handed out, and those that were not, are all accounted for."""
    feed = Feed(RunRow(number, f"s{number}", f"item {number}") for number in (1, 2, 4))
    assert [next(feed), next(feed)] == ["item 1", "item 2"]
    assert feed.finish(0).number == 1
    assert [entry.number for entry in feed.in_progress.values()] == [2]
    assert [entry.number for entry in feed.unread()] == [4]


def test_each_result_is_on_disk_at_once(tmp_path: Path) -> None:
    """Nothing is kept back in this process."""
    path = tmp_path / "out.csv"
    with ResultsFile(path) as results:
        results.write(Result(1, "line\nbreak", status="pending"))
        assert [row["name"] for row in read_results(path)] == ["line\nbreak"]
