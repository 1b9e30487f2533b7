"""The report of a run as one page that asks nothing of the network.

There is no script in it, no font, no picture from elsewhere, and its policy forbids all of that: it
can be sent to somebody as it is.
No token is in it, nor anything else that the service gave: names of rows, counts and times.
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
from tagodev.cli.bulk.journal_results import name_of
from tagodev.cli.output.progress import duration
from tagodev.cli.report.charts import Chart, Part, Series, share_bar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tagodev.bulk.journal.statistics import RouteUse, RunStatistics
    from tagodev.cli.bulk.journal_status import JournalStatus

__all__ = ["GENERATOR", "Page"]

#: By which a page of ours is known again.
GENERATOR: Final = "tagodev bulk report"
#: Bars that a chart has at most; where there are more windows, one stands for several.
_BARS: Final = 240
#: Routes that have a chart, at most, if a window was used to this part; others stand in a line.
_CHARTS: Final = 6
_WORTH_A_CHART: Final = 0.1

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
        EntryState.UNSOLVED: "not clear",
        EntryState.SENT: "in doubt",
        EntryState.PENDING: "pending",
    }[state]


@attrs.frozen(kw_only=True)
class Page:
    """A run's report, as a page."""

    history: RunStatistics
    """What the journal tells."""
    standing: JournalStatus
    """Where it stands, and how to go on."""
    running: bool
    """Whether a process works with it."""
    made: datetime
    """When this was found out."""

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
            f"{self._top()}{self._outcomes()}{self._timeline(charts)}{self._failures()}"
            f"{self._slowest()}{self._foot()}</main>\n</body>\n</html>\n"
        )

    # --- what it says ----------------------------------------------------------------------------

    def _headline(self) -> str:
        standing = self.standing
        return f"{standing.done:,} of {standing.rows:,} {standing.kind.noun} {standing.kind.done}"

    def _state(self) -> tuple[str, str]:
        standing = self.standing
        if self.running:
            return "going on", "open"
        if standing.left or not standing.whole:
            return "to be gone on with", "open"
        if standing.done < standing.rows:
            return "complete, with failures", "bad"
        return "complete", ""

    def _top(self) -> str:
        history, info = self.history, self.history.info
        source = info.keywords.get("file")
        text, style = self._state()
        # The name alone: where it lies is nobody else's affair.
        named = f"From <b>{escape(_last_name(source))}</b>, at " if source else "At "
        when = "" if history.first is None else f", begun {_moment(history.first)}"
        lines = [] if self.running else self.standing.how_to_go_on()
        more = "".join(
            f'<p class="next">{escape(what)}: {_command(then)}</p>'
            for what, _, then in (line.partition(": ") for line in lines)
        )
        tiles = "".join(
            f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in self._tiles()
        )
        return (
            f'<header><span class="state {style}">{text}</span><h1>{self._headline()}</h1>'
            f"<p>{named}<b>{escape(info.service)}</b>{when}; run <code>{escape(info.run)}</code>."
            f'</p>{more}<dl class="tiles">{tiles}</dl></header>\n'
        )

    def _tiles(self) -> Iterator[tuple[str, str]]:
        history = self.history
        failed = history.states.get(EntryState.FAILED, 0)
        doubtful = sum(history.states.get(s, 0) for s in (EntryState.SENT, EntryState.UNSOLVED))
        yield "failed", f"{failed:,}"
        yield "in doubt", f"{doubtful:,}"
        yield "sent more than once", f"{history.again:,}"
        yield "took", _took(history.elapsed)
        if history.routes:
            busiest = history.routes[0]
            limit = "" if busiest.limit is None else f" <small>of {busiest.limit:,}</small>"
            yield "windows used", f"{len(busiest.windows):,}"
            yield "fullest window", f"{max(busiest.windows.values()):,}{limit}"
        if history.durations is not None:
            yield "half of the rows within", _seconds(history.durations.median)
            yield "19 of 20 within", _seconds(history.durations.most)

    def _outcomes(self) -> str:
        done = self.standing.kind.done
        parts = [
            Part(_outcome(state, done), self.history.states.get(state, 0), style)
            for state, style in _STATES
        ]
        label = ", ".join(f"{part.count:,} {part.name}" for part in parts if part.count)
        sent = f"Rows were sent {self.history.attempts:,} times in all."
        return (
            f'<section id="outcomes"><h2>Outcomes</h2><p class="soft">{sent}</p>'
            f"{share_bar(parts, label)}</section>\n"
        )

    # --- time ------------------------------------------------------------------------------------

    def _charts(self) -> Iterator[tuple[str, Chart]]:
        for number, use in enumerate(self._drawn()):
            yield _route_title(use), _route_chart(use, f"r{number}")
        finished = self.history.finished
        if finished is not None:
            series = (
                Series(self.standing.kind.done, "done", finished.done),
                Series("failed", "failed", finished.failed),
            )
            every = _every(finished.seconds)
            yield (
                f"<b>Rows finished</b> <span>every {every}, by this machine's clock</span>",
                Chart(
                    series=[one for one in series if one.counts],
                    seconds=finished.seconds,
                    label=f"Rows finished every {every}",
                    unit="rows",
                    name="f",
                ),
            )

    def _drawn(self) -> list[RouteUse]:
        """Return the routes that have a chart: the busiest, and those near their limits."""
        worth = [
            use
            for place, use in enumerate(self.history.routes)
            if place == 0 or (use.limit and max(use.windows.values()) >= _WORTH_A_CHART * use.limit)
        ]
        return worth[:_CHARTS]

    def _besides(self) -> str:
        drawn = self._drawn()
        others = [use for use in self.history.routes if use not in drawn]
        if not others:
            return ""
        told = ", ".join(f"<code>{escape(use.route)}</code> {use.requests:,}" for use in others)
        return f'<p class="soft besides">Besides, far from their limits: {told}.</p>'

    def _timeline(self, charts: Sequence[tuple[str, Chart]]) -> str:
        if not charts:
            return ""
        drawn = "".join(f"<h3>{title}</h3>{chart.html()}" for title, chart in charts)
        return (
            '<section id="timeline"><h2>Requests a minute, against the limit</h2>'
            '<p class="soft">By the minutes of the clock of the service, UTC: each is a window '
            "that accepts so many requests and no more. A request that may have been counted in "
            f"either of two is shown in the earlier.</p>{drawn}{self._besides()}{self._windows()}"
            "</section>\n"
        )

    def _windows(self) -> str:
        rows = [
            (use, number, count)
            for use in self.history.routes
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
            '<table id="windows"><thead><tr><th>begins</th><th class="text">route</th>'
            '<th class="number">requests</th><th class="number">limit</th></tr></thead>'
            f"<tbody>{cells}</tbody></table></details>"
        )

    # --- rows ------------------------------------------------------------------------------------

    def _failures(self) -> str:
        reasons = self.history.reasons
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
            '<section id="failures"><h2>Failures by reason</h2><table><thead><tr><th>what was '
            f'said</th><th class="number">rows</th></tr></thead><tbody>{rows}</tbody></table>'
            "</section>\n"
        )

    def _slowest(self) -> str:
        slowest = self.history.slowest
        if not slowest:
            return ""
        done = self.standing.kind.done
        rows = "".join(
            f'<tr><td class="number">{row.number + 1:,}</td>'
            f'<td class="text">{escape(name_of(orjson.loads(row.payload))) or "-"}</td>'
            f'<td class="number">{_seconds(row.seconds)}</td>'
            f'<td class="number">{row.attempts:,}</td><td>{_outcome(row.state, done)}</td></tr>'
            for row in slowest
        )
        return (
            '<section id="slowest"><h2>Slowest rows</h2><p class="soft">From the first request of '
            "a row to its end, waits in between counted.</p>"
            '<table><thead><tr><th class="number">row</th>'
            '<th class="text">name</th><th class="number">took</th><th class="number">sent</th>'
            f"<th>outcome</th></tr></thead><tbody>{rows}</tbody></table></section>\n"
        )

    def _foot(self) -> str:
        return (
            f"<footer>Made by tagodev {escape(__version__)} from "
            f"{escape(self.standing.path.name)}, {_moment(self.made.timestamp())}. Times are UTC. "
            "This page asks nothing of the network, and holds no token.</footer>\n"
        )


