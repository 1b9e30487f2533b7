"""The course of an apply: settle what an interrupted one has sent, plan, ask, carry out.

An apply that was killed has left its journal in the state folder (`ListState`).
Of what it had *sent*, the outcome is looked up first, so that each device that it made is known,
with its token.
What it only intended is dropped: the plan that is made now, from the file as it is now, has it if
it is still asked for.

The list is locked from beginning to end: two processes that apply it at the same time would both
find that its devices do not exist yet.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from tagodev.bulk.journal.entry import EntryState
from tagodev.bulk.journal.store import Journal
from tagodev.bulk.operations.apply_steps import ApplySteps
from tagodev.cli.apply.places import ListState
from tagodev.cli.apply.results import ApplyResults
from tagodev.cli.apply.summary import ApplySummary, FinishedRun
from tagodev.cli.bulk.by_filter import confirmed, plural
from tagodev.cli.bulk.execution import Interrupt, RunView, follow
from tagodev.cli.bulk.journal_status import JournalStatus
from tagodev.cli.output.console import complain, print_json, print_line, say
from tagodev.cli.output.plan import show_plan
from tagodev.cli.output.progress import open_display
from tagodev.cli.output.table import clean
from tagodev.errors import InputError, JournalError
from tagodev.provision.apply.run import (
    check_deletions,
    check_fresh,
    check_slots,
    write_snapshot,
    write_steps,
)
from tagodev.provision.plan.duplicate_devices import find_duplicates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagodev.cli.apply.places import OutputPaths
    from tagodev.cli.bulk.execution import Summary
    from tagodev.cli.options.files import DeviceInput
    from tagodev.cli.options.service import ServiceOptions
    from tagodev.provision.apply.run import Guard
    from tagodev.provision.plan.duplicate_devices import DuplicateDevices
    from tagodev.provision.plan.model import Plan
    from tagodev.target import Target

__all__ = ["ApplySession"]

_PUTS_BACK: Final = """\
This is a snapshot: what was changed is changed back, and what was deleted is made anew, without \
its id, its token and its data.
Parameters that were added since stay."""
#: Seconds after which a plan that was shown is looked at once more.
_LONG: Final = 30.0
#: Failures that are told one by one.
_SHOWN: Final = 20
_WRITING: Final = ("DELETE", "PUT", "POST")


@attrs.frozen(kw_only=True)
class ApplySession:
    """One apply."""

    wanted: DeviceInput
    """What the file asks for."""
    service: ServiceOptions
    """Where."""
    places: OutputPaths
    """Where it writes."""
    guard: Guard
    """How much may be deleted."""
    settle: float
    """Seconds that a lost request may take to show."""
    ask: bool
    """Whether a person is asked first."""
    everything: bool
    """Whether every step is shown."""
    json: bool
    """Whether one JSON object is the output."""

    def carry_out(self) -> int:
        """Carry it out, print what was done, and return the exit code."""
        applied = ApplySummary(results=self.places.results)
        results = ApplyResults(self.places.results)
        state = ListState.of(asyncio.run(self._find_target()), self.wanted.intent.manager)
        lock = state.lock()
        try:
            if self._settle(state, applied, results):
                plan = self._agreed_plan(state, applied)
                if plan is not None:
                    results.block(plan)
                    applied.runs.append(self._run(state, plan, applied.snapshot, results))
                    applied.doubles = self._doubles(plan, applied)
            state.forget_old()
        finally:
            lock.release()
        if self.json:
            print_json(applied.as_json())
        else:
            for line in applied.lines():
                print_line(line)
        _print_failures(results.failed())
        _print_doubles(applied.doubles)
        last = applied.runs[-1] if applied.runs else None
        if last is not None and last.summary.stopped is not None:
            complain(last.summary.stopped)
        if last is not None and not last.over:
            say(
                "To resume: run the same command again. It looks up what was sent and plans the "
                f"rest anew (journal: {last.journal})"
            )
        return applied.code()

    async def _find_target(self) -> Target:
        async with self.service.client() as tago:
            return await tago.target()

    def _agreed(self, applied: ApplySummary) -> bool:
        applied.declined = self.ask and not confirmed("Type yes to carry it out:", "yes")
        return not applied.declined

    # --- what an interrupted apply has sent ----------------------------------------------------

    def _settle(self, state: ListState, applied: ApplySummary, results: ApplyResults) -> bool:
        """Look up what interrupted applies have sent; return whether all of it is known."""
        for path in list(state.unreported()):
            before = _standing(path)
            if before.info.kind != ApplySteps.kind:
                raise JournalError("this is not the journal of an apply", journal=str(path))
            sent = before.states.get(EntryState.SENT, 0)
            if sent:
                began = datetime.fromtimestamp(before.info.began).astimezone()
                say(
                    f"An apply of {began:%Y-%m-%d %H:%M} was interrupted; the outcome of "
                    f"{plural(sent, 'request')} is looked up first ({path})"
                )
            ran = self._finish(path, asyncio.run(self._follow(path, settle=True)), results)
            applied.runs.append(ran)
            if not ran.went_through:
                return False
            results.drop_pending()
        return True

    # --- the plan ------------------------------------------------------------------------------

    def _agreed_plan(self, state: ListState, applied: ApplySummary) -> Plan | None:
        """Make the plan, and return it if there is anything to do and it is confirmed."""
        plan, plan_name = asyncio.run(self._make_plan())
        if not self.json or self.ask:
            show_plan(plan, plan_name, everything=self.everything, aside=self.json)
        self._check(plan)
        applied.plan = plan
        shown = time.monotonic()
        if not plan.todo or not self._agreed(applied):
            return None
        if time.monotonic() - shown > _LONG:
            # It took a while to confirm, and the profile may have changed meanwhile.
            again, _ = asyncio.run(self._make_plan())
            check_fresh(again, plan.fingerprint)
        if plan.replaces:
            applied.snapshot = self.places.snapshot or state.unused(".snapshot.json")
            asyncio.run(self._write_snapshot(plan, applied.snapshot))
        return plan

    async def _make_plan(self) -> tuple[Plan, str]:
        async with self.service.client() as tago:
            return await self.wanted.plan(tago), tago.limits.documented.name

    async def _write_snapshot(self, plan: Plan, path: Path) -> None:
        async with self.service.client() as tago:
            await write_snapshot(tago, plan, path)

    def _check(self, plan: Plan) -> None:
        """Refuse what is not to be carried out.

        Raises:
            TagoError: the plan is stale, deletes too much, or finds no room.
        """
        head = self.wanted.head
        if head is not None and head.kind == "plan":
            check_fresh(plan, head.fingerprint)
        try:
            check_deletions(plan, self.guard)
        except InputError as error:
            raise InputError(error.message, path="--max-delete", hint=error.hint) from None
        check_slots(plan)
        if head is not None and head.kind == "snapshot" and plan.todo:
            say(_PUTS_BACK)

    # --- the run -------------------------------------------------------------------------------

    def _run(
        self, state: ListState, plan: Plan, snapshot: Path | None, results: ApplyResults
    ) -> FinishedRun:
        """Carry a plan out; the results are written then."""
        journal = state.unused(".journal")
        keywords = {**self.service.remember(), "settle": self.settle, "route": _busiest(plan)}
        if snapshot is not None:
            keywords["snapshot"] = str(snapshot)
        write_steps(plan, journal, self.service.client().base_url, keywords)
        return self._finish(journal, asyncio.run(self._follow(journal, settle=False)), results)

    def _finish(self, journal: Path, summary: Summary, results: ApplyResults) -> FinishedRun:
        counts = results.add(journal)
        results.write()
        with Journal.open(journal) as opened:
            after = JournalStatus.of(opened)
            over = EntryState.SENT not in after.states
            if over:
                # Steps that were not begun need no journal: the next plan has them.
                opened.mark_reported()
        before = after.info.keywords.get("snapshot")
        return FinishedRun(
            journal=journal,
            snapshot=None if before is None else Path(before),
            over=over,
            counts=counts,
            summary=summary,
        )

    async def _follow(self, journal: Path, *, settle: bool) -> Summary:
        interrupt = Interrupt()
        with interrupt.watching():
            async with self.service.client() as tago:
                before = _standing(journal)
                with open_display(before.kind.done, before.rows) as display:
                    sight = RunView(
                        display=display,
                        route=before.info.keywords.get("route") or before.kind.route,
                        rows=before.rows,
                        finished=before.rows - before.left,
                    )
                    begin = tago.settle if settle else tago.resume
                    return await follow(tago, begin(journal, settle=self.settle), sight, interrupt)

    # --- doubles -------------------------------------------------------------------------------

    def _doubles(self, plan: Plan, applied: ApplySummary) -> list[DuplicateDevices]:
        """Look for devices of this list that exist twice, after some were created.

        Another machine may have applied the same list meanwhile: no lock reaches that far.
        """
        if not applied.count("created"):
            return []

        async def look() -> list[DuplicateDevices]:
            async with self.service.client() as tago:
                return await find_duplicates(tago, plan)

        return asyncio.run(look())


def _standing(journal: Path) -> JournalStatus:
    with Journal.read(journal) as opened:
        return JournalStatus.of(opened)


def _print_failures(failed: Sequence[str]) -> None:
    for line in failed[:_SHOWN]:
        say(f"Failed: {line}")
    if len(failed) > _SHOWN:
        say(f"... and {len(failed) - _SHOWN} more, in the results")


def _print_doubles(doubles: Sequence[DuplicateDevices]) -> None:
    for double in doubles[:_SHOWN]:
        say(
            f"Exists twice: {clean(double.identity)}: {', '.join(double.ids)}. Another process has "
            "created it too; delete the one that no device uses"
        )
    if len(doubles) > _SHOWN:
        say(f"... and {len(doubles) - _SHOWN} more")


def _busiest(plan: Plan) -> str:
    """Return the route that takes longest of those that the steps are done by."""
    writing = [cost for cost in plan.costs if cost.route.split()[0] in _WRITING]
    return max(writing, key=lambda cost: cost.requests / cost.limit).route
