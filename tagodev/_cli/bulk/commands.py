"""The commands ``tagodev bulk create``, ``delete``, ``edit`` and ``rotate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tagodev._bulk.operations.identity import Identity
from tagodev._cli.bulk.new_devices import check_new_devices
from tagodev._cli.bulk.operations import create_spec, delete_spec, edit_spec, rotate_spec
from tagodev._cli.bulk.run_command import RunCommand, RunCommandOptions
from tagodev._cli.commands.tokens import ROTATION_WARNING
from tagodev._cli.options.confirmation import (
    ConfirmationOptions,
    DryRunOption,
    SaveFirstOption,
    SnapshotOptions,
    saving_to,
)
from tagodev._cli.output.console import print_message
from tagodev._cli.output.text import plural
from tagodev.errors import InputError
from tagodev.provision._read.devices import read_devices
from tagodev.provision._read.existing_devices import (
    read_device_changes,
    read_device_ids,
    read_rotations,
)

if TYPE_CHECKING:
    from tagodev.provision._read.devices import RowFile

__all__ = ["create", "delete", "edit", "rotate"]

_RESULTS: Final = ".results"


def create(
    file: Path,
    /,
    *,
    options: RunCommandOptions = RunCommandOptions(),
    journal: Path | None = None,
    identity: Identity | None = None,
    out: Path | None = None,
) -> int:
    """Create a device for every row, as fast as the rate limits allow.

    FILE is CSV with a header, JSON, JSON Lines, YAML or Excel. Columns: name, type, network,
    connector, serie_number, active, visible, description, chunk_period, chunk_retention, tag.KEY,
    param.KEY; an empty cell is not sent. The whole file is checked before anything is sent.

    The results (row, name, device_id, token, status, error) are written row by row and contain the
    devices' tokens: only you can read the file, and an existing file is never overwritten.

    With --journal each device is created exactly once, even if the run is interrupted. The results
    are then written when the run ends, contain every row of the journal, and replace only earlier
    results of the same journal.

    Args:
        journal: Store the run in this file, so that the same command, or tagodev bulk resume
            JOURNAL, resumes it after an interruption.
        identity: With --journal: find a device whose answer was lost by a tag created for it
            (default), its serial number or its name.
        out: Write the results here; default: FILE's name with .results.csv.
    """
    if identity is not None and journal is None:
        raise InputError("requires --journal", path="--identity")
    rows = read_devices(file)
    check_new_devices(rows, None if journal is None else identity or "tag")
    return RunCommand(
        make_spec=lambda: create_spec(rows, identity=identity or "tag"),
        file=file,
        options=options,
        journal=journal,
        out=out or Path(f"{file.stem}{_RESULTS}.csv"),
    ).carry_out()


def delete(
    file: Path,
    /,
    *,
    options: RunCommandOptions = RunCommandOptions(),
    journal: Path | None = None,
    confirmation: ConfirmationOptions = ConfirmationOptions(),
    saving: SnapshotOptions = SnapshotOptions(),
    out: Path | None = None,
) -> int:
    """Delete the devices of a file, with all their data.

    FILE is as for bulk create, with a column device_id or id, such as the results of bulk create.
    Rows without an id are skipped. A device that does not exist counts as deleted.

    The command shows the devices, asks you to type their number, and writes a snapshot. tagodev
    apply SNAPSHOT creates them again with new ids and tokens, and without their data.

    Args:
        journal: Store the run in this file, so that the same command, or tagodev bulk resume
            JOURNAL, resumes it after an interruption.
        out: Write the results here; default: FILE's name with .deleted.csv.
    """
    rows = read_device_ids(file)
    _print_skipped(rows, "without a device id")
    return RunCommand(
        make_spec=lambda: delete_spec(rows),
        file=file,
        options=options,
        journal=journal,
        out=out or _default_path(file, "deleted"),
        verb="delete",
        confirmation=confirmation,
        saving=saving,
        warning=saving.warning,
        remain=False,
    ).carry_out()


def edit(
    file: Path,
    /,
    *,
    options: RunCommandOptions = RunCommandOptions(),
    journal: Path | None = None,
    dry_run: DryRunOption = False,
    snapshot: SaveFirstOption = None,
    out: Path | None = None,
) -> int:
    """Edit the devices of a file.

    FILE is as for bulk create. Columns: device_id (or id), and the fields to change: name, network,
    connector, active, visible, description, chunk_retention, tag.KEY, param.KEY. An empty cell
    changes nothing.

    The tags of a row replace all tags of the device, including tags added during the run;
    parameters likewise. To add or change single tags, use tagodev apply or tagodev device edit.

    Args:
        journal: Store the run in this file, so that the same command, or tagodev bulk resume
            JOURNAL, resumes it after an interruption.
        out: Write the results here; default: FILE's name with .edited.csv.
    """
    rows = read_device_changes(file)
    _print_skipped(rows, "without changes")
    return RunCommand(
        make_spec=lambda: edit_spec(rows),
        file=file,
        options=options,
        journal=journal,
        out=out or _default_path(file, "edited"),
        verb="edit",
        confirmation=ConfirmationOptions(dry_run=dry_run),
        saving=saving_to(snapshot),
        ask=False,
    ).carry_out()


def rotate(
    file: Path,
    /,
    *,
    options: RunCommandOptions = RunCommandOptions(),
    journal: Path | None = None,
    allow_gap: bool = False,
    confirmation: ConfirmationOptions = ConfirmationOptions(),
    out: Path | None = None,
) -> int:
    """Replace the tokens of a file with new ones of the same name and permission.

    FILE is as for bulk create, with the columns device_id (or id) and token (the token to replace),
    such as the results of bulk create. Rows with neither are skipped; a row with an id but no token
    is an error, and nothing is sent.

    The command shows the tokens and asks you to type their number. It creates each new token and
    writes it to the journal before it deletes the old one.

    Args:
        journal: Store the run and the new tokens in this file, so that the same command resumes it;
            default: FILE's name with .rotation.journal.
        allow_gap: Delete a token with a serial number before creating its replacement, since two
            can't have the same number; the device has no token in between.
        out: Write the results here; default: FILE's name with .rotated.csv.
    """
    rows = read_rotations(file)
    _print_skipped(rows, "without a device and a token")
    return RunCommand(
        make_spec=lambda: rotate_spec(rows, allow_gap=allow_gap),
        file=file,
        options=options,
        journal=journal or _default_path(file, "rotation").with_suffix(".journal"),
        out=out or _default_path(file, "rotated"),
        verb="rotate",
        confirmation=confirmation,
        warning=ROTATION_WARNING,
        noun="token",
    ).carry_out()


def _default_path(file: Path, suffix: str) -> Path:
    """Return the default path of an output file: in the current folder."""
    return Path(f"{file.stem.removesuffix(_RESULTS)}.{suffix}.csv")


def _print_skipped(rows: RowFile[Any], reason: str) -> None:
    if rows.skipped:
        print_message(f"Skipped {plural(rows.skipped, 'row')} {reason}")
