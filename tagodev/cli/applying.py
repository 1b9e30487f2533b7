"""The course of an apply: what an earlier one left, the plan, the question, and the run.

An apply that was killed has left its journal, under the name that the next one would take: that is
gone on with first, so that each device it was making is known, with its token.
Then the plan is made anew, and what is still to be done is done.

The journal is locked from the beginning: two that apply the same file at the same time would both
find that its devices are not there yet.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from tagodev.bulk.applying import ApplySteps
from tagodev.bulk.journal import Journal
from tagodev.bulk.journal_rows import RowState
from tagodev.bulk.locks import FileLock
from tagodev.cli.apply_results import ApplyResults
from tagodev.cli.apply_telling import Applied, Ran
from tagodev.cli.common import complain, print_json, print_line, say
from tagodev.cli.execution import Interrupt, Sight, follow
from tagodev.cli.plan_text import show_plan
from tagodev.cli.progress import open_display
from tagodev.cli.selection import confirmed, plural
from tagodev.cli.standing import Standing
from tagodev.errors import InputError
from tagodev.provision.applying import (
    check_deletions,
    check_fresh,
    check_slots,
    write_snapshot,
    write_steps,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tagodev.cli.apply_places import Places
    from tagodev.cli.execution import Summary
    from tagodev.cli.service import ServiceOptions
    from tagodev.cli.wanted import Wanted
    from tagodev.provision.applying import Guard
    from tagodev.provision.plans import Plan

__all__ = ["Application"]

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
class Application:
    """One apply."""

    wanted: Wanted
    """What the file asks for."""
    service: ServiceOptions
    """Where."""
    places: Places
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
        """Do it all, tell of it, and return the exit code."""
        applied = Applied(results=self.places.results)
        results = ApplyResults(self.places.results)
        if self._go_on(applied, results):
            plan = self._agreed_plan(applied)
            if plan is not None:
                results.block(plan)
                applied.runs.append(self._run(plan, results))
        if self.json:
            print_json(applied.as_json())
        else:
            for line in applied.lines():
                print_line(line)
        _tell_failures(results.failed())
        last = applied.runs[-1] if applied.runs else None
        if last is not None and last.summary.stopped is not None:
            complain(last.summary.stopped)
        if last is not None and not last.over:
            say(f"To go on: the same command again; it is written down in {last.journal}")
        return applied.code()

    def _agreed(self, applied: Applied) -> bool:
        applied.declined = self.ask and not confirmed("Type yes to carry it out:", "yes")
        return not applied.declined

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes away that would apply the same file."""
        lock = FileLock.take(self.places.journal)
        try:
            yield
        finally:
            lock.release()

    # --- what an earlier apply left ------------------------------------------------------------

    def _go_on(self, applied: Applied, results: ApplyResults) -> bool:
        """Do what an apply that was cut off has left; return whether the plan may be made anew."""
        with self._alone():
            if not self.places.journal.exists():
                return True
            if not self._may_go_on(applied):
                return False
        ran = self._run(None, results)
        applied.runs.append(ran)
        return ran.went_through

    def _may_go_on(self, applied: Applied) -> bool:
        before = self._standing()
        if before.info.kind != ApplySteps.kind:
            raise InputError(
                "is there already, and is not of an apply",
                source=str(before.path),
                hint="Move it away",
            )
        if not before.left:
            return True
        began = datetime.fromtimestamp(before.info.began).astimezone()
        say(
            f"An apply of {began:%Y-%m-%d %H:%M} was cut off, and {before.left} of its "
            f"{plural(before.rows, 'step')} are left: they are done first ({before.path})"
        )
        return self._agreed(applied)

    # --- the plan ------------------------------------------------------------------------------

    def _agreed_plan(self, applied: Applied) -> Plan | None:
        """Make the plan, and return it if there is anything to do and it is wanted."""
        with self._alone():
            plan, plan_name = asyncio.run(self._make_plan())
            if not self.json or self.ask:
                self._show(plan, plan_name)
            self._check(plan)
            applied.plan = plan
            shown = time.monotonic()
            if not plan.todo or not self._agreed(applied):
                return None
            if time.monotonic() - shown > _LONG:
                # Somebody has thought about it, and others have not waited.
                again, _ = asyncio.run(self._make_plan())
                check_fresh(again, plan.fingerprint)
            if plan.replaces:
                asyncio.run(self._write_snapshot(plan))
        return plan

    def _show(self, plan: Plan, plan_name: str) -> None:
        try:
            show_plan(plan, plan_name, everything=self.everything, aside=self.json)
        except BrokenPipeError:
            # Whoever read has seen enough of the plan; it is carried out all the same.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    async def _make_plan(self) -> tuple[Plan, str]:
        async with self.service.client() as tago:
            return await self.wanted.plan(tago), tago.limits.documented.name

    async def _write_snapshot(self, plan: Plan) -> None:
        async with self.service.client() as tago:
            await write_snapshot(tago, plan, self.places.snapshot)

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

    def _run(self, plan: Plan | None, results: ApplyResults) -> Ran:
        """Carry a plan out, or without one what the journal holds; the results are written then."""
        summary = asyncio.run(self._follow(plan))
        path = self.places.journal
        counts = results.add(path)
        results.write()
        after = self._standing()
        over = RowState.SENT not in after.states
        # Steps that were not begun need no journal: the next plan has them.
        journal = self.places.put_away() if over else path
        before = after.info.manner.get("snapshot")
        return Ran(
            journal=journal,
            snapshot=None if before is None else Path(before),
            over=over,
            counts=counts,
            summary=summary,
        )

    async def _follow(self, plan: Plan | None) -> Summary:
        interrupt = Interrupt()
        path = self.places.journal
        with interrupt.watching():
            async with self.service.client() as tago:
                if plan is not None:
                    manner = {**self.service.remember(), "settle": self.settle}
                    manner["route"] = _busiest(plan)
                    if plan.replaces:
                        manner["snapshot"] = str(self.places.snapshot)
                    write_steps(plan, path, tago.base_url, manner)
                before = self._standing()
                with open_display(before.kind.done, before.rows) as display:
                    sight = Sight(
                        display=display,
                        route=before.info.manner.get("route") or before.kind.route,
                        rows=before.rows,
                        finished=before.rows - before.left,
                    )
                    run = tago.resume(path, settle=self.settle)
                    return await follow(tago, run, sight, interrupt)

    def _standing(self) -> Standing:
        with Journal.read(self.places.journal) as journal:
            return Standing.of(journal)


def _tell_failures(failed: Sequence[str]) -> None:
    for line in failed[:_SHOWN]:
        say(f"Failed: {line}")
    if len(failed) > _SHOWN:
        say(f"... and {len(failed) - _SHOWN} more, in the results")


def _busiest(plan: Plan) -> str:
    """Return the route that takes longest of those that the steps are done by."""
    writing = [cost for cost in plan.costs if cost.route.split()[0] in _WRITING]
    return max(writing, key=lambda cost: cost.requests / cost.limit).route
