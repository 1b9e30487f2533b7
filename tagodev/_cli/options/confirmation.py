"""Preview, confirmation and snapshot of destructive commands.

Each such command shows what it will do, asks for the number of items (or takes ``--yes``) and has
``--dry-run``. Devices are saved in a snapshot first.
"""

from __future__ import annotations

import sys
from datetime import datetime
from itertools import count as numbers
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import attrs
from cyclopts import Group, Parameter

from tagodev._cli.exit_codes import Exit
from tagodev._cli.output.console import print_json, print_message
from tagodev._cli.output.text import clean, plural
from tagodev._filesystem.atomic_write import check_out
from tagodev._filesystem.state_folder import private_folder
from tagodev.errors import InputError, TagoError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tagodev._cli.options.service import ServiceOptions

__all__ = [
    "CONFIRMATION_GROUP",
    "ConfirmationOptions",
    "DryRunOption",
    "Preview",
    "SaveFirstOption",
    "SnapshotOptions",
    "YesOption",
    "confirmed",
    "saving_to",
]

CONFIRMATION_GROUP: Final = Group("Confirmation", sort_key=4)
#: Items shown before the prompt.
_SHOWN: Final = 10
#: Number of devices from which on a note says that the snapshot takes a while.
_MANY: Final = 100

YesOption: TypeAlias = Annotated[
    bool,
    Parameter(name=("--yes", "-y"), group=CONFIRMATION_GROUP, help="Don't ask for confirmation."),
]
DryRunOption: TypeAlias = Annotated[
    bool,
    Parameter(group=CONFIRMATION_GROUP, help="Show all planned changes without making them."),
]
#: For commands that edit devices and save them only on request.
SaveFirstOption: TypeAlias = Annotated[
    Path | None,
    Parameter(
        name="--snapshot",
        group=CONFIRMATION_GROUP,
        help="Save the devices to this file first, to restore them with tagodev apply SNAPSHOT; "
        "default: don't save.",
    ),
]


def confirmed(question: str, answer: str) -> bool:
    """Prompt at the terminal, and return whether the user confirmed.

    Args:
        question: the prompt.
        answer: the text that confirms.

    Raises:
        InputError: standard input is not a terminal.
    """
    if not sys.stdin.isatty():
        raise InputError("confirmation is required but stdin is not a terminal; re-run with --yes")
    sys.stderr.write(f"{question} ")
    sys.stderr.flush()
    given = sys.stdin.readline()
    if not given.endswith("\n"):
        print_message("")
    if given.strip().casefold() == answer:
        return True
    print_message("Cancelled; nothing was changed")
    return False


# --- preview and confirmation --------------------------------------------------------------------


@Parameter(name="*", group=CONFIRMATION_GROUP)
@attrs.frozen(kw_only=True)
class ConfirmationOptions:
    """Options of the confirmation of a destructive command."""

    dry_run: DryRunOption = False
    yes: YesOption = False


@attrs.frozen(kw_only=True)
class Preview:
    """Preview of a command's effect."""

    verb: str
    """The operation: ``delete``."""
    count: int
    """Number of items."""
    items: Iterable[tuple[str, str]]
    """Two texts for each item; iterated over once."""
    noun: str = "device"
    """Singular noun of the items."""
    warning: str = ""
    """One or two sentences about the consequences."""
    fields: tuple[str, str] = ("id", "name")
    """JSON keys of the two texts."""

    def confirm(self, options: ConfirmationOptions, *, json: bool, ask: bool = True) -> Exit | None:
        """Show the preview and ask for confirmation.

        Args:
            options: the confirmation options.
            json: whether a dry run prints one JSON object.
            ask: whether to ask; otherwise the preview is shown only for a dry run.

        Returns:
            None to continue; the exit code after a dry run or if the user did not confirm.

        Raises:
            InputError: confirmation is required and standard input is not a terminal.
        """
        if options.dry_run:
            if json:
                self._print()
            else:
                self._show(everything=True)
            return Exit.OK
        if not ask:
            return None
        self._show(everything=False)
        if self.warning:
            print_message(self.warning)
        if options.yes or confirmed(f"Type {self.count} to confirm:", str(self.count)):
            return None
        return Exit.GENERAL

    def _show(self, *, everything: bool) -> None:
        print_message(f"To {self.verb}: {plural(self.count, self.noun)}")
        shown = 0
        for item in self.items if everything else islice(self.items, _SHOWN):
            print_message(f"  {'  '.join(clean(text) for text in item)}".rstrip())
            shown += 1
        if shown < self.count and not everything:
            print_message(f"  ... and {self.count - shown} more (--dry-run shows all)")

    def _print(self) -> None:
        items = [dict(zip(self.fields, item, strict=True)) for item in self.items]
        print_json({"dry_run": True, "operation": self.verb, "count": self.count, "items": items})


