"""What a journal tells of its run afterwards: when what was asked, and what became of it.

All of it is counted by the database, so that what is held here does not grow with the rows.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

import attrs

from tagodev.bulk.journal.entry import EntryState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagodev.bulk.journal.entry import JournalInfo
    from tagodev.bulk.journal.store import Journal

__all__ = [
    "Durations",
    "FailureReason",
    "Finished",
    "RouteUse",
    "RunStatistics",
    "SlowRow",
    "history_of",
]

#: Rows that are told by name: the slowest, and examples of each reason.
_SLOWEST: Final = 10
_EXAMPLES: Final = 3
#: Reasons that are told apart; what else there is counts as one.
_REASONS: Final = 12
_OTHER: Final = "Other reasons"
#: What an error says of one row only: ids, quoted names, long numbers.
_OF_ONE_ROW: Final = re.compile(r"\b[0-9a-f]{24}\b|'[^']*'|\"[^\"]*\"|\b[0-9]{6,}\b")
#: Stretches of time that finished rows are counted in, in seconds, and how many there are at most.
_STRETCHES: Final = (
    *(0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600),
    *(7200, 14_400, 43_200, 86_400, 604_800, 2_592_000, 31_536_000),
)
_STRETCHES_AT_MOST: Final = 90
#: Seconds of a run in which every pause is worth seeing.
_SHORT: Final = 7200


@attrs.frozen(kw_only=True)
class RouteUse:
    """What was asked of one route."""

    route: str
    """Method and template."""
    minute: float
    """Length of a window, in seconds."""
    limit: int | None
    """Requests that a window accepts; None where the journal was not told."""
    windows: Mapping[int, int]
    """Requests in each window, by its number: minutes of the service's clock since the epoch. One
    that the service may have counted in either of two is told of the first."""

    @property
    def requests(self) -> int:
        """Requests in all."""
        return sum(self.windows.values())


@attrs.frozen(kw_only=True)
class Finished:
    """When rows were finished, by this machine's clock."""

    seconds: float
    """Length of a stretch of time."""
    done: Mapping[int, int]
    """Rows done in each stretch, by its number since the epoch."""
    failed: Mapping[int, int]
    """Rows that failed, or turned out not to be clear."""


@attrs.frozen(kw_only=True)
class Durations:
    """Seconds from a row's first request to its end."""

    median: float
    """Half of the rows took no longer."""
    most: float
    """19 of 20 rows took no longer."""
    longest: float
    """No row took longer."""


@attrs.frozen(kw_only=True)
class SlowRow:
    """A row that took long."""

    number: int
    """Which row, from 0."""
    seconds: float
    """From its first request to its end."""
    attempts: int
    """How often it was sent."""
    state: EntryState
    """What became of it."""
    payload: bytes = attrs.field(repr=False)
    """The row itself, as JSON."""


@attrs.frozen(kw_only=True)
class FailureReason:
    """Why rows failed."""

    text: str
    """What was said, without what is of one row only."""
    rows: int
    """How many rows."""
    examples: tuple[int, ...]
    """The first of them, from 0."""


@attrs.frozen(kw_only=True)
class RunStatistics:
    """What a journal tells of its run."""

    info: JournalInfo
    """What it is about."""
    whole: bool
    """Whether every row of the input is in it."""
    states: Mapping[EntryState, int]
    """How many rows are in each state."""
    attempts: int
    """How often rows were sent, in all."""
    again: int
    """Rows that were sent more than once."""
    first: float | None
    """When the first row left, in seconds of the epoch; None if none has."""
    last: float | None
    """When the last row was finished, in seconds of the epoch; None if none was."""
    routes: tuple[RouteUse, ...]
    """What was asked of each route, the busiest first."""
    finished: Finished | None
    """When rows were finished; None if none was."""
    durations: Durations | None
    """How long rows took; None if none was finished."""
    slowest: tuple[SlowRow, ...]
    """The rows that took longest, at most ten."""
    reasons: tuple[FailureReason, ...]
    """Why rows failed, the commonest first."""

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.states.values())

    @property
    def elapsed(self) -> float:
        """Seconds from the first row's leaving to the last row's end, pauses counted."""
        if self.first is None or self.last is None:
            return 0.0
        return max(self.last - self.first, 0.0)


