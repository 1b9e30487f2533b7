"""Following a run to its end: which loop it runs in, signals, patience, and rows without an answer.

What waits here waits in virtual time.
"""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

import attrs
import pytest

from tagodev import BadRequestError, Deleted, InputError
from tagodev._bulk.operations.delete_devices import DeleteDevices
from tagodev._cli.bulk.execution import Interrupt, RunView, carry_out, follow, run_until_interrupted
from tagodev._cli.bulk.operations import RunRow, RunSpec
from tagodev._cli.bulk.results import ResultsFile
from tests.bulk.working import Work, bulk
from tests.cli.bulk.test_progress_meter import state
from tests.cli.support import read_results
from tests.limits.jumping import run_virtually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tagodev import BulkRun, Outcome, Tago
    from tagodev._bulk.work_item import WorkItem
    from tagodev._cli.bulk.execution import Summary
    from tagodev._cli.output.display import Display
    from tagodev._cli.output.progress import Progress

ROUTE: Final = "DELETE /device/:device_id"
#: Seconds, at most, between a signal and the moment at which it is heeded.
TICK: Final = 0.25


# --- loops ---------------------------------------------------------------------------------------


class OtherLoop(asyncio.SelectorEventLoop):
    """Stands for uvloop's."""


async def running() -> asyncio.AbstractEventLoop:
    """Return the loop that this runs in."""
    return asyncio.get_running_loop()


def test_uvloop_is_used_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """With uvloop installed the loop is uvloop's."""
    module = ModuleType("uvloop")
    module.new_event_loop = OtherLoop  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "uvloop", module)

    assert isinstance(run_until_interrupted(running()), OtherLoop)


def test_asyncio_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without uvloop the loop is asyncio's own."""
    monkeypatch.setitem(sys.modules, "uvloop", None)

    assert type(run_until_interrupted(running())).__module__.startswith("asyncio.")


def test_an_end_from_within_is_a_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is cancelled has been interrupted, by whatever signal."""
    monkeypatch.setitem(sys.modules, "uvloop", None)

    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(KeyboardInterrupt):
        run_until_interrupted(cancelled())


# --- following -----------------------------------------------------------------------------------


class Limits:
    """What is known of the limits of a client: itself, its limits and their minute."""

    minute = 60.0

    def __init__(self) -> None:
        self.limits = self.documented = self
        self.waiting = 0
        self.rejected = 4
        self.devices: Any = None

    def snapshot(self) -> list[Any]:
        """Return two routes, each of which has met some 429s before the run began."""
        other = state(route="GET /info", in_flight=7, rejected=self.rejected)
        return [other, state(route=ROUTE, in_flight=self.waiting, rejected=2)]


class Screen:
    """Records messages and progress."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.shown: list[Progress] = []
        self.print_message = self.said.append
        self.show = self.shown.append