# --- snapshot ------------------------------------------------------------------------------------


@Parameter(name="*", group=CONFIRMATION_GROUP)
@attrs.frozen(kw_only=True)
class SnapshotOptions:
    """Options of the snapshot that a destructive command saves first."""

    snapshot: Path | None = None
    """Save the devices to this file first, to restore them with tagodev apply SNAPSHOT; default:
    a new file in the state folder (TAGODEV_STATE)."""
    no_snapshot: bool = False
    """Don't save the devices."""

    @property
    def warning(self) -> str:
        """Consequences of deleting devices, for the preview."""
        restore = (
            "No snapshot is written, so the devices can't be restored."
            if self.no_snapshot
            else "The snapshot holds fields, tags, parameters and serial numbers, but no data and "
            "no tokens."
        )
        return f"The devices will be deleted with all their data. {restore}"

    def check(self) -> None:
        """Check that the snapshot can be written, before any prompt.

        Raises:
            InputError: it can't, or both options are given.
        """
        if self.snapshot is None:
            return
        if self.no_snapshot:
            raise InputError("can't be combined with --snapshot", path="--no-snapshot")
        check_out(self.snapshot, "--snapshot")
        if self.snapshot.exists():
            raise InputError(
                f"{self.snapshot} already exists",
                path="--snapshot",
                hint="Name another file, or move the existing one",
            )

    def save(
        self,
        service: ServiceOptions,
        device_ids: Iterable[str],
        command: str,
        *,
        remain: bool = True,
    ) -> Path | None:
        """Save devices, print the path of the snapshot and return it; None if nothing is saved.

        Args:
            service: the service options.
            device_ids: ids of the devices.
            command: the command, for the name of a new file: ``device-delete``.
            remain: whether the devices are edited, not deleted.

        Raises:
            TagoError: the devices can't be read or saved; nothing was changed.
        """
        if self.no_snapshot:
            return None
        from tagodev._cli.options.files import ReadProgress
        from tagodev.provision._apply.snapshot import save_devices

        ids = list(dict.fromkeys(device_ids))
        # The name must be unique: devices that an apply creates again have it in a tag.
        name = f"{command}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
        path = self.snapshot or _new_file(name)
        if len(ids) >= _MANY:
            print_message(f"Reading {len(ids)} devices for the snapshot, 3 requests each")
        try:
            saved = service.run(
                lambda tago: save_devices(
                    tago, ids, path, name=name, remains=remain, on_progress=ReadProgress()
                )
            )
        except TagoError:
            print_message(
                "The snapshot failed, so nothing was changed; re-run with --no-snapshot to skip it"
            )
            raise
        if not saved.devices:
            print_message("No snapshot: none of the devices exists anymore")
            return None
        print_message(f"Snapshot of {plural(saved.devices, 'device')}: {path}")
        if not saved.distinct:
            print_message("apply can't restore devices with the same name and no unique tag value")
        return path


def saving_to(snapshot: Path | None) -> SnapshotOptions:
    """Return the snapshot options of a command that saves devices only on request.

    Args:
        snapshot: the file to write; None for no snapshot.
    """
    return SnapshotOptions(snapshot=snapshot, no_snapshot=snapshot is None)


def _new_file(name: str) -> Path:
    """Return an unused path in the state folder."""
    folder = private_folder("snapshots")
    names = (f"{name}{'' if number == 1 else f'-{number}'}" for number in numbers(1))
    paths = (folder / f"{one}.snapshot.json" for one in names)
    return next(path for path in paths if not path.exists())