def _route_title(use: RouteUse) -> str:
    kept = "" if use.limit is None else f"limit {use.limit:,} "
    a_window = "a minute" if use.minute == 60 else f"every {use.minute:g} s"
    told = f"{_requests(use.requests)}, {kept}{a_window}{_each(_grouped(use.windows)[0])}"
    return f"{escape(use.route)} <span>{told}</span>"


def _each(together: int) -> str:
    return "" if together == 1 else f"; each bar is the fullest of {together} windows"


def _every(seconds: float) -> str:
    """Return a stretch of time without what is nothing: ``30 min``."""
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"


def _requests(count: int) -> str:
    return f"{count:,} request{'' if count == 1 else 's'}"


def _route_chart(use: RouteUse, name: str) -> Chart:
    together, windows = _grouped(use.windows)
    return Chart(
        series=[Series("requests", "bar", windows)],
        seconds=use.minute * together,
        label=f"Requests to {use.route} a window{_each(together)}",
        unit="requests a window",
        limit=use.limit,
        name=name,
    )


def _grouped(windows: Mapping[int, int]) -> tuple[int, Mapping[int, int]]:
    """Return how many windows one bar stands for, and the fullest of each so many."""
    together, grouped = 1, dict(windows)
    while len(grouped) > _BARS:
        together *= 2
        grouped = {}
        for number, count in windows.items():
            place = number // together
            grouped[place] = max(count, grouped.get(place, 0))
    return together, grouped


def _examples(numbers: Sequence[int], rows: int) -> str:
    named = ", ".join(f"{number + 1:,}" for number in numbers)
    return f"{'row' if rows == 1 else 'rows'} {named}{', …' if rows > len(numbers) else ''}"


def _command(text: str) -> str:
    return f"<code>{escape(text)}</code>" if text.startswith("tagodev ") else escape(text)


def _last_name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def _seconds(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)


def _took(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)