class Deleting(Work):
    """Deletes devices, each of which takes as many seconds as its item says."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits = limits

    async def do(self, work: WorkItem[Any]) -> Deleted:
        """Delete a device."""
        work.record.sending = True
        await asyncio.sleep(float(work.item))
        work.record.sending = False
        if work.item == "0.5":
            self.limits.rejected += 3
            raise BadRequestError("No", status=422)
        return Deleted(work.index, work.item, attempts=1)


@attrs.define
class Followed:
    """A run that was followed, with signals at given times."""

    seconds: list[str]
    """How long each row takes."""
    signals: tuple[float, ...] = ()
    """When signals come, in seconds from the beginning."""
    screen: Screen = attrs.field(factory=Screen)
    limits: Limits = attrs.field(factory=Limits)
    interrupt: Interrupt = attrs.field(factory=Interrupt)
    took: float = 0.0
    """Seconds until it had ended."""

    def begin(self, items: Any, **options: Any) -> BulkRun[Any]:
        """Return the run."""
        return bulk(items, Deleting(self.limits), concurrency=3, **options)

    def follow(self) -> tuple[Summary, list[Outcome]]:
        """Follow it, and return what became of it and of its rows."""
        outcomes: list[Outcome] = []
        display = cast("Display", self.screen)

        async def following() -> Summary:
            run = self.begin(self.seconds)
            view = RunView(display=display, route=ROUTE, rows=len(self.seconds), finished=5)
            return await follow(
                cast("Tago", self.limits), run, view, self.interrupt, outcomes.append
            )

        return run_virtually(self._timed(following())), outcomes

    def carry_out(self, entries: Iterator[RunRow[Any]], path: Path) -> Summary:
        """Carry it out without a journal; its results go to a file."""

        async def carrying() -> Summary:
            self.limits.devices = SimpleNamespace(delete_many=self.begin)
            spec = RunSpec(
                operation=DeleteDevices,
                rows=len(self.seconds),
                entries=entries,
            )
            with ResultsFile(path) as results:
                display = cast("Display", self.screen)
                return await carry_out(
                    cast("Tago", self.limits), spec, results, display, self.interrupt
                )

        return run_virtually(self._timed(carrying()))

    async def _timed(self, following: Any) -> Summary:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for signal in self.signals:
            loop.call_later(signal, self.interrupt._add)
        async with asyncio.timeout(3600):
            summary: Summary = await following
        self.took = loop.time() - began
        return summary


def test_a_run_to_its_end() -> None:
    """Rows, failures, its own 429s and the seconds until the last outcome are counted."""
    followed = Followed(["1", "0.5", "2", "4"])
    summary, outcomes = followed.follow()

    assert [0, 1, 2, 3] == sorted(outcome.index for outcome in outcomes)
    assert (3, 1, 0, False, None) == (
        *(summary.throttled, summary.failures, summary.adopted),
        *(summary.interrupted, summary.stopped),
    )
    assert 4.5 <= summary.elapsed < 4.5 + TICK
    last = followed.screen.shown[-1]
    assert (5 + 4, 1) == (last.done, last.failed)
    assert ("row 2: No",) == last.failures
    assert [] == followed.screen.said


@pytest.mark.parametrize(
    ("answered", "took", "signals"),
    [
        # Ten seconds after the signal, and no more.
        ([0, 1], 12.0, (2.0,)),
        # A second signal ends it at once.
        ([0], 3.0, (2.0, 3.0)),
        ([0], 2.0, (2.0, 2.0)),
        ([0, 1, 2], 105.0, (95.0,)),
    ],
)
def test_grace_period_ends(answered: list[int], took: float, signals: tuple[float, ...]) -> None:
    """After a signal what is on its way gets ten seconds, or until the second signal."""
    followed = Followed(["1", "11", "100", "1000"], signals)
    followed.limits.waiting = 2
    summary, outcomes = followed.follow()

    assert answered == [outcome.index for outcome in outcomes if isinstance(outcome, Deleted)]
    assert took <= followed.took <= took + 2 * TICK
    assert (True, None, 0) == (summary.interrupted, summary.stopped, summary.failures)
    assert ["Stopping: waiting for 2 answers"] == followed.screen.said


def test_nothing_is_on_its_way() -> None:
    """Where no answer is waited for none is promised."""
    followed = Followed(["1", "1", "1", "1"], (0.5,))
    followed.follow()

    assert ["Stopping"] == followed.screen.said


def entries_of(seconds: list[str], unreadable: int | None = None) -> Iterator[RunRow[str]]:
    """Yield rows; at one of them the file can't be read any more."""
    for number, item in enumerate(seconds, 1):
        if number - 1 == unreadable:
            raise InputError("the file was changed")
        yield RunRow(number, f"{item} s", item, f"id {number}")


def shown(path: Path) -> Mapping[int, str]:
    """Return the status of each row in a results file; no row stands there twice."""
    rows = read_results(path)
    statuses = {int(row["row"]): row["status"] for row in rows}
    assert len(rows) == len(statuses)
    return statuses


@pytest.mark.parametrize(("unreadable", "pending"), [(None, 4), (6, 2), (5, 1), (4, 0)])
def test_every_row_is_in_the_results(tmp_path: Path, unreadable: int | None, pending: int) -> None:
    """What has no answer is in doubt, what was not read is pending, as far as it can be read."""
    followed = Followed(["1", "100", "100", "100", "5", "6", "7", "8"], (2.0,))
    path = tmp_path / "results.csv"
    entries = entries_of(followed.seconds, unreadable)
    summary = followed.carry_out(entries, path)

    expected = ["deleted", "in_doubt", "in_doubt", "in_doubt", *["pending"] * pending]
    assert dict(enumerate(expected, 1)) == shown(path)
    assert (True, None) == (summary.interrupted, summary.stopped)
    ids = {int(row["row"]): row["device_id"] for row in read_results(path)}
    assert {number: f"id {number}" for number in ids} == ids


def test_a_file_that_can_not_be_read_to_its_end(tmp_path: Path) -> None:
    """Rows before the damage are done, and the damage is what stopped the run."""
    followed = Followed(["1", "1", "1", "1"])
    path = tmp_path / "results.csv"
    summary = followed.carry_out(entries_of(followed.seconds, 2), path)

    assert {1: "deleted", 2: "deleted"} == shown(path)
    assert isinstance(summary.stopped, InputError)
    assert not summary.interrupted
