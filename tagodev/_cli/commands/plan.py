"""``tagodev plan``: show what ``tagodev apply`` would change in a profile."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cyclopts import App

from tagodev._bulk.journal.entry import EntryState
from tagodev._bulk.journal.store import Journal
from tagodev._cli.apply.paths import ListState
from tagodev._cli.apply.stdin import readable_path
from tagodev._cli.exit_codes import Exit
from tagodev._cli.options.files import DeviceInput, FileOptions, PlanOptions, open_input
from tagodev._cli.options.service import ServiceOptions
from tagodev._cli.output.console import print_json, print_message
from tagodev._cli.output.plan import plan_json, show_plan
from tagodev._cli.output.table import JsonOption
from tagodev._cli.output.text import local_time, plural
from tagodev._filesystem.atomic_write import check_out
from tagodev.errors import ConfigurationError, InputError
from tagodev.provision._write.document import read_head, save_plan

if TYPE_CHECKING:
    from tagodev._address import Target
    from tagodev.provision._plan.model import Plan

__all__ = ["app", "plan"]

_EXAMPLES: Final = """\
Example: tagodev plan site.csv --by tag:serial --prune

As JSON, or saved to apply exactly this plan later:

tagodev plan site.csv --json; tagodev plan site.csv --out plan.json
"""
#: Exit code of `plan` when there are changes to apply.
CHANGES: Final = 10


app: Final = App(name="plan", help_epilogue=_EXAMPLES)


@app.default
def plan(
    file: Path,
    /,
    *,
    file_options: FileOptions = FileOptions(),
    plan_options: PlanOptions = PlanOptions(),
    service: ServiceOptions = ServiceOptions(),
    out: Path | None = None,
    all: bool = False,
    json: JsonOption = False,
) -> int:
    """Show what apply would change to match FILE.

    Changes nothing. Shows the devices to create, each value to change and, with --prune, the
    devices to delete; the requests needed by route, the time they take, and whether the devices fit
    the rate plan. Exit code 0 if there are no changes, 10 if there are, 6 if all that remains is
    changes that can't be made.

    Args:
        file: Any file that tagodev apply accepts, or - for standard input.
        out: Save the plan to this file, for tagodev apply.
        all: Show every change, not only the first ones.
    """
    if out is not None:
        _check_out(out)
    with readable_path(file, plan_options.manager, file_options.limits()) as path:
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
                began = local_time(journal.info.began)
            if sent:
                print_message(
                    f"The apply of {began} was interrupted; the outcome of "
                    f"{plural(sent, 'request')} is unknown. tagodev apply looks them up first, so "
                    "its plan may differ"
                )
