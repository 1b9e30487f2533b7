"""The ``tagodev bulk report`` command."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from tagodev._bulk.journal.statistics import RunStatistics, history_of
from tagodev._bulk.journal.store import Journal
from tagodev._bulk.run_registry import is_running
from tagodev._cli.bulk.journal_status import JournalStatus
from tagodev._cli.bulk.results import name_of
from tagodev._cli.output.console import print_json, print_line, print_message
from tagodev._cli.output.table import JsonOption
from tagodev._cli.output.text import clean, moment, plural
from tagodev._cli.report.page import GENERATOR, report_page
from tagodev._filesystem.atomic_write import check_out, whole_text
from tagodev.errors import InputError, TagoError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagodev._bulk.journal.statistics import RouteUse, SlowRow

__all__ = ["report"]

#: Windows of a route to list individually; with more, only the fullest is shown.
_WINDOWS: Final = 20


def report(
    journal: Path,
    /,
    *,
    html: Path | None = None,
    json: JsonOption = False,
) -> None:
    """Show the statistics of a run from its journal; the run may be in progress.

    The report shows the requests of each minute and the limit, the outcomes, the reasons of
    failures, and the slowest rows. --html writes it as one page with charts that loads nothing
    from the network and contains no tokens.

    Args:
        html: Write an HTML page with charts here; an earlier report is replaced.
    """
    if html is not None:
        check_out(html, "--html")
        _check_report(html)
    with Journal.read(journal) as opened:
        running = is_running(opened.info.run, journal)
        statistics, status = history_of(opened), JournalStatus.of(opened)
    if html is not None:
        created = datetime.now(UTC)
        _write(html, report_page(statistics, status, running=running, created=created))
    if json:
        print_json(_as_json(statistics, status, html))
    elif html is None:
        for line in _lines(statistics, status):
            print_line(line)
    else:
        print_line(str(html))


def _check_report(path: Path) -> None:
    """Check that a file is an earlier report or doesn't exist."""
    try:
        with path.open("rb") as file:
            if GENERATOR.encode() in file.read(1000):
                return
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", path="--html") from None
    raise InputError(
        f"{path} already exists and is not a report",
        path="--html",
        hint="Name another file, or move the existing one",
    )


def _write(path: Path, page: str) -> None:
    try:
        with whole_text(path) as file:
            file.write(page)
    except OSError as error:
        raise TagoError(f"{path}: {error.strerror}") from None
    print_message("Only you can read the file; it contains no tokens")


# --- JSON ----------------------------------------------------------------------------------------


def _as_json(statistics: RunStatistics, status: JournalStatus, html: Path | None) -> dict[str, Any]:
    durations = statistics.durations
    return {
        "journal": str(status.path),
        "run": statistics.info.run,
        "kind": statistics.info.kind,
        "rows": statistics.rows,
        "states": {state.name.casefold(): count for state, count in statistics.states.items()},
        "attempts": statistics.attempts,
        "again": statistics.again,
        "elapsed_s": round(statistics.elapsed, 3),
        "durations_s": None if durations is None else attrs.asdict(durations),
        "routes": [_route_as_json(use) for use in statistics.routes],
        "reasons": [
            {
                "text": reason.text,
                "rows": reason.rows,
                "examples": [number + 1 for number in reason.examples],
            }
            for reason in statistics.reasons
        ],
        "slowest": [_slow_as_json(row) for row in statistics.slowest],
        "html": None if html is None else str(html),
    }


def _route_as_json(use: RouteUse) -> dict[str, Any]:
    windows = [
        {"window_start": number * use.minute, "requests": count}
        for number, count in use.windows.items()
    ]
    return {"route": use.route, "limit": use.limit, "minute": use.minute, "windows": windows}


def _slow_as_json(row: SlowRow) -> dict[str, Any]:
    return {
        "row": row.number + 1,
        "name": name_of(orjson.loads(row.payload)) or None,
        "seconds": round(row.seconds, 3),
        "attempts": row.attempts,
        "state": row.state.name.casefold(),
    }


# --- text ----------------------------------------------------------------------------------------


def _lines(statistics: RunStatistics, status: JournalStatus) -> Iterator[str]:
    yield (
        f"{status.done_text()} in {statistics.elapsed:.1f} s, "
        f"{plural(statistics.attempts, 'attempt')}"
    )
    if statistics.durations is not None:
        durations = statistics.durations
        yield (
            f"Row durations: median {durations.median:.2f} s, 95th percentile "
            f"{durations.most:.2f} s, maximum {durations.longest:.2f} s"
        )
    for use in statistics.routes:
        yield from _route_lines(use)
    if statistics.reasons:
        yield "Failures by reason:"
        for reason in statistics.reasons:
            yield f"  {reason.rows} x {clean(reason.text)}"
    if statistics.slowest:
        yield "Slowest rows:"
        for row in statistics.slowest:
            name = name_of(orjson.loads(row.payload))
            yield f"  {row.number + 1:>7}  {row.seconds:8.2f} s  {clean(name)}".rstrip()
    yield from status.next_steps()


def _route_lines(use: RouteUse) -> Iterator[str]:
    limit = "" if use.limit is None else f" of {use.limit}"
    requests, windows = plural(use.requests, "request"), plural(len(use.windows), "window")
    if len(use.windows) > _WINDOWS:
        fullest = max(use.windows.values())
        yield f"{use.route}: {requests} in {windows}, at most {fullest}{limit}"
        return
    yield f"{use.route}: {requests} in {windows}"
    for number, count in use.windows.items():
        yield f"  {moment(number * use.minute)}Z  {count}{limit}"
