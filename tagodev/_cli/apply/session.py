"""The apply session: recover an interrupted apply, plan, confirm, carry out.

An interrupted apply leaves its journal in the state folder (`ListState`). The session first looks
up the outcome of the requests it sent, so that every device it created is known, with its token.
Steps that were not sent are dropped: the new plan includes them if the file still asks for them.

The list is locked for the whole session: two processes that apply it at the same time would both
create its devices.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from tagodev._bulk.journal.entry import EntryState
from tagodev._bulk.journal.store import Journal
from tagodev._bulk.operations.apply_steps import ApplySteps
from tagodev._cli.apply.paths import ListState
from tagodev._cli.apply.results import DONE, ApplyResults
from tagodev._cli.apply.summary import ApplySummary, FinishedRun
from tagodev._cli.bulk.execution import follow_to_end
from tagodev._cli.bulk.journal_status import JournalStatus
from tagodev._cli.options.confirmation import confirmed
from tagodev._cli.output.console import (
    print_error,
    print_first,
    print_message,
)
from tagodev._cli.output.plan import show_plan
from tagodev._cli.output.text import clean, local_time, plural
from tagodev.errors import InputError, JournalError, TagoError
from tagodev.provision._apply.run import (
    check_deletions,
    check_fresh,
    check_slots,
    find_duplicates,
    write_snapshot,
    write_steps,
)

if TYPE_CHECKING:
    from tagodev._cli.apply.paths import OutputPaths
    from tagodev._cli.options.files import DeviceInput
    from tagodev._cli.options.service import ServiceOptions
    from tagodev._client import Tago
    from tagodev.provision._apply.run import DuplicateDevices, Guard
    from tagodev.provision._plan.model import Plan

__all__ = ["ApplySession"]

_SNAPSHOT_WARNING: Final = """\
This is a snapshot: changed devices are changed back; deleted devices are created again with new \
ids and tokens, and without their data.
Parameters added since the snapshot are kept."""
#: Seconds from showing a plan to confirming it, after which it is computed again.
_STALE_AFTER: Final = 30.0
#: Failures to list individually.
_MAX_LINES: Final = 20
_WRITING: Final = ("DELETE", "PUT", "POST")


@attrs.frozen(kw_only=True)
class ApplySession:
    """One run of the apply command."""

    input: DeviceInput
    """The input file."""
    service: ServiceOptions
    """The service options."""
    outputs: OutputPaths
    """The output files."""
    guard: Guard
    """The limit of deletions."""
    settle: float
    """Seconds to wait before looking up a request without an answer."""
    confirm: bool
    """Whether to ask for confirmation."""
    show_all: bool
    """Whether to show every step."""
    json: bool
    """Whether to print one JSON object."""

    def run(self) -> int:
        """Apply the file, print the summary, and return the exit code."""
        summary = ApplySummary(results=self.outputs.results)
        results = ApplyResults(self.outputs.results)
        target = self.service.run(lambda tago: tago.target())
        state = ListState.of(target, self.input.settings.manager)
        lock = state.lock()
        try:
            if self._settle(state, summary, results):
                plan = self._confirmed_plan(state, summary)
                if plan is not None:
                    results.block(plan)
                    summary.runs.append(self._run(state, plan, summary.snapshot, results))
                    summary.duplicates = self._find_duplicates(plan, summary)
            state.remove_old()
        finally:
            lock.release()
        summary.print(json=self.json)
        print_first([f"Failed: {line}" for line in results.failed()], _MAX_LINES, "in the results")
        print_first([*map(_duplicate_text, summary.duplicates)], _MAX_LINES)
        last = summary.last
        if last is not None and last.summary.stopped is not None:
            print_error(last.summary.stopped)
        if last is not None and not last.settled:
            print_message(
                "To resume, run the same command again: it looks up the requests it sent and plans "
                f"the rest again (journal: {last.journal})"
            )
        return summary.code()

    def _confirmed(self, summary: ApplySummary) -> bool:
        summary.declined = self.confirm and not confirmed("Type yes to apply:", "yes")
        return not summary.declined

    # --- interrupted applies -------------------------------------------------------------------

    def _settle(self, state: ListState, summary: ApplySummary, results: ApplyResults) -> bool:
        """Look up the requests of interrupted applies; return whether every outcome is known."""
        for path in list(state.unreported()):
            before = _status(path)
            if before.info.kind != ApplySteps.kind:
                raise JournalError("not the journal of an apply", journal=str(path))
            sent = before.states.get(EntryState.SENT, 0)
            if sent:
                began = local_time(before.info.began)
                print_message(
                    f"The apply of {began} was interrupted; looking up the outcome "
                    f"of {plural(sent, 'request')} first ({path})"
                )
            finished = self._run_journal(path, results, settle=True)
            summary.runs.append(finished)
            if not finished.completed:
                return False
            results.drop_pending()
        return True

    # --- the plan ------------------------------------------------------------------------------

    def _confirmed_plan(self, state: ListState, summary: ApplySummary) -> Plan | None:
        """Return the plan if it has steps and is confirmed."""
        plan, plan_name = self.service.run(self._make_plan)
        if not self.json or self.confirm:
            show_plan(plan, plan_name, everything=self.show_all, aside=self.json)
        self._check(plan)
        summary.plan = plan
        shown = time.monotonic()
        if not plan.todo or not self._confirmed(summary):
            return None
        if time.monotonic() - shown > _STALE_AFTER:
            # The profile may have changed while the plan was reviewed.
            current, _ = self.service.run(self._make_plan)
            check_fresh(current, plan.fingerprint)
        if plan.replaces:
            path = self.outputs.snapshot or state.new_path(".snapshot.json")
            summary.snapshot = path
            self.service.run(lambda tago: write_snapshot(tago, plan, path))
        return plan

    async def _make_plan(self, tago: Tago) -> tuple[Plan, str]:
        return await self.input.plan(tago), tago.limits.documented.name

    def _check(self, plan: Plan) -> None:
        """Refuse a plan that must not be applied.

        Raises:
            TagoError: the plan is stale, deletes too many devices, or exceeds the device limit.
        """
        head = self.input.head
        if head is not None and head.kind == "plan":
            check_fresh(plan, head.fingerprint)
        try:
            check_deletions(plan, self.guard)
        except InputError as error:
            raise InputError(error.message, path="--max-delete", hint=error.hint) from None
        check_slots(plan)
        if head is not None and head.kind == "snapshot" and plan.todo:
            print_message(_SNAPSHOT_WARNING)

    # --- the run -------------------------------------------------------------------------------

    def _run(
        self, state: ListState, plan: Plan, snapshot: Path | None, results: ApplyResults
    ) -> FinishedRun:
        """Carry out a plan and write the results."""
        journal = state.new_path(".journal")
        keywords = {**self.service.remember(), "settle": self.settle, "route": _busiest(plan)}
        if snapshot is not None:
            keywords["snapshot"] = str(snapshot)
        write_steps(plan, journal, self.service.client().base_url, keywords)
        return self._run_journal(journal, results, settle=False)

    def _run_journal(self, journal: Path, results: ApplyResults, *, settle: bool) -> FinishedRun:
        """Carry out the steps of a journal, or only settle them, and write the results."""
        before, tago = _status(journal), self.service.client()
        begin = tago.settle if settle else tago.resume
        route = before.info.keywords.get("route") or ""
        summary = asyncio.run(
            follow_to_end(tago, lambda: begin(journal, settle=self.settle), before, route=route)
        )
        counts = results.add(journal)
        results.write()
        with Journal.open(journal) as opened:
            after = JournalStatus.of(opened)
            settled = EntryState.SENT not in after.states
            if settled:
                # Steps that were not sent need no journal: the next plan includes them.
                opened.mark_reported()
        snapshot = after.info.keywords.get("snapshot")
        return FinishedRun(
            journal=journal,
            snapshot=None if snapshot is None else Path(snapshot),
            settled=settled,
            counts=counts,
            summary=summary,
        )

    # --- duplicates ----------------------------------------------------------------------------

    def _find_duplicates(self, plan: Plan, summary: ApplySummary) -> list[DuplicateDevices]:
        """Return devices of the list that exist twice, if any were created.

        The lock doesn't cover other machines, which may apply the same list at the same time.
        """
        if not summary.count(DONE["create"]):
            return []
        try:
            return self.service.run(lambda tago: find_duplicates(tago, plan))
        except TagoError as error:
            # All steps are carried out; their results are reported whatever this says.
            print_message(f"Not checked whether a device exists twice: {error}")
            return []


def _status(journal: Path) -> JournalStatus:
    with Journal.read(journal) as opened:
        return JournalStatus.of(opened)


def _duplicate_text(duplicate: DuplicateDevices) -> str:
    return (
        f"Exists twice: {clean(duplicate.identity)}: {', '.join(duplicate.ids)}. Another "
        "process created it too; delete the one that is not in use"
    )


def _busiest(plan: Plan) -> str:
    """Return the route whose requests take longest, of those that write."""
    writing = [cost for cost in plan.costs if cost.route.split()[0] in _WRITING]
    return max(writing, key=lambda cost: cost.requests / cost.limit).route
