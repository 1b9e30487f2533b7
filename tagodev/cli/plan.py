"""``tagodev plan``: what would be done to a profile, and what it takes."""

from __future__ import annotations

import asyncio
from pathlib import Path  # noqa: TC003  (cyclopts reads annotations)
from typing import TYPE_CHECKING, Annotated, Final

import attrs
from cyclopts import Parameter

from tagodev.cli.common import Exit, print_json, print_line, say
from tagodev.cli.plan_text import plan_json, plan_lines
from tagodev.cli.service import ServiceOptions
from tagodev.errors import InputError
from tagodev.provision.compare import TagMode  # noqa: TC001  (cyclopts reads annotations)
from tagodev.provision.documents import Head, read_head
from tagodev.provision.files import RowFile, read_devices
from tagodev.provision.keeping import check_service, keep_plan, manager_of
from tagodev.provision.planning import Intent, make_plan

if TYPE_CHECKING:
    from tagodev.client import Tago
    from tagodev.provision.files import DeviceRow
    from tagodev.provision.plans import Plan

__all__ = ["IntentOptions", "Wanted", "open_wanted", "plan"]

_DEFAULTS: Final = ServiceOptions()
#: What `plan` answers when there is something to do.
CHANGES: Final = 10


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class IntentOptions:
    """What a file stands for."""

    by: Annotated[
        str | None,
        Parameter(help="What devices are known by: name (default), serial, id or tag:KEY."),
    ] = None
    manager: Annotated[
        str | None,
        Parameter(
            name="--name",
            help="What the tag tagodev_managed of its devices says; default: the file's name.",
        ),
    ] = None
    prune: Annotated[
        bool,
        Parameter(negative="", help="Delete devices of that name that the file no longer has."),
    ] = False
    tags: Annotated[
        TagMode | None,
        Parameter(help="Whether tags that the file does not name stay: merge (default), replace."),
    ] = None

    def intent(self, path: Path, head: Head | None) -> Intent:
        """Return what a file stands for: what was said here, or in its head, or by default.

        Args:
            path: the file.
            head: its head, if it is a document of tagodev's.
        """
        known = Intent(manager=manager_of(path)) if head is None else head.intent
        return Intent(
            manager=self.manager or known.manager,
            known_by=self.by or known.known_by,
            prune=self.prune or known.prune,
            tag_mode=self.tags or known.tag_mode,
        )


_AS_IT_IS: Final = IntentOptions()


@attrs.frozen
class Wanted:
    """What a file asks for."""

    path: Path
    """The file."""
    head: Head | None
    """Its head, if it is a document of tagodev's."""
    rows: RowFile[DeviceRow]
    """Its rows."""
    intent: Intent
    """What it stands for."""

    async def plan(self, tago: Tago) -> Plan:
        """Return what would make the profile so.

        Args:
            tago: an open client.

        Raises:
            InputError: the file is about another service, or two rows about one device.
        """
        if self.head is not None:
            check_service(self.head, tago, self.path)
        try:
            return await make_plan(tago, self.rows, self.intent)
        except InputError as error:
            error.source = error.source or str(self.path)
            raise


def open_wanted(file: Path, options: IntentOptions) -> Wanted:
    """Read what a file asks for.

    Args:
        file: a list of devices, an export, a kept plan or a snapshot.
        options: what was said of it.

    Raises:
        InvalidFileError: with everything that is wrong with it.
    """
    head = read_head(file)
    return Wanted(file, head, read_devices(file), options.intent(file, head))


def plan(
    file: Path,
    /,
    *,
    service: ServiceOptions = _DEFAULTS,
    intent: IntentOptions = _AS_IT_IS,
    out: Annotated[
        Path | None, Parameter(help="Keep the plan here, for: tagodev apply FILE.")
    ] = None,
    all: Annotated[  # noqa: A002  (the option's name)
        bool, Parameter(negative="", help="Show every step, however many.")
    ] = False,
    json: Annotated[bool, Parameter(negative="", help="One JSON object as output.")] = False,
) -> int:
    """Show what would be created, changed and deleted; nothing is sent that changes anything."""
    if out is not None and out.exists() and read_head(out) is None:
        raise InputError(f"{out} is there already, and is no plan", path="--out")
    wanted = open_wanted(file, intent)
    made, plan_name = asyncio.run(_plan(wanted, service, out))
    if json:
        print_json(plan_json(made))
    else:
        for line in plan_lines(made, plan_name, everything=all):
            print_line(line)
    if out is not None:
        say(f"Kept in {out}; carry it out with: tagodev apply {out}")
    if made.todo:
        return CHANGES
    return Exit.PARTIAL if made.steps else Exit.OK


async def _plan(wanted: Wanted, service: ServiceOptions, out: Path | None) -> tuple[Plan, str]:
    async with service.client() as tago:
        made = await wanted.plan(tago)
        if out is not None:
            keep_plan(out, made, wanted.rows, wanted.intent, tago)
        return made, tago.limits.documented.name
