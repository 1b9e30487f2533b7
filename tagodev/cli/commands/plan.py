"""``tagodev plan``: show what ``tagodev apply`` would change in a profile."""

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
from tagodev.cli.apply.stdin import readable_path
from tagodev.cli.bulk.by_filter import plural
from tagodev.cli.exit_codes import Exit
from tagodev.cli.options.files import DeviceInput, FileOptions, PlanOptions, open_input
from tagodev.cli.options.service import ServiceOptions
from tagodev.cli.output.console import print_json, print_message
from tagodev.cli.output.plan import plan_json, show_plan
from tagodev.errors import ConfigurationError, InputError
from tagodev.filesystem.atomic_write import check_out
from tagodev.provision.write.document import read_head, save_plan

if TYPE_CHECKING:
    from tagodev.provision.plan.model import Plan
    from tagodev.target import Target

__all__ = ["plan"]

_SERVICE: Final = ServiceOptions()
_FILE_OPTIONS: Final = FileOptions()
_PLAN_OPTIONS: Final = PlanOptions()
#: Exit code of `plan` when there are changes to apply.
CHANGES: Final = 10


def plan(
    file: Path,
    /,
    *,
    file_options: FileOptions = _FILE_OPTIONS,
    plan_options: PlanOptions = _PLAN_OPTIONS,
    service: ServiceOptions = _SERVICE,
    out: Annotated[
        Path | None, Parameter(help="Save the plan to this file, for tagodev apply.")
    ] = None,
    all: Annotated[  # noqa: A002  (the option's name)
        bool, Parameter(negative="", help="Show every change, not only the first ones.")
    ] = False,
    json: Annotated[bool, Parameter(negative="", help="Print one JSON object.")] = False,
) -> int:
    """Show the devices to create, edit and delete; change nothing."""
    if out is not None:
        _check_out(out)
    with readable_path(file, plan_options.manager) as path:
        source = open_input(path, file_options, plan_options, service)
        result, plan_name = asyncio.run(_plan(source, service, out))
    if json:
        print_json(plan_json(result))
    else:
        show_plan(result, plan_name, everything=all)
    if out is not None:
        print_message(f"Plan saved to {out}; apply it with: tagodev apply {out}")
    if result.todo:
        return CHANGES
    return Exit.PARTIAL if result.steps else Exit.OK


def _check_out(out: Path) -> None:
    """Refuse to overwrite anything but an earlier plan."""
    check_out(out)
    if out.exists():
        head = read_head(out)
        if head is None or head.kind != "plan":
            raise InputError(
                f"{out} already exists and is not a saved plan",
                path="--out",
                hint="Name another file",
            )


async def _plan(source: DeviceInput, service: ServiceOptions, out: Path | None) -> tuple[Plan, str]:
    async with service.client() as tago:
        _note_interrupted(await tago.target(), source.settings.manager)
        result = await source.plan(tago)
        if out is not None:
            save_plan(out, result, source.rows, tago)
        return result, tago.limits.documented.name


def _note_interrupted(target: Target, manager: str) -> None:
    """Print a note about an interrupted apply with requests whose outcome is unknown."""
    with suppress(ConfigurationError):
        for path in ListState.of(target, manager).unreported():
            with Journal.read(path) as journal:
                sent = journal.counts().get(EntryState.SENT, 0)
                began = datetime.fromtimestamp(journal.info.began).astimezone()
            if sent:
                print_message(
                    f"The apply of {began:%Y-%m-%d %H:%M} was interrupted; the outcome of "
                    f"{plural(sent, 'request')} is unknown. tagodev apply looks them up first, so "
                    "its plan may differ"
                )
