"""Destructive commands: shown, confirmed and saved before anything is sent.

Each of them says what it is about to do, has the number typed (or takes ``--yes``), and offers
``--dry-run``. What can be restored is saved in a snapshot first.
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

from tagodev.cli.exit_codes import Exit
from tagodev.cli.output.console import say
from tagodev.cli.output.table import clean, print_data
from tagodev.errors import InputError, TagoError
from tagodev.filesystem.atomic_write import check_out
from tagodev.filesystem.state_folder import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tagodev.cli.options.service import ServiceOptions

__all__ = [
    "ConfirmationOptions",
    "DryRunOption",
    "Preview",
    "SaveFirstOption",
    "SnapshotOptions",
    "YesOption",
    "confirmed",
    "plural",
    "saving_to",
]

_GROUP: Final = Group("Confirmation", sort_key=4)
#: What is shown before the command asks.
_SHOWN: Final = 10
#: Devices from which on it is said that reading them takes a while.
_MANY: Final = 100

YesOption: TypeAlias = Annotated[
    bool,
    Parameter(name=("--yes", "-y"), negative="", group=_GROUP, help="Don't ask for confirmation."),
]
DryRunOption: TypeAlias = Annotated[
    bool,
    Parameter(
        negative="", group=_GROUP, help="Show everything that would be done; change nothing."
    ),
]
#: Of commands that change devices and save them only on request.
SaveFirstOption: TypeAlias = Annotated[
    Path | None,
    Parameter(
        name="--snapshot",
        group=_GROUP,
        help="Save the devices here before they are changed, for: tagodev apply SNAPSHOT; "
        "default: not saved.",
    ),
]


def plural(count: int, noun: str) -> str:
    """Return a number of things: ``1 device``, ``312 devices``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def confirmed(question: str, answer: str) -> bool:
    """Ask at the terminal, and return whether the answer is the one that continues.

    Args:
        question: what to ask.
        answer: what must be typed.

    Raises:
        InputError: standard input is not a terminal.
    """
    if not sys.stdin.isatty():
        raise InputError("confirmation is required but stdin is not a terminal; re-run with --yes")
    sys.stderr.write(f"{question} ")
    sys.stderr.flush()
    given = sys.stdin.readline()
    if not given.endswith("\n"):
        say("")
    if given.strip().casefold() == answer:
        return True
    say("Nothing was done")
    return False


# --- shown and confirmed -------------------------------------------------------------------------


@Parameter(name="*", group=_GROUP)
@attrs.frozen(kw_only=True)
class ConfirmationOptions:
    """Whether a destructive command asks, or only shows what it would do."""

    dry_run: DryRunOption = False
    yes: YesOption = False


@attrs.frozen(kw_only=True)
class Preview:
    """What a command is about to do."""

    verb: str
    """What is done: ``delete``."""
    count: int
    """How many things it is done to."""
    items: Iterable[tuple[str, str]]
    """What each of them is, in two texts; iterated over once."""
    noun: str = "device"
    """What there is one of in each item."""
    warning: str = ""
    """What to know before it is done, in one or two sentences."""
    fields: tuple[str, str] = ("id", "name")
    """What the two texts are, for the JSON output."""

    def ends_here(
        self, options: ConfirmationOptions, *, json: bool, ask: bool = True
    ) -> Exit | None:
        """Show it, have it confirmed, and return the exit code where the command ends with that.

        Args:
            options: what the command line says.
            json: whether a dry run prints one JSON object.
            ask: whether it must be confirmed; otherwise nothing but a dry run is shown.

        Raises:
            InputError: it must be confirmed and standard input is not a terminal.
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
            say(self.warning)
        if options.yes or confirmed(f"Type {self.count} to confirm:", str(self.count)):
            return None
        return Exit.GENERAL

    def _show(self, *, everything: bool) -> None:
        say(f"To {self.verb}: {plural(self.count, self.noun)}")
        shown = 0
        for item in self.items if everything else islice(self.items, _SHOWN):
            say(f"  {'  '.join(clean(text) for text in item)}".rstrip())
            shown += 1
        if shown < self.count and not everything:
            say(f"  ... and {self.count - shown} more (--dry-run shows all)")

    def _print(self) -> None:
        items = [dict(zip(self.fields, item, strict=True)) for item in self.items]
        print_data({"dry_run": True, "operation": self.verb, "count": self.count, "items": items})


# --- saved ---------------------------------------------------------------------------------------


@Parameter(name="*", group=_GROUP)
@attrs.frozen(kw_only=True)
class SnapshotOptions:
    """Where devices are saved before a destructive command, if they are."""

    snapshot: Annotated[
        Path | None,
        Parameter(
            help="Save the devices here first, for: tagodev apply SNAPSHOT; default: a new file in "
            "the state folder (TAGODEV_STATE)."
        ),
    ] = None
    no_snapshot: Annotated[bool, Parameter(negative="", help="Don't save the devices.")] = False

    @property
    def warning(self) -> str:
        """What to know before devices are deleted."""
        keeps = (
            "No snapshot is written: they can't be restored."
            if self.no_snapshot
            else "A snapshot keeps fields, tags, parameters and serial numbers, but no data and no "
            "tokens."
        )
        return f"They will be deleted with all their data, for good. {keeps}"

    def check(self) -> None:
        """Make sure that the snapshot can be written, before anything is asked.

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
                f"{self.snapshot} is there already",
                path="--snapshot",
                hint="Name another file, or move that one away",
            )

    def save(
        self,
        service: ServiceOptions,
        device_ids: Iterable[str],
        command: str,
        *,
        remain: bool = True,
    ) -> Path | None:
        """Save devices, print where, and return that; None where nothing is saved.

        Args:
            service: where they are.
            device_ids: which devices.
            command: what is about to be done, for the name of a new file: ``device-delete``.
            remain: whether the devices are changed and not deleted.

        Raises:
            TagoError: they can't be read or saved; nothing was done.
        """
        if self.no_snapshot:
            return None
        from tagodev.cli.options.files import ReadProgress
        from tagodev.provision.apply.snapshot import save_devices

        ids = list(dict.fromkeys(device_ids))
        # The time makes it a name of its own: devices that an apply creates again carry it.
        name = f"{command}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
        path = self.snapshot or _new_file(name)
        if len(ids) >= _MANY:
            say(f"Reading {len(ids)} devices for the snapshot: 3 requests each, within the limits")
        try:
            saved = service.ask(
                lambda tago: save_devices(
                    tago, ids, path, name=name, remains=remain, on_progress=ReadProgress()
                )
            )
        except TagoError:
            say("The snapshot failed, so nothing was done; --no-snapshot continues without one")
            raise
        if not saved.devices:
            say("No snapshot: none of the devices exists any more")
            return None
        say(f"Snapshot of {plural(saved.devices, 'device')}: {path}")
        if not saved.distinct:
            say("Apply can't restore those that have the same name and no tag that differs")
        return path


def saving_to(snapshot: Path | None) -> SnapshotOptions:
    """Return the options of a command that saves devices only on request.

    Args:
        snapshot: where to; None for no snapshot.
    """
    return SnapshotOptions(snapshot=snapshot, no_snapshot=snapshot is None)


def _new_file(name: str) -> Path:
    """Return the path of a new file in the state folder."""
    folder = private_folder("snapshots")
    names = (f"{name}{'' if number == 1 else f'-{number}'}" for number in numbers(1))
    paths = (folder / f"{one}.snapshot.json" for one in names)
    return next(path for path in paths if not path.exists())
