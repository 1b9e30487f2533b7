"""What a file asks for, and the options that say how it is to be understood."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path  # noqa: TC003  (cyclopts reads annotations)
from typing import TYPE_CHECKING, Annotated, Any, Final

import attrs
from cyclopts import Group, Parameter

from tagodev.cli.apply.stdin import came_over_pipe
from tagodev.cli.output.console import say
from tagodev.errors import ConfigurationError, InputError
from tagodev.provision.integrations import Integrations, resolve_integrations
from tagodev.provision.managers import ManagerRegistry, check_owners, stem_of
from tagodev.provision.plan.matching import check_rows, name_file
from tagodev.provision.plan.planner import make_plan
from tagodev.provision.plan.saved_plan import check_profile, check_service
from tagodev.provision.plan.settings import PlanSettings, TagMode
from tagodev.provision.read.defaults import read_defaults
from tagodev.provision.read.devices import RowFile, integration_names, read_devices
from tagodev.provision.write.document import DocumentHeader, read_head

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tagodev.cli.options.service import ServiceOptions
    from tagodev.client import Tago
    from tagodev.models import Device
    from tagodev.provision.plan.model import Plan
    from tagodev.provision.read.devices import DeviceRow

__all__ = ["DeviceInput", "FileOptions", "PlanOptions", "ReadProgress", "open_wanted"]

_FILE: Final = Group("How the file is read", sort_key=2)
_INTENT: Final = Group("What the file stands for", sort_key=3)
#: Seconds between two lines that say how far reading has come.
_EVERY: Final = 5.0
#: Other files that a note lists.
_SHOWN: Final = 3
#: The options by which fields of an intent are given.
_OPTIONS: Final = {"manager": "--name", "known_by": "--by"}


class ReadProgress:
    """Tells a person now and then how far reading a profile has come."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _EVERY

    def __call__(self, what: str, number: int, of: int | None) -> None:
        """Take note of how many are read, and say it if nothing was said for a while."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _EVERY
            say(f"Reading: {number} {what}" if of is None else f"Reading: {number} of {of} {what}")


@Parameter(name="*", group=_FILE)
@attrs.frozen(kw_only=True)
class FileOptions:
    """How a file is read."""

    map: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            help="What a column means, as COLUMN=FIELD: EUI=serie_number, Site=tag.site; nothing "
            "behind the sign for one that is left out; or what a field is made of: "
            "'sensor-{EUI}=name'. Repeatable.",
        ),
    ] = None
    defaults: Annotated[
        Path | None,
        Parameter(help="JSON or YAML file with what rows have that do not give it."),
    ] = None
    sheet: Annotated[
        str | None, Parameter(help="Of a workbook: which sheet; default: the first.")
    ] = None

    def keywords(self) -> dict[str, Any]:
        """Return how the file is read, as `read_devices` takes it.

        Raises:
            InputError: an option that can't be meant.
        """
        columns = dict(map(_column, self.map or ()))
        defaults = {} if self.defaults is None else read_defaults(self.defaults)
        return {"columns": columns, "defaults": defaults, "sheet": self.sheet}


def _column(text: str) -> tuple[str, str]:
    column, sign, field = text.rpartition("=")
    if not sign or not column.strip():
        raise InputError(f"must be COLUMN=FIELD, like EUI=serie_number, not {text!r}", path="--map")
    return column, field


@Parameter(name="*", group=_INTENT)
@attrs.frozen(kw_only=True)
class PlanOptions:
    """What a file stands for."""

    by: Annotated[
        str | None,
        Parameter(help="What devices are known by: name (default), serial, id or tag:KEY."),
    ] = None
    manager: Annotated[
        str | None,
        Parameter(
            name="--name",
            help="Manager of the devices (tag tagodev_managed); default: one of the file's own.",
        ),
    ] = None
    prune: Annotated[
        bool,
        Parameter(negative="", help="Delete devices of this manager that FILE no longer has."),
    ] = False
    tags: Annotated[
        TagMode | None,
        Parameter(help="Whether tags that the file does not name stay: merge (default), replace."),
    ] = None
    max_devices: Annotated[
        int | None,
        Parameter(help="Devices that the profile may hold; default: as many as its plan."),
    ] = None

    def intent(self, path: Path, head: DocumentHeader | None) -> PlanSettings:
        """Return what a file stands for: what was said here, or in its head, or by default.

        The manager of a file that names none is the file's stem, until `open_wanted` binds it.

        Args:
            path: the file.
            head: its head, if it is a document of tagodev's.

        Raises:
            InputError: an option that can't be meant.
        """
        known = PlanSettings(manager=stem_of(path)) if head is None else head.intent
        if known.restore and (self.by or self.prune or self.tags):
            raise InputError(
                "a snapshot puts back what it holds: it takes no --by, --prune and --tags",
                source=str(path),
            )
        given: dict[str, Any] = {
            "manager": self.manager,
            "known_by": self.by,
            "tag_mode": self.tags,
        }
        if self.prune:
            given["prune"] = True
        try:
            return attrs.evolve(
                known, **{name: value for name, value in given.items() if value is not None}
            )
        except InputError as error:
            raise InputError(error.message, path=_OPTIONS[error.path]) from None


@attrs.frozen
class DeviceInput:
    """What a file asks for."""

    path: Path
    """The file."""
    head: DocumentHeader | None
    """Its head, if it is a document of tagodev's."""
    rows: RowFile[DeviceRow]
    """Its rows."""
    intent: PlanSettings
    """What it stands for."""
    max_devices: int | None
    """How many devices the profile may hold; None for as many as its plan."""
    bound: bool = False
    """Whether its manager is bound to the file, and not given by name."""

    async def plan(self, tago: Tago) -> Plan:
        """Return what would make the profile so.

        Args:
            tago: an open client.

        Raises:
            InputError: the file is about another service or another profile.
        """
        try:
            if self.head is not None:
                check_service(self.head, tago)
            made = await make_plan(
                tago,
                self.rows,
                self.intent,
                max_devices=self.max_devices,
                on_progress=ReadProgress(),
                check_devices=self._check_owners if self.bound else None,
            )
            if self.head is not None:
                check_profile(self.head, made)
        except InputError as error:
            name_file(error, self.path)
            raise
        return made

    def _check_owners(self, devices: Sequence[Device]) -> None:
        check_owners(self.intent.manager, devices, ManagerRegistry.open().owner)