def history_of(journal: Journal) -> RunStatistics:
    """Return what a journal tells of its run.

    Args:
        journal: open for reading; another process may work with it meanwhile.

    Raises:
        JournalError: it can't be read.
    """
    ((attempts, again, first, last),) = journal.select(
        "SELECT coalesce(sum(attempts), 0), coalesce(sum(attempts > 1), 0), min(sent), max(ended)"
        " FROM rows"
    )
    return RunStatistics(
        info=journal.info,
        whole=journal.whole,
        states=journal.counts(),
        attempts=attempts,
        again=again,
        first=first,
        last=last,
        routes=_routes(journal),
        finished=_finished(journal, last),
        durations=_durations(journal),
        slowest=_slowest(journal),
        reasons=_reasons(journal),
    )


def _routes(journal: Journal) -> tuple[RouteUse, ...]:
    limits = journal.kept_limits()
    windows: dict[tuple[str, float], dict[int, int]] = {}
    for route, minute, number, count in journal.select(
        "SELECT route, minute, number, count FROM asked ORDER BY number"
    ):
        windows.setdefault((route, minute), {})[number] = count
    uses = [
        RouteUse(
            route=route,
            minute=minute,
            limit=None if limits is None else limits.limit(route),
            windows=counts,
        )
        for (route, minute), counts in windows.items()
    ]
    return tuple(sorted(uses, key=lambda use: use.requests, reverse=True))


# --- times ---------------------------------------------------------------------------------------

_ENDED: Final = "ended IS NOT NULL"
_SECONDS: Final = "max(ended - sent, 0)"
_TIMED: Final = f"{_ENDED} AND sent IS NOT NULL"


def _finished(journal: Journal, last: float | None) -> Finished | None:
    if last is None:
        return None
    seconds = next(one for one in _STRETCHES if _can_be_shown(journal, one))
    done: Counter[int] = Counter()
    failed: Counter[int] = Counter()
    for stretch, state, count in journal.select(
        "SELECT cast(ended / ? AS INTEGER), state, count(*) FROM rows"  # noqa: S608  (of our own)
        f" WHERE {_ENDED} GROUP BY 1, 2 ORDER BY 1",
        seconds,
    ):
        (done if state == EntryState.DONE else failed)[stretch] += count
    return Finished(seconds=seconds, done=done, failed=failed)


def _can_be_shown(journal: Journal, seconds: float) -> bool:
    """Return whether stretches of so many seconds are few; a short run is shown as a whole."""
    ((many, span),) = journal.select(
        "SELECT count(DISTINCT cast(ended / ? AS INTEGER)), max(ended) - min(ended)"  # noqa: S608  (of our own)
        f" FROM rows WHERE {_ENDED}",
        seconds,
    )
    whole = span / seconds < _STRETCHES_AT_MOST or span > _SHORT
    return bool(many <= _STRETCHES_AT_MOST and whole)


def _durations(journal: Journal) -> Durations | None:
    ((many,),) = journal.select(f"SELECT count(*) FROM rows WHERE {_TIMED}")  # noqa: S608  (of our own)
    if not many:
        return None

    def reached_by(part: float) -> float:
        ((seconds,),) = journal.select(
            f"SELECT {_SECONDS} FROM rows WHERE {_TIMED} ORDER BY 1 LIMIT 1 OFFSET ?",  # noqa: S608  (of our own)
            min(int(many * part), many - 1),
        )
        return float(seconds)

    return Durations(median=reached_by(0.5), most=reached_by(0.95), longest=reached_by(1))


def _slowest(journal: Journal) -> tuple[SlowRow, ...]:
    found = journal.select(
        f"SELECT number, {_SECONDS}, attempts, state, payload FROM rows WHERE {_TIMED}"  # noqa: S608  (of our own)
        " ORDER BY 2 DESC, 1 LIMIT ?",
        _SLOWEST,
    )
    return tuple(
        SlowRow(
            number=number, seconds=seconds, attempts=attempts, state=EntryState(state), payload=row
        )
        for number, seconds, attempts, state, row in found
    )


# --- failures ------------------------------------------------------------------------------------


def _reasons(journal: Journal) -> tuple[FailureReason, ...]:
    counts: Counter[str] = Counter()
    examples: dict[str, list[int]] = {}
    for entry in journal.rows(EntryState.FAILED, EntryState.UNSOLVED):
        text = _OF_ONE_ROW.sub("…", entry.error or "No reason was given")
        if text not in counts and len(counts) >= _REASONS:
            text = _OTHER
        counts[text] += 1
        if len(known := examples.setdefault(text, [])) < _EXAMPLES:
            known.append(entry.number)
    return tuple(
        FailureReason(text=text, rows=rows, examples=tuple(examples[text]))
        for text, rows in counts.most_common()
    )
