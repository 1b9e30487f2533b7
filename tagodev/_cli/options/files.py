"""Options for reading a device file and planning from it, and the file's parsed content."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path  # noqa: TC003  (cyclopts reads annotations)
from typing import TYPE_CHECKING, Annotated, Any, Final

import attrs
from cyclopts import Group, Parameter

from tagodev._cli.apply.stdin import is_pipe_copy
from tagodev._cli.output.console import print_message
from tagodev.errors import ConfigurationError, InputError
from tagodev.provision._integrations import Integrations, resolve_integrations
from tagodev.provision._managers import ManagerRegistry, check_owners, stem_of
from tagodev.provision._plan.matching import check_rows, name_file
from tagodev.provision._plan.model import PlanSettings, TagMode
from tagodev.provision._plan.planner import make_plan
from tagodev.provision._read.devices import RowFile, integration_names, read_defaults, read_devices
from tagodev.provision._write.document import (
    DocumentHeader,
    check_profile,
    check_service,
    read_head,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tagodev._cli.options.service import ServiceOptions
    from tagodev._client import Tago
    from tagodev._models import Device
    from tagodev.provision._plan.model import Plan
    from tagodev.provision._read.devices import DeviceRow

__all__ = ["DeviceInput", "FileOptions", "PlanOptions", "ReadProgress", "open_input"]

_FILE: Final = Group("How the file is read", sort_key=2)
_PLAN: Final = Group("How the file is applied", sort_key=3)
#: Seconds between two progress lines.
_INTERVAL: Final = 5.0
#: Maximum number of other files that a note lists.
_SHOWN: Final = 3
#: Options that set fields of `PlanSettings`.
_OPTIONS: Final = {"manager": "--name", "known_by": "--by"}


class ReadProgress:
    """Prints the progress of reading a profile at most every five seconds."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _INTERVAL

    def __call__(self, what: str, number: int, of: int | None) -> None:
        """Print the progress if the last line is old enough."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _INTERVAL
            print_message(
                f"Reading: {number} {what}" if of is None else f"Reading: {number} of {of} {what}"
            )


@Parameter(name="*", group=_FILE)
@attrs.frozen(kw_only=True)
class FileOptions:
    """Options for reading a file."""

    map: list[str] | None = None
    """Map a column to a field, COLUMN=FIELD: EUI=serie_number, Site=tag.site; with an empty
    FIELD, ignore the column; with a template, build a field: 'sensor-{EUI}=name'. Repeatable."""
    defaults: Path | None = None
    """JSON or YAML file with default values for all rows."""
    sheet: str | None = None
    """Sheet of a workbook; default: the first."""

    def keywords(self) -> dict[str, Any]:
        """Return the keyword arguments for `read_devices`.

        Raises:
            InputError: an option is invalid.
        """
        columns = dict(map(_column, self.map or ()))
        defaults = {} if self.defaults is None else read_defaults(self.defaults)
        return {"columns": columns, "defaults": defaults, "sheet": self.sheet}


def _column(text: str) -> tuple[str, str]:
    column, sign, field = text.rpartition("=")
    if not sign or not column.strip():
        raise InputError(f"must be COLUMN=FIELD, like EUI=serie_number, not {text!r}", path="--map")
    return column, field


@Parameter(name="*", group=_PLAN)
@attrs.frozen(kw_only=True)
class PlanOptions:
    """Options for planning from a file."""

    by: str | None = None
    """Match devices by name (default), serial, id or tag:KEY."""
    manager: Annotated[str | None, Parameter(name="--name")] = None
    """Manager of the devices (tag tagodev_managed); default: one for this file."""
    prune: bool = False
    """Delete devices of this manager that are not in FILE."""
    tags: TagMode | None = None
    """Keep tags that are not in FILE (merge, default) or remove them (replace)."""
    max_devices: int | None = None
    """Maximum number of devices in the profile; default: by its rate plan."""

    def settings(self, path: Path, head: DocumentHeader | None) -> PlanSettings:
        """Return the plan settings of a file: from the options, its header, or the defaults.

        Without a manager, the settings have the file's stem as manager until `open_input` binds it.

        Args:
            path: the file.
            head: its header, if tagodev wrote the file.

        Raises:
            InputError: an option is invalid.
        """
        known = PlanSettings(manager=stem_of(path)) if head is None else head.settings
        if known.restore and (self.by or self.prune or self.tags):
            raise InputError(
                "a snapshot can't be combined with --by, --prune or --tags",
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
    """The content of a device file, with its plan settings."""

    path: Path
    """The file."""
    head: DocumentHeader | None
    """Its header, if tagodev wrote the file."""
    rows: RowFile[DeviceRow]
    """Its rows."""
    settings: PlanSettings
    """Its plan settings."""
    max_devices: int | None
    """Maximum number of devices in the profile; None for the rate plan's limit."""
    bound: bool = False
    """Whether its manager is bound to the file instead of set with ``--name``."""

    async def plan(self, tago: Tago) -> Plan:
        """Return the plan that makes the profile match the file.

        Args:
            tago: an open client.

        Raises:
            InputError: the file belongs to another service or profile.
        """
        try:
            if self.head is not None:
                check_service(self.head, tago)
            plan = await make_plan(
                tago,
                self.rows,
                self.settings,
                max_devices=self.max_devices,
                on_progress=ReadProgress(),
                check_devices=self._check_owners if self.bound else None,
            )
            if self.head is not None:
                check_profile(self.head, plan)
        except InputError as error:
            name_file(error, self.path)
            raise
        return plan

    def _check_owners(self, devices: Sequence[Device]) -> None:
        check_owners(self.settings.manager, devices, ManagerRegistry.open().owner)