def open_wanted(
    file: Path, options: FileOptions, intent: PlanOptions, service: ServiceOptions
) -> DeviceInput:
    """Read what a file asks for.

    Args:
        file: a list of devices, an export, a kept plan or a snapshot.
        options: how it is read.
        intent: what was said of what it stands for.
        service: who is asked for the networks and connectors that the file calls by name.

    Raises:
        InvalidFileError: with everything that is wrong with it.
    """
    head = read_head(file)
    meant = intent.intent(file, head)
    keywords = options.keywords()
    names = integration_names(file, **keywords)
    live = asyncio.run(_resolve(service, names)) if names else None
    rows = read_devices(file, resolve=live, **keywords)
    try:
        check_rows(rows, meant)
    except InputError as error:
        name_file(error, file)
        raise
    bound = _is_bound(file, head, intent)
    if bound:
        meant = attrs.evolve(meant, manager=_bind(file))
    elif intent.manager is not None:
        _note_other_files(file, meant)
    return DeviceInput(file, head, rows, meant, intent.max_devices, bound=bound)


def _is_bound(file: Path, head: DocumentHeader | None, intent: PlanOptions) -> bool:
    """Return whether a list's manager is bound to its file."""
    if intent.manager is not None or came_over_pipe(file):
        return False
    # An export was named after the file that it went to, which others may be called too.
    return head is None or head.kind == "export"


def _bind(file: Path) -> str:
    """Return the manager of a file, and say so if the file was moved."""
    binding = ManagerRegistry.open().bind(file)
    if binding.moved_from is not None:
        say(f"Note: {file} was {binding.moved_from}, and is still managed as {binding.manager}")
    return binding.manager


def _note_other_files(file: Path, meant: PlanSettings) -> None:
    """Say which other files were used under the name that was given."""
    try:
        others = ManagerRegistry.open().use(meant.manager, None if came_over_pipe(file) else file)
    except ConfigurationError as error:
        say(f"Note: other files of the name {meant.manager} are not known. {error.message}")
        return
    if others:
        shown = ", ".join(map(str, others[:_SHOWN]))
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        pruned = "; --prune deletes devices that only they name" if meant.prune else ""
        say(f"Note: {meant.manager} is also the name of {shown}{more}{pruned}")


async def _resolve(service: ServiceOptions, names: Collection[str]) -> Integrations:
    async with service.client() as tago:
        return await resolve_integrations(tago, names)
