"""Statistics of a journal's run: requests over time, durations and outcomes.

The database does the counting, so that memory does not grow with the entries.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

import attrs

from tagodev._bulk.journal.entry import EntryState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagodev._bulk.journal.entry import JournalInfo
    from tagodev._bulk.journal.store import Journal

__all__ = [
    "Durations",
    "FailureReason",
    "Finished",
    "RouteUse",
    "RunStatistics",
    "SlowRow",
    "history_of",
]

#: Entries listed individually: the slowest, and examples of each reason.
_SLOWEST: Final = 10
_EXAMPLES: Final = 3
#: The most reasons counted individually; the others count as one.
_REASONS: Final = 12
_OTHER: Final = "Other reasons"
#: The parts of an error that differ by item: ids, quoted names, long numbers.
_OF_ONE_ROW: Final = re.compile(r"\b[0-9a-f]{24}\b|'[^']*'|\"[^\"]*\"|\b[0-9]{6,}\b")
#: Lengths of the intervals in which finished items are counted, in seconds, and their most.
_STRETCHES: Final = (
    *(0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600),
    *(7200, 14_400, 43_200, 86_400, 604_800, 2_592_000, 31_536_000),
)
_STRETCHES_AT_MOST: Final = 90
#: In a run shorter than this, in seconds, every pause is shown.
_SHORT: Final = 7200


@attrs.frozen(kw_only=True)
class RouteUse:
    """Requests to one route."""

    route: str
    """Method and path template."""
    minute: float
    """Length of a window, in seconds."""
    limit: int | None
    """Requests that a window accepts; None if the journal does not record it."""
    windows: Mapping[int, int]
    """Requests in each window, by its number: minutes of the service's clock since the epoch. One
    that may count in either of two windows is in the first.
    """

    @property
    def requests(self) -> int:
        """The number of requests."""
        return sum(self.windows.values())


@attrs.frozen(kw_only=True)
class Finished:
    """When items were finished, by this machine's clock."""

    seconds: float
    """Length of an interval."""
    done: Mapping[int, int]
    """Items done in each interval, by its number since the epoch."""
    failed: Mapping[int, int]
    """Items that failed or stayed in doubt."""


@attrs.frozen(kw_only=True)
class Durations:
    """Seconds from an item's first request to its end."""

    median: float
    """The median."""
    most: float
    """The 95th percentile."""
    longest: float
    """The maximum."""


@attrs.frozen(kw_only=True)
class SlowRow:
    """A slow item."""

    number: int
    """The index of the item, from 0."""
    seconds: float
    """Seconds from its first request to its end."""
    attempts: int
    """How often it was sent."""
    state: EntryState
    """Its state."""
    payload: bytes = attrs.field(repr=False)
    """The item, as JSON."""


@attrs.frozen(kw_only=True)
class FailureReason:
    """A reason why items failed."""

    text: str
    """The error, without the parts that differ by item."""
    rows: int
    """The number of items."""
    examples: tuple[int, ...]
    """The first of them, from 0."""


@attrs.frozen(kw_only=True)
class RunStatistics:
    """Statistics of a journal's run."""

    info: JournalInfo
    """The facts about the run."""
    whole: bool
    """Whether every item of the input is in it."""
    states: Mapping[EntryState, int]
    """The number of items in each state."""
    attempts: int
    """How often items were sent, in total."""
    again: int
    """Items that were sent more than once."""
    first: float | None
    """When the first item was sent, in seconds since the epoch; None if none was."""
    last: float | None
    """When the last item was finished, in seconds since the epoch; None if none was."""
    routes: tuple[RouteUse, ...]
    """Requests to each route, the busiest first."""
    finished: Finished | None
    """When items were finished; None if none was."""
    durations: Durations | None
    """Durations of items; None if none was finished."""
    slowest: tuple[SlowRow, ...]
    """The slowest items, at most ten."""
    reasons: tuple[FailureReason, ...]
    """Why items failed, the most frequent first."""

    @property
    def rows(self) -> int:
        """The number of items."""
        return sum(self.states.values())

    @property
    def elapsed(self) -> float:
        """Seconds from the first item's sending to the last item's end, with pauses."""
        if self.first is None or self.last is None:
            return 0.0
        return max(self.last - self.first, 0.0)


def history_of(journal: Journal) -> RunStatistics:
    """Return the statistics of a journal's run.

    Args:
        journal: open for reading; another process may use it meanwhile.

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
    """Return whether there are few enough intervals of this length; short runs need not fit."""
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
