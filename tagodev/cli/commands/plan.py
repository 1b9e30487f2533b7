"""``tagodev plan``: what would be done to a profile, and what it takes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime
from pathlib import Path  # noqa: TC003  (cyclopts reads annotations)
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from tagodev.bulk.journal.entry import EntryState
from tagodev.bulk.journal.store import Journal
from tagodev.cli.apply.paths import ListState
from tagodev.cli.apply.stdin import at_hand
from tagodev.cli.bulk.by_filter import plural
from tagodev.cli.exit_codes import Exit
from tagodev.cli.options.files import DeviceInput, FileOptions, PlanOptions, open_wanted
from tagodev.cli.options.service import ServiceOptions
from tagodev.cli.output.console import print_json, say
from tagodev.cli.output.plan import plan_json, show_plan
from tagodev.errors import ConfigurationError, InputError
from tagodev.filesystem.atomic_write import check_out
from tagodev.provision.plan.saved_plan import keep_plan
from tagodev.provision.write.document import read_head

if TYPE_CHECKING:
    from tagodev.provision.plan.model import Plan
    from tagodev.target import Target

__all__ = ["plan"]

_SERVICE: Final = ServiceOptions()
_READING: Final = FileOptions()
_INTENT: Final = PlanOptions()
#: What `plan` answers when there is something to do.
CHANGES: Final = 10


def plan(
    file: Path,
    /,
    *,
    reading: FileOptions = _READING,
    intent: PlanOptions = _INTENT,
    service: ServiceOptions = _SERVICE,
    out: Annotated[
        Path | None, Parameter(help="Keep the plan here, for: tagodev apply FILE.")
    ] = None,
    all: Annotated[  # noqa: A002  (the option's name)
        bool, Parameter(negative="", help="Show every step, however many.")
    ] = False,
    json: Annotated[bool, Parameter(negative="", help="One JSON object as output.")] = False,
) -> int:
    """Show what would be created, changed and deleted; nothing is sent that changes anything."""
    if out is not None:
        _check_out(out)
    with at_hand(file, intent.manager) as path:
        wanted = open_wanted(path, reading, intent, service)
        made, plan_name = asyncio.run(_plan(wanted, service, out))
    if json:
        print_json(plan_json(made))
    else:
        show_plan(made, plan_name, everything=all)
    if out is not None:
        say(f"Kept in {out}; carry it out with: tagodev apply {out}")
    if made.todo:
        return CHANGES
    return Exit.PARTIAL if made.steps else Exit.OK


def _check_out(out: Path) -> None:
    """Let nothing be overwritten but an earlier plan."""
    check_out(out)
    if out.exists():
        head = read_head(out)
        if head is None or head.kind != "plan":
            raise InputError(f"{out} is there already, and is no plan", path="--out")


async def _plan(wanted: DeviceInput, service: ServiceOptions, out: Path | None) -> tuple[Plan, str]:
    async with service.client() as tago:
        _mention_interrupted(await tago.target(), wanted.intent.manager)
        made = await wanted.plan(tago)
        if out is not None:
            keep_plan(out, made, wanted.rows, tago)
        return made, tago.limits.documented.name


def _mention_interrupted(target: Target, manager: str) -> None:
    """Say that an interrupted apply has sent requests whose outcome is not known."""
    with suppress(ConfigurationError):
        for path in ListState.of(target, manager).unreported():
            with Journal.read(path) as journal:
                sent = journal.counts().get(EntryState.SENT, 0)
                began = datetime.fromtimestamp(journal.info.began).astimezone()
            if sent:
                say(
                    f"An apply of {began:%Y-%m-%d %H:%M} was interrupted, and the outcome of "
                    f"{plural(sent, 'request')} is not known: tagodev apply looks them up before "
                    "it plans, so that its plan may differ"
                )
