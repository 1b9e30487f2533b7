"""The HTML report of a run.

The page contains no scripts and loads nothing from the network; its content security policy
forbids both. It contains the names of rows, counts and times, and no tokens, so it can be shared.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined

from tagodev import __version__
from tagodev._bulk.journal.entry import EntryState
from tagodev._cli.bulk.results import name_of
from tagodev._cli.output.text import duration, moment, plural
from tagodev._cli.report.charts import Chart, Series

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from tagodev._bulk.journal.statistics import RouteUse, RunStatistics, SlowRow
    from tagodev._cli.bulk.journal_status import JournalStatus

__all__ = ["GENERATOR", "report_page"]

#: The generator tag that identifies a report.
GENERATOR: Final = "tagodev bulk report"
#: Bars of a chart at most; with more windows, each bar represents several.
_BARS: Final = 240
#: Routes with a chart at most, and the share of a window that a route must use to have one.
_CHARTS: Final = 6
_MIN_CHART_SHARE: Final = 0.1
#: The CSS class and the name of each outcome; rows that are done have the operation's name.
_OUTCOMES: Final = {
    EntryState.DONE: ("done", ""),
    EntryState.FAILED: ("failed", "failed"),
    EntryState.UNSOLVED: ("doubt", "ambiguous"),
    EntryState.SENT: ("doubt", "in doubt"),
    EntryState.PENDING: ("pending", "pending"),
}


def report_page(
    run: RunStatistics, status: JournalStatus, *, running: bool, created: datetime
) -> str:
    """Return the report of a run as an HTML page.

    Args:
        run: the statistics of the run.
        status: the status of the journal.
        running: whether a process is running it.
        created: when the report was created.
    """
    environment = Environment(
        loader=PackageLoader("tagodev", "data"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters |= {
        "number": "{:,}".format,
        "moment": moment,
        "seconds": _seconds,
        "row_name": _row_name,
    }
    drawn = _drawn(run)
    charts = [*map(_route_chart, range(len(drawn)), drawn), *_rows_chart(run, status)]
    style = files("tagodev").joinpath("data/report.css").read_text("utf-8")
    style += "".join(chart.css() for chart in charts)
    operation, done = status.operation, status.operation.outcome.status
    outcomes = {state: name or done for state, (_, name) in _OUTCOMES.items()}
    parts = [
        {"name": outcomes[state], "count": count, "style": css}
        for state, (css, _) in _OUTCOMES.items()
        if (count := run.states.get(state, 0))
    ]
    return environment.get_template("report.html.jinja").render(
        generator=GENERATOR,
        version=__version__,
        style=style,
        digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        run=run,
        headline=f"{status.done:,} of {status.rows:,} {operation.noun} {done}",
        state=_state(status, running=running),
        # The file name without its folder, which may be private.
        source=str(run.info.keywords.get("file") or "").replace("\\", "/").rpartition("/")[2],
        next_steps=[] if running else [line.split(": ", 1) for line in status.next_steps()],
        tiles=_tiles(run),
        outcomes=outcomes,
        parts=parts,
        whole=sum(run.states.values()),
        charts=charts,
        other_routes=[use for use in run.routes if use not in drawn],
        windows=sorted(
            (
                (number * use.minute, use, count)
                for use in run.routes
                for number, count in use.windows.items()
            ),
            key=lambda window: window[0],
        ),
        journal=status.path.name,
        created=created.timestamp(),
    )


def _state(status: JournalStatus, *, running: bool) -> dict[str, str]:
    if running:
        return {"text": "running", "style": "open"}
    if status.left or not status.whole:
        return {"text": "unfinished", "style": "open"}
    if status.done < status.rows:
        return {"text": "complete, with failures", "style": "bad"}
    return {"text": "complete", "style": ""}


def _tiles(run: RunStatistics) -> Iterator[tuple[str, str, str]]:
    """Yield the name and value of each figure, and its limit."""
    doubtful = sum(run.states.get(one, 0) for one in (EntryState.SENT, EntryState.UNSOLVED))
    yield "failed", f"{run.states.get(EntryState.FAILED, 0):,}", ""
    yield "in doubt", f"{doubtful:,}", ""
    yield "sent more than once", f"{run.again:,}", ""
    yield "duration", _took(run.elapsed), ""
    if run.routes:
        busiest = run.routes[0]
        limit = "" if busiest.limit is None else f"{busiest.limit:,}"
        yield "windows used", f"{len(busiest.windows):,}", ""
        yield "fullest window", f"{max(busiest.windows.values()):,}", limit
    if run.durations is not None:
        yield "median row duration", _seconds(run.durations.median), ""
        yield "95th percentile", _seconds(run.durations.most), ""


def _drawn(run: RunStatistics) -> list[RouteUse]:
    """Return the routes that have a chart: the busiest, and those near their limits."""
    return [
        use
        for index, use in enumerate(run.routes)
        if index == 0 or (use.limit and max(use.windows.values()) >= _MIN_CHART_SHARE * use.limit)
    ][:_CHARTS]


def _route_chart(index: int, use: RouteUse) -> Chart:
    size, windows = _grouped(use.windows)
    limit = "" if use.limit is None else f"limit {use.limit:,} "
    period = "per minute" if use.minute == 60 else f"per {use.minute:g} s"
    each = "" if size == 1 else f"; each bar is the fullest of {size} windows"
    return Chart(
        title=use.route,
        subtitle=f"{plural(use.requests, 'request', ',')}, {limit}{period}{each}",
        series=[Series(name="requests", style="bar", counts=windows)],
        seconds=use.minute * size,
        label=f"Requests to {use.route} per window{each}",
        unit="requests per window",
        limit=use.limit,
        name=f"r{index}",
    )


def _rows_chart(run: RunStatistics, status: JournalStatus) -> Iterator[Chart]:
    """Yield the chart of the rows finished, if there are any."""
    finished = run.finished
    if finished is not None:
        names = {
            status.operation.outcome.status: ("done", finished.done),
            "failed": ("failed", finished.failed),
        }
        every = _period(finished.seconds)
        yield Chart(
            title="Rows finished",
            subtitle=f"per {every}, by this machine's clock",
            series=[
                Series(name=name, style=style, counts=counts)
                for name, (style, counts) in names.items()
                if counts
            ],
            seconds=finished.seconds,
            label=f"Rows finished per {every}",
            unit="rows",
            name="f",
        )


def _grouped(windows: Mapping[int, int]) -> tuple[int, Mapping[int, int]]:
    """Return the number of windows per bar, and the fullest window of each bar."""
    size, grouped = 1, dict(windows)
    while len(grouped) > _BARS:
        size *= 2
        grouped = {}
        for number, count in windows.items():
            bar = number // size
            grouped[bar] = max(count, grouped.get(bar, 0))
    return size, grouped


def _row_name(row: SlowRow) -> str:
    return name_of(orjson.loads(row.payload))


def _period(seconds: float) -> str:
    """Return a duration in its largest unit: ``30 min``."""
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else _took(seconds)


def _took(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)
