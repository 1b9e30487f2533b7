"""``tagodev bulk report``: how a run went, from its journal."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003  (cyclopts reads annotations at run time)
from typing import TYPE_CHECKING, Annotated, Any, Final

import attrs
import orjson
from cyclopts import Parameter

from tagodev.bulk.journal.statistics import RunStatistics, history_of
from tagodev.bulk.journal.store import Journal
from tagodev.bulk.run_registry import is_running
from tagodev.cli.bulk.by_filter import plural
from tagodev.cli.bulk.journal_results import name_of
from tagodev.cli.bulk.journal_status import JournalStatus
from tagodev.cli.exit_codes import Exit
from tagodev.cli.output.console import print_json, print_line, say
from tagodev.cli.output.table import clean
from tagodev.cli.report.page import GENERATOR, Page
from tagodev.errors import InputError, TagoError
from tagodev.filesystem.atomic_write import check_out, whole_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagodev.bulk.journal.statistics import RouteUse, SlowRow

__all__ = ["report"]

#: Windows of a route that have a line each; of more only the fullest is told.
_WINDOWS: Final = 20


def report(
    journal: Path,
    /,
    *,
    html: Annotated[
        Path | None,
        Parameter(
            help="A page to look at in a browser, with charts; an earlier report is replaced."
        ),
    ] = None,
    json: Annotated[bool, Parameter(negative="", help="One JSON object as output.")] = False,
) -> int:
    """Tell how a run went: requests against the limits, outcomes, failures, the slowest rows."""
    if html is not None:
        check_out(html, "--html")
        _check_report(html)
    with Journal.read(journal) as opened:
        running = is_running(opened.info.run, journal)
        history, standing = history_of(opened), JournalStatus.of(opened)
    if html is not None:
        page = Page(history=history, standing=standing, running=running, made=datetime.now(UTC))
        _write(html, page.html())
    if json:
        print_json(_as_json(history, standing, html))
    elif html is None:
        for line in _lines(history, standing):
            print_line(line)
    else:
        print_line(str(html))
    return Exit.OK


def _check_report(path: Path) -> None:
    """Make sure that nothing but an earlier report is replaced."""
    try:
        with path.open("rb") as file:
            if GENERATOR.encode() in file.read(1000):
                return
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", path="--html") from None
    raise InputError(
        f"{path} is there already, and is no report",
        path="--html",
        hint="Name another file, or move that one away",
    )


def _write(path: Path, page: str) -> None:
    try:
        with whole_text(path) as file:
            file.write(page)
    except OSError as error:
        raise TagoError(f"{path}: {error.strerror}") from None
    say("Only you may read it, until you give it to others; no token is in it")


# --- for programs --------------------------------------------------------------------------------


def _as_json(history: RunStatistics, standing: JournalStatus, html: Path | None) -> dict[str, Any]:
    durations = history.durations
    return {
        "journal": str(standing.path),
        "run": history.info.run,
        "kind": history.info.kind,
        "rows": history.rows,
        "states": {state.name.casefold(): count for state, count in history.states.items()},
        "attempts": history.attempts,
        "again": history.again,
        "elapsed_s": round(history.elapsed, 3),
        "durations_s": None if durations is None else attrs.asdict(durations),
        "routes": [_route_as_json(use) for use in history.routes],
        "reasons": [
            {
                "text": reason.text,
                "rows": reason.rows,
                "examples": [number + 1 for number in reason.examples],
            }
            for reason in history.reasons
        ],
        "slowest": [_slow_as_json(row) for row in history.slowest],
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


# --- for people ----------------------------------------------------------------------------------


def _lines(history: RunStatistics, standing: JournalStatus) -> Iterator[str]:
    kind = standing.kind
    yield (
        f"{standing.done} of {standing.rows} {kind.noun} {kind.done} in {history.elapsed:.1f} s, "
        f"sent {history.attempts} times"
    )
    if history.durations is not None:
        took = history.durations
        yield (
            f"Half of the rows took {took.median:.2f} s or less, 19 of 20 {took.most:.2f} s or "
            f"less, the slowest {took.longest:.2f} s"
        )
    for use in history.routes:
        yield from _route_lines(use)
    if history.reasons:
        yield "Failures by reason:"
        for reason in history.reasons:
            yield f"  {reason.rows} x {clean(reason.text)}"
    if history.slowest:
        yield "Slowest rows:"
        for row in history.slowest:
            name = name_of(orjson.loads(row.payload))
            yield f"  {row.number + 1:>7}  {row.seconds:8.2f} s  {clean(name)}".rstrip()
    yield from standing.how_to_go_on()


def _route_lines(use: RouteUse) -> Iterator[str]:
    limit = "" if use.limit is None else f" of {use.limit}"
    requests, windows = plural(use.requests, "request"), plural(len(use.windows), "window")
    if len(use.windows) > _WINDOWS:
        fullest = max(use.windows.values())
        yield f"{use.route}: {requests} in {windows}, the fullest {fullest}{limit}"
        return
    yield f"{use.route}: {requests} in {windows}"
    for number, count in use.windows.items():
        begins = datetime.fromtimestamp(number * use.minute, UTC)
        yield f"  {begins:%Y-%m-%d %H:%M:%S}Z  {count}{limit}"
