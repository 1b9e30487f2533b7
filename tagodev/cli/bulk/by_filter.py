"""Doing something to all devices that a filter selects: shown and confirmed first.

The run has a journal, so that it can be gone on with after whatever ends it.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import attrs
from cyclopts import Group, Parameter

from tagodev.cli.exit_codes import Exit
from tagodev.cli.options.confirmation import (
    ConfirmationOptions,
    Preview,
    SnapshotOptions,
    YesOption,
    confirmed,
    plural,
    saving_to,
)
from tagodev.cli.output.console import complain, print_line, say
from tagodev.cli.output.table import clean, print_data
from tagodev.errors import AuthenticationError, InputError, PermissionDeniedError, TagoError
from tagodev.filesystem.atomic_write import check_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from tagodev import Device, Tago
    from tagodev.bulk.operations.base import Operation
    from tagodev.cli.options.service import ServiceOptions

__all__ = [
    "ByFilterOptions",
    "Task",
    "YesOption",
    "check_chosen",
    "confirmed",
    "do_each",
    "plural",
]

_GROUP: Final = Group("By filter", sort_key=3)
_NOT_SAVED: Final = saving_to(None)


@Parameter(name="*", group=_GROUP)
@attrs.frozen(kw_only=True)
class ByFilterOptions:
    """How a run over all devices of a filter goes about it."""

    journal: Annotated[
        Path | None,
        Parameter(
            help="File in which the run is written down, for: tagodev bulk resume JOURNAL; "
            "default: a new one, here."
        ),
    ] = None
    out: Annotated[
        Path | None, Parameter(help="Where results go; default: beside the journal.")
    ] = None

    def check(self) -> None:
        """Make sure that the journal and the results can be written, before anything is asked.

        Raises:
            InputError: one of them can't.
        """
        if self.journal is not None:
            check_out(self.journal, "--journal")
        if self.out is not None:
            check_out(self.out)

    def check_unused(self) -> None:
        """Refuse options that do nothing where devices are named.

        Raises:
            InputError: which one.
        """
        for path, option in ((self.journal, "--journal"), (self.out, "--out")):
            if path is not None:
                raise InputError("is for devices that a filter selects", path=option)

    def places(self, what: str) -> tuple[Path, Path]:
        """Return where journal and results go.

        Args:
            what: what is done, for the name of a new journal.
        """
        journal = self.journal
        if journal is None:
            stem = f"tagodev-{what}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
            names = (
                Path(f"{stem}{more}.journal") for more in ("", *map("-{}".format, range(2, 99)))
            )
            journal = next(name for name in names if not name.exists())
        return journal, self.out or journal.with_suffix(".results.csv")


def check_chosen(names: Sequence[str], *, filtered: bool) -> None:
    """Refuse a command that names no device, or names some and gives a filter too.

    Args:
        names: the devices that are named.
        filtered: whether a filter is given.

    Raises:
        InputError: which of the two.
    """
    if names and filtered:
        raise InputError("give devices, or a filter, not both", path="DEVICE")
    if not names and not filtered:
        raise InputError(
            "which devices? Give ids or names, or a filter",
            path="DEVICE",
            hint="All there are: --name '*'",
        )


def do_each(
    service: ServiceOptions,
    devices: Sequence[Device],
    done: str,
    work: Callable[[Tago, Device], Awaitable[bool]],
    *,
    json: bool,
) -> int:
    """Do something to a few devices, one after the other, and tell what became of each.

    Args:
        service: where.
        devices: which.
        done: what a device is then: ``deleted``.
        work: does it, and returns whether there was anything to do.
        json: whether to print one JSON object.

    Raises:
        TagoError: it was one device alone, and it failed.
    """
    told: dict[str, list[dict[str, str]]] = {done: [], "unchanged": [], "failed": []}

    async def all_of_them(tago: Tago) -> None:
        for device in devices:
            known = {"id": device.id, "name": device.name}
            try:
                told[done if await work(tago, device) else "unchanged"].append(known)
            except (AuthenticationError, PermissionDeniedError):
                raise
            except TagoError as error:
                if len(devices) == 1:
                    raise
                complain(error)
                told["failed"].append({**known, "error": str(error)})

    service.run(all_of_them)
    if json:
        print_data(told)
    else:
        for status in (done, "unchanged"):
            for one in told[status]:
                print_line(f"{status} {one['id']}  {clean(one['name'])}")
    return Exit.PARTIAL if told["failed"] else Exit.OK


@attrs.frozen(kw_only=True)
class Task:
    """Something to be done to each of some devices, by a run with a journal."""

    verb: str
    """What is done, in a word, also in the journal's name: ``delete``."""
    warning: str
    """What to know before it is done, in one sentence."""
    operation: type[Operation[Any]]
    """What is done with each row."""
    rows: Sequence[tuple[Device, Any]]
    """The devices, and what the run is given for each."""
    options: Mapping[str, Any] = attrs.field(factory=dict)
    """How it is done, as a journal keeps it."""
    noun: str = "device"
    """What there is one of in each row."""
    remain: bool = True
    """Whether the devices are changed and not deleted."""
    left_out: int = 0
    """Devices that were meant, and left out for a reason that was told."""

    def carry_out(
        self,
        service: ServiceOptions,
        by_filter: ByFilterOptions,
        confirmation: ConfirmationOptions,
        saving: SnapshotOptions = _NOT_SAVED,
        *,
        json: bool,
    ) -> int:
        """Show what is meant, have it confirmed, save the devices, and do it.

        Args:
            service: where.
            by_filter: how.
            confirmation: whether to ask, or only to show.
            saving: where the devices are saved first, if they are.
            json: whether to print one JSON object in the end.
        """
        saving.check()
        by_filter.check()
        done = Exit.PARTIAL if self.left_out else Exit.OK
        preview = Preview(
            verb=self.verb,
            count=len(self.rows),
            items=((device.id, device.name) for device, _ in self.rows),
            noun=self.noun,
            warning=self.warning,
        )
        if not self.rows:
            if confirmation.dry_run and json:
                preview.confirm(confirmation, json=True)
            say(f"Nothing to {self.verb}")
            return done
        code = preview.confirm(confirmation, json=json)
        if code is not None:
            return code
        ids = (device.id for device, _ in self.rows)
        snapshot = saving.save(service, ids, f"device-{self.verb}", remain=self.remain)
        return self._run(service, by_filter, snapshot, json=json) or done

    def _run(
        self,
        service: ServiceOptions,
        by_filter: ByFilterOptions,
        snapshot: Path | None,
        *,
        json: bool,
    ) -> int:
        from tagodev.cli.bulk import journalled_run
        from tagodev.cli.bulk.operations import Entry, Job

        journal, out = by_filter.places(self.verb)
        job: Job[Any] = Job(
            operation=self.operation,
            rows=len(self.rows),
            entries=(
                Entry(number, device.name, item, device.id)
                for number, (device, item) in enumerate(self.rows, 1)
            ),
            options=self.options,
        )
        say(f"Written down in {journal}")
        remember = service.remember()
        if snapshot is not None:
            remember["snapshot"] = str(snapshot.absolute())
        tago = service.client()
        return journalled_run.begin(job, journal, tago, out, run={}, remember=remember, json=json)
