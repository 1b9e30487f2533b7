"""Removal of the tags that identify the devices of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from tagodev._bulk.journal.entry import EntryState
from tagodev._bulk.operations.create_devices import TAG_PREFIX, CreateDevices
from tagodev._bulk.operations.edit_devices import EditDevices
from tagodev._bulk.outcomes import Edited, Failed, InDoubt, Pending
from tagodev._cli.bulk.execution import Interrupt, RunView, Summary, follow
from tagodev._cli.bulk.journal_status import resume_command
from tagodev._cli.bulk.summary import PrintedSummary, cost_text
from tagodev._cli.exit_codes import Exit
from tagodev._cli.output.console import print_message
from tagodev._cli.output.display import open_display
from tagodev._cli.output.text import plural
from tagodev._models import DeviceChange, DeviceEdit, DeviceFilter, TagChanges, TagFilter
from tagodev.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tagodev._bulk.journal.store import Journal
    from tagodev._bulk.outcomes import Outcome
    from tagodev._client import Tago

__all__ = ["Untagged", "check_untag", "remove_tags"]


@attrs.frozen(kw_only=True)
class Untagged(PrintedSummary):
    """The summary of ``tagodev bulk untag``."""

    journal: Path
    """The journal of the run."""
    tag: str
    """The key of the tags."""
    devices: int
    """How many devices had the tag."""
    summary: Summary
    """The figures of the run that removed the tags."""
    removed: int
    """How many devices no longer have the tag."""

    def as_json(self) -> dict[str, Any]:
        """Return the summary as a JSON object."""
        stopped = self.summary.stopped
        return {
            "journal": str(self.journal),
            "tag": self.tag,
            "devices": self.devices,
            "untagged": self.removed,
            "throttled": self.summary.throttled,
            "elapsed_s": round(self.summary.elapsed, 3),
            "stopped": None if stopped is None else str(stopped),
        }

    def lines(self) -> Iterator[str]:
        """Yield the summary as lines of text."""
        if not self.devices:
            yield f"No device has the tag {self.tag}"
            return
        yield (
            f"Tag {self.tag} removed from {self.removed} of {self.devices} devices "
            f"{cost_text(self.summary.elapsed, self.summary.throttled)}"
        )

    def code(self) -> Exit:
        """Return the exit code."""
        left = self.devices - self.removed
        code = self.summary.exit_code({Pending.status: left})
        return code or (Exit.PARTIAL if left else Exit.OK)


def check_untag(journal: Journal) -> None:
    """Check that a run tagged its devices, and no longer needs the tags.

    Args:
        journal: the journal of the run.

    Raises:
        JournalError: the run did not tag devices, or still needs the tags.
    """
    info = journal.info
    if info.kind != CreateDevices.kind or info.options.get("identity") != "tag":
        raise JournalError("this run did not tag any devices", journal=str(journal.path))
    lost = journal.counts().get(EntryState.SENT, 0)
    if lost:
        raise JournalError(
            f"the run still needs its tags: {plural(lost, 'row')} in doubt",
            journal=str(journal.path),
            hint=f"Resume the run first: {resume_command(journal.path)}",
        )


async def remove_tags(tago: Tago, journal: Journal) -> Untagged:
    """Remove the tag of a run from all devices that have it.

    Args:
        tago: a client that is not open yet.
        journal: the journal of the run.
    """
    key = f"{TAG_PREFIX}{journal.info.run}"
    interrupt = Interrupt()
    removed = 0

    def count(outcome: Outcome) -> None:
        nonlocal removed
        if isinstance(outcome, Edited):
            removed += 1
        elif isinstance(outcome, (Failed, InDoubt)):
            print_message(f"Device {outcome.item.device_id}: {outcome.error}")

    with interrupt.handle_signals():
        async with tago:
            changes = await _changes(tago, key)
            with open_display("untagged", len(changes)) as display:
                view = RunView(display=display, route=EditDevices.route, rows=len(changes))
                edits = tago.devices.edit_many(changes)
                summary = await follow(tago, edits, view, interrupt, count)
    return Untagged(
        journal=journal.path, tag=key, devices=len(changes), summary=summary, removed=removed
    )


async def _changes(tago: Tago, key: str) -> list[DeviceChange]:
    # List all devices first: removing a tag takes a device out of the list and shifts its pages.
    devices = tago.devices.list(
        filter=DeviceFilter(tags=[TagFilter(key)]), fields=("tags",), order_by="created_at,asc"
    )
    return [
        DeviceChange(device.id, DeviceEdit(), tags=TagChanges(remove=[key]))
        for device in await devices.complete()
        if any(tag.key == key for tag in device.tags)
    ]
