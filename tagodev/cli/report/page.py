"""The HTML report of a run.

The page contains no scripts and loads nothing from the network; its content security policy
forbids both. It contains the names of rows, counts and times, and no tokens, so it can be shared.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import attrs
import orjson

from tagodev import __version__
from tagodev.bulk.journal.entry import EntryState
from tagodev.cli.bulk.results import name_of
from tagodev.cli.output.progress import duration
from tagodev.cli.report.charts import Chart, Part, Series, share_bar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tagodev.bulk.journal.statistics import RouteUse, RunStatistics
    from tagodev.cli.bulk.journal_status import JournalStatus

__all__ = ["GENERATOR", "Page"]

#: The generator tag that identifies a report.
GENERATOR: Final = "tagodev bulk report"
#: Bars of a chart at most; with more windows, each bar represents several.
_BARS: Final = 240
#: Routes with a chart at most, and the share of a window that a route must use to have one.
_CHARTS: Final = 6
_MIN_CHART_SHARE: Final = 0.1

_STATES: Final = (
    (EntryState.DONE, "done"),
    (EntryState.FAILED, "failed"),
    (EntryState.UNSOLVED, "doubt"),
    (EntryState.SENT, "doubt"),
    (EntryState.PENDING, "pending"),
)


def _outcome(state: EntryState, done: str) -> str:
    return {
        EntryState.DONE: done,
        EntryState.FAILED: "failed",
        EntryState.UNSOLVED: "ambiguous",
        EntryState.SENT: "in doubt",
        EntryState.PENDING: "pending",
    }[state]


@attrs.frozen(kw_only=True)
class Page:
    """The report of a run as an HTML page."""

    statistics: RunStatistics
    """The statistics of the run."""
    status: JournalStatus
    """The status of the journal."""
    running: bool
    """Whether a process is running it."""
    created: datetime
    """When the report was created."""

    def html(self) -> str:
        """Return the page."""
        charts = list(self._charts())
        style = files("tagodev").joinpath("data/report.css").read_text("utf-8")
        style += "".join(chart.css() for _, chart in charts)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
            "base-uri 'none'; form-action 'none'"
        )
        return (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="referrer" content="no-referrer">\n'
            f'<meta name="generator" content="{GENERATOR}">\n'
            f'<link rel="icon" href="data:,">\n<title>{escape(self._headline())}</title>\n'
            f"<style>{style}</style>\n</head>\n<body>\n<main>\n"
            f"{self._header()}{self._outcomes()}{self._timeline(charts)}{self._failures()}"
            f"{self._slowest()}{self._footer()}</main>\n</body>\n</html>\n"
        )

    # --- sections --------------------------------------------------------------------------------

    def _headline(self) -> str:
        status = self.status
        operation = status.operation
        done = f"{status.done:,} of {status.rows:,}"
        return f"{done} {operation.noun} {operation.outcome.status}"

    def _state(self) -> tuple[str, str]:
        status = self.status
        if self.running:
            return "running", "open"
        if status.left or not status.whole:
            return "unfinished", "open"
        if status.done < status.rows:
            return "complete, with failures", "bad"
        return "complete", ""

    def _header(self) -> str:
        statistics, info = self.statistics, self.statistics.info
        source = info.keywords.get("file")
        text, style = self._state()
        # The file name without its folder, which may be private.
        origin = f"From <b>{escape(_file_name(source))}</b>, at " if source else "At "
        when = "" if statistics.first is None else f", started {_moment(statistics.first)}"
        lines = [] if self.running else self.status.next_steps()
        more = "".join(
            f'<p class="next">{escape(what)}: {_command(then)}</p>'
            for what, _, then in (line.partition(": ") for line in lines)
        )
        tiles = "".join(
            f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in self._tiles()
        )
        return (
            f'<header><span class="state {style}">{text}</span><h1>{self._headline()}</h1>'
            f"<p>{origin}<b>{escape(info.service)}</b>{when}; run "
            f'<code>{escape(info.run)}</code>.</p>{more}<dl class="tiles">{tiles}</dl></header>\n'
        )

    def _tiles(self) -> Iterator[tuple[str, str]]:
        statistics = self.statistics
        failed = statistics.states.get(EntryState.FAILED, 0)
        doubtful = sum(statistics.states.get(s, 0) for s in (EntryState.SENT, EntryState.UNSOLVED))
        yield "failed", f"{failed:,}"
        yield "in doubt", f"{doubtful:,}"
        yield "sent more than once", f"{statistics.again:,}"
        yield "duration", _took(statistics.elapsed)
        if statistics.routes:
            busiest = statistics.routes[0]
            limit = "" if busiest.limit is None else f" <small>of {busiest.limit:,}</small>"
            yield "windows used", f"{len(busiest.windows):,}"
            yield "fullest window", f"{max(busiest.windows.values()):,}{limit}"
        if statistics.durations is not None:
            yield "median row duration", _seconds(statistics.durations.median)
            yield "95th percentile", _seconds(statistics.durations.most)

    def _outcomes(self) -> str:
        done = self.status.operation.outcome.status
        parts = [
            Part(_outcome(state, done), self.statistics.states.get(state, 0), style)
            for state, style in _STATES
        ]
        label = ", ".join(f"{part.count:,} {part.name}" for part in parts if part.count)
        sent = f"{self.statistics.attempts:,} attempts in total."
        return (
            f'<section id="outcomes"><h2>Outcomes</h2><p class="soft">{sent}</p>'
            f"{share_bar(parts, label)}</section>\n"
        )

    # --- time ------------------------------------------------------------------------------------

    def _charts(self) -> Iterator[tuple[str, Chart]]:
        for number, use in enumerate(self._drawn()):
            yield _route_title(use), _route_chart(use, f"r{number}")
        finished = self.statistics.finished
        if finished is not None:
            series = (
                Series(self.status.operation.outcome.status, "done", finished.done),
                Series("failed", "failed", finished.failed),
            )
            every = _period(finished.seconds)
            yield (
                f"<b>Rows finished</b> <span>per {every}, by this machine's clock</span>",
                Chart(
                    series=[one for one in series if one.counts],
                    seconds=finished.seconds,
                    label=f"Rows finished per {every}",
                    unit="rows",
                    name="f",
                ),
            )

    def _drawn(self) -> list[RouteUse]:
        """Return the routes that have a chart: the busiest, and those near their limits."""
        routes = [
            use
            for index, use in enumerate(self.statistics.routes)
            if index == 0
            or (use.limit and max(use.windows.values()) >= _MIN_CHART_SHARE * use.limit)
        ]
        return routes[:_CHARTS]

    def _other_routes(self) -> str:
        drawn = self._drawn()
        others = [use for use in self.statistics.routes if use not in drawn]
        if not others:
            return ""
        text = ", ".join(f"<code>{escape(use.route)}</code> {use.requests:,}" for use in others)
        return f'<p class="soft besides">Other routes, far below their limits: {text}.</p>'

    def _timeline(self, charts: Sequence[tuple[str, Chart]]) -> str:
        if not charts:
            return ""
        drawn = "".join(f"<h3>{title}</h3>{chart.html()}" for title, chart in charts)
        return (
            '<section id="timeline"><h2>Requests per minute and limit</h2>'
            '<p class="soft">Each bar is a window: a minute of the service\'s clock, in UTC, that '
            "accepts requests up to the limit. A request that may count in either of two windows "
            f"is shown in the earlier one.</p>{drawn}{self._other_routes()}{self._windows()}"
            "</section>\n"
        )

    def _windows(self) -> str:
        rows = [
            (use, number, count)
            for use in self.statistics.routes
            for number, count in use.windows.items()
        ]
        if not rows:
            return ""
        cells = "".join(
            f'<tr><td>{_moment(number * use.minute)}</td><td class="text">{escape(use.route)}</td>'
            f'<td class="number">{count:,}</td>'
            f'<td class="number">{"" if use.limit is None else f"{use.limit:,}"}</td></tr>'
            for use, number, count in sorted(rows, key=lambda row: row[1] * row[0].minute)
        )
        return (
            f"<details><summary>All {len(rows):,} windows as a table</summary>"
            '<table id="windows"><thead><tr><th>start</th><th class="text">route</th>'
            '<th class="number">requests</th><th class="number">limit</th></tr></thead>'
            f"<tbody>{cells}</tbody></table></details>"
        )

    # --- rows ------------------------------------------------------------------------------------

    def _failures(self) -> str:
        reasons = self.statistics.reasons
        if not reasons:
            return ""
        most = max(reason.rows for reason in reasons)
        rows = "".join(
            f'<tr><td class="text">{escape(reason.text)}<svg class="weight" '
            'viewBox="0 0 1000 1" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect class="failed" width="{1000 * reason.rows / most:.0f}" height="1"/></svg>'
            f'<span class="soft">{_examples(reason.examples, reason.rows)}</span></td>'
            f'<td class="number">{reason.rows:,}</td></tr>'
            for reason in reasons
        )
        return (
            '<section id="failures"><h2>Failures by reason</h2><table><thead><tr>'
            f'<th>reason</th><th class="number">rows</th></tr></thead><tbody>{rows}</tbody></table>'
            "</section>\n"
        )

    def _slowest(self) -> str:
        slowest = self.statistics.slowest
        if not slowest:
            return ""
        done = self.status.operation.outcome.status
        rows = "".join(
            f'<tr><td class="number">{row.number + 1:,}</td>'
            f'<td class="text">{escape(name_of(orjson.loads(row.payload))) or "-"}</td>'
            f'<td class="number">{_seconds(row.seconds)}</td>'
            f'<td class="number">{row.attempts:,}</td><td>{_outcome(row.state, done)}</td></tr>'
            for row in slowest
        )
        return (
            '<section id="slowest"><h2>Slowest rows</h2><p class="soft">From the first request of '
            "a row to its end, including waits.</p>"
            '<table><thead><tr><th class="number">row</th>'
            '<th class="text">name</th><th class="number">duration</th>'
            f'<th class="number">attempts</th><th>outcome</th></tr></thead>'
            f"<tbody>{rows}</tbody></table></section>\n"
        )

    def _footer(self) -> str:
        return (
            f"<footer>Created by tagodev {escape(__version__)} from "
            f"{escape(self.status.path.name)}, {_moment(self.created.timestamp())}. Times are UTC. "
            "This page loads nothing from the network and contains no tokens.</footer>\n"
        )


def _route_title(use: RouteUse) -> str:
    limit = "" if use.limit is None else f"limit {use.limit:,} "
    period = "per minute" if use.minute == 60 else f"per {use.minute:g} s"
    text = f"{_requests(use.requests)}, {limit}{period}{_each(_grouped(use.windows)[0])}"
    return f"{escape(use.route)} <span>{text}</span>"


def _each(size: int) -> str:
    return "" if size == 1 else f"; each bar is the fullest of {size} windows"


def _period(seconds: float) -> str:
    """Return a duration in its largest unit: ``30 min``."""
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"


def _requests(count: int) -> str:
    return f"{count:,} request{'' if count == 1 else 's'}"


def _route_chart(use: RouteUse, name: str) -> Chart:
    size, windows = _grouped(use.windows)
    return Chart(
        series=[Series("requests", "bar", windows)],
        seconds=use.minute * size,
        label=f"Requests to {use.route} per window{_each(size)}",
        unit="requests per window",
        limit=use.limit,
        name=name,
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


def _examples(numbers: Sequence[int], rows: int) -> str:
    listed = ", ".join(f"{number + 1:,}" for number in numbers)
    return f"{'row' if rows == 1 else 'rows'} {listed}{', …' if rows > len(numbers) else ''}"


def _command(text: str) -> str:
    return f"<code>{escape(text)}</code>" if text.startswith("tagodev ") else escape(text)


def _file_name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def _seconds(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)


def _took(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)