def open_input(
    file: Path, options: FileOptions, plan_options: PlanOptions, service: ServiceOptions
) -> DeviceInput:
    """Read a device file.

    Args:
        file: a list of devices, an export, a saved plan or a snapshot.
        options: the options for reading.
        plan_options: the options for planning.
        service: the service that resolves names of networks and connectors.

    Raises:
        InvalidFileError: the file has problems; the error holds all of them.
    """
    head = read_head(file)
    settings = plan_options.settings(file, head)
    keywords = options.keywords()
    names = integration_names(file, **keywords)
    integrations = asyncio.run(_resolve(service, names)) if names else None
    rows = read_devices(file, resolve=integrations, **keywords)
    try:
        check_rows(rows, settings)
    except InputError as error:
        name_file(error, file)
        raise
    bound = _is_bound(file, head, plan_options)
    if bound:
        settings = attrs.evolve(settings, manager=_bind(file))
    elif plan_options.manager is not None:
        _note_other_files(file, settings)
    return DeviceInput(file, head, rows, settings, plan_options.max_devices, bound=bound)


def _is_bound(file: Path, head: DocumentHeader | None, options: PlanOptions) -> bool:
    """Return whether a list's manager is bound to its file."""
    if options.manager is not None or is_pipe_copy(file):
        return False
    # An export's manager is its file name, which is not unique.
    return head is None or head.kind == "export"


def _bind(file: Path) -> str:
    """Return the manager of a file, and print a note if the file was moved."""
    binding = ManagerRegistry.open().bind(file)
    if binding.moved_from is not None:
        print_message(
            f"Note: {file} was moved from {binding.moved_from}; its manager is {binding.manager}"
        )
    return binding.manager


def _note_other_files(file: Path, settings: PlanSettings) -> None:
    """Print a note listing other files used with the same manager."""
    try:
        others = ManagerRegistry.open().use(settings.manager, None if is_pipe_copy(file) else file)
    except ConfigurationError as error:
        print_message(f"Note: can't list other files of {settings.manager}. {error.message}")
        return
    if others:
        shown = ", ".join(map(str, others[:_SHOWN]))
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        pruned = "; --prune deletes devices that are only in those files" if settings.prune else ""
        print_message(f"Note: {settings.manager} is also the manager of {shown}{more}{pruned}")


async def _resolve(service: ServiceOptions, names: Collection[str]) -> Integrations:
    async with service.client() as tago:
        return await resolve_integrations(tago, names)
