"""Bulk runs over the devices that a filter selects: preview, confirmation, journal."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
from cyclopts import Group, Parameter

from tagodev._cli.exit_codes import Exit
from tagodev._cli.options.confirmation import (
    ConfirmationOptions,
    SnapshotOptions,
    YesOption,
    confirmed,
    saving_to,
)
from tagodev._cli.output.console import print_error, print_json, print_line, print_message
from tagodev._cli.output.text import clean, plural
from tagodev._filesystem.atomic_write import unused_path
from tagodev.errors import AuthenticationError, InputError, PermissionDeniedError, TagoError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from tagodev import Device, Tago
    from tagodev._bulk.operations.base import Operation
    from tagodev._cli.options.service import ServiceOptions

__all__ = [
    "ByFilterOptions",
    "FilterRun",
    "YesOption",
    "check_selection",
    "confirmed",
    "plural",
    "run_each",
]

_GROUP: Final = Group("By filter", sort_key=3)


@Parameter(name="*", group=_GROUP)
@attrs.frozen(kw_only=True)
class ByFilterOptions:
    """Options of a run over the devices of a filter."""

    journal: Path | None = None
    """Store the run in this file, for: tagodev bulk resume JOURNAL; default: a new file in the
    current folder."""
    out: Path | None = None
    """Write the results here; default: next to the journal."""

    def check_unused(self) -> None:
        """Refuse these options for a command that names devices.

        Raises:
            InputError: an option is given.
        """
        for path, option in ((self.journal, "--journal"), (self.out, "--out")):
            if path is not None:
                raise InputError("requires a filter", path=option)

    def paths(self, verb: str) -> tuple[Path, Path]:
        """Return the paths of the journal and the results.

        Args:
            verb: the operation, for the name of a new journal.
        """
        journal = self.journal
        if journal is None:
            stem = f"tagodev-{verb}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
            journal = unused_path(Path(stem), ".journal")
        return journal, self.out or journal.with_suffix(".results.csv")


def check_selection(names: Sequence[str], *, filtered: bool) -> None:
    """Check that a command names devices or gives a filter, but not both.

    Args:
        names: the devices that are named.
        filtered: whether a filter is given.

    Raises:
        InputError: both are given, or neither.
    """
    if names and filtered:
        raise InputError("can't be combined with a filter", path="DEVICE")
    if not names and not filtered:
        raise InputError(
            "is missing: give ids, names or a filter",
            path="DEVICE",
            hint="For all devices: --name '*'",
        )


def run_each(
    service: ServiceOptions,
    devices: Sequence[Device],
    done: str,
    work: Callable[[Tago, Device], Awaitable[bool]],
    *,
    json: bool,
) -> int:
    """Process a few devices one after the other, and print the outcome of each.

    Args:
        service: the service options.
        devices: the devices.
        done: the status of a device afterwards: ``deleted``.
        work: processes a device, and returns whether there was anything to do.
        json: whether to print one JSON object.

    Raises:
        TagoError: the only device failed.
    """
    results: dict[str, list[dict[str, str]]] = {done: [], "unchanged": [], "failed": []}

    async def process(tago: Tago) -> None:
        for device in devices:
            known = {"id": device.id, "name": device.name}
            try:
                results[done if await work(tago, device) else "unchanged"].append(known)
            except (AuthenticationError, PermissionDeniedError):
                raise
            except TagoError as error:
                if len(devices) == 1:
                    raise
                print_error(error)
                results["failed"].append({**known, "error": str(error)})

    service.run(process)
    if json:
        print_json(results)
    else:
        for status in (done, "unchanged"):
            for one in results[status]:
                print_line(f"{status} {one['id']}  {clean(one['name'])}")
    return Exit.PARTIAL if results["failed"] else Exit.OK


@attrs.frozen(kw_only=True)
class FilterRun:
    """A run with a journal over the devices of a filter."""

    verb: str
    """The operation as a verb, also in the journal's name: ``delete``."""
    warning: str
    """A warning to show before the run, in one sentence."""
    operation: type[Operation[Any]]
    """The operation."""
    rows: Sequence[tuple[Device, Any]]
    """The devices, and the item of each."""
    options: Mapping[str, Any] = attrs.field(factory=dict)
    """Options of the operation, as stored in a journal."""
    noun: str = "device"
    """What each row is, in the singular."""
    remain: bool = True
    """Whether the devices exist after the run."""
    left_out: int = 0
    """The number of devices that were listed as skipped."""

    def carry_out(
        self,
        service: ServiceOptions,
        by_filter: ByFilterOptions,
        confirmation: ConfirmationOptions,
        saving: SnapshotOptions = saving_to(None),
        *,
        json: bool,
    ) -> int:
        """Preview, confirm, take a snapshot, and run.

        Args:
            service: the service options.
            by_filter: the journal and the results.
            confirmation: whether to ask, or only to preview.
            saving: the snapshot of the devices.
            json: whether to print one JSON object.
        """
        from tagodev._cli.bulk.operations import RunRow, RunSpec
        from tagodev._cli.bulk.run_command import RunCommand, RunCommandOptions

        def make_spec() -> RunSpec[Any]:
            rows = enumerate(self.rows, 1)
            return RunSpec(
                operation=self.operation,
                rows=len(self.rows),
                entries=(RunRow(row, one.name, item, one.id) for row, (one, item) in rows),
                options=self.options,
            )

        journal, out = by_filter.paths(self.verb)
        command = RunCommand(
            make_spec=make_spec,
            options=RunCommandOptions(service=service, json=json),
            journal=journal,
            out=out,
            verb=self.verb,
            confirmation=confirmation,
            noun=self.noun,
            warning=self.warning,
            saving=saving,
            remain=self.remain,
        )
        done = Exit.PARTIAL if self.left_out else Exit.OK
        if not self.rows:
            if confirmation.dry_run and json:
                command.preview().confirm(confirmation, json=True)
            print_message(f"Nothing to {self.verb}")
            return done
        return command.carry_out() or done
