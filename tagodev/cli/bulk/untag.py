"""Removing the tags of a run from its devices, once nobody needs to know them by these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from tagodev.bulk.journal.entry import EntryState
from tagodev.bulk.operations.create_devices import TAG_PREFIX
from tagodev.bulk.outcomes import Edited, Failed, InDoubt
from tagodev.cli.bulk.execution import Interrupt, RunView, Summary, follow
from tagodev.cli.bulk.journal_status import resume_command
from tagodev.cli.exit_codes import Exit, exit_code
from tagodev.cli.output.console import say
from tagodev.cli.output.progress import open_display
from tagodev.errors import JournalError
from tagodev.models import DeviceChange, DeviceEdit, DeviceFilter, TagChanges, TagFilter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagodev.bulk.journal.store import Journal
    from tagodev.bulk.outcomes import Outcome
    from tagodev.client import Tago

__all__ = ["Untagged", "check_untag", "remove_tags"]


@attrs.frozen(kw_only=True)
class Untagged:
    """What became of the tags of a run."""

    tag: str
    """The key that they have."""
    devices: int
    """How many devices carried one."""
    summary: Summary
    """What became of the run that removed them."""
    removed: int
    """How many carry none any more."""

    def as_json(self) -> dict[str, Any]:
        """Return what a program is told."""
        stopped = self.summary.stopped
        return {
            "tag": self.tag,
            "devices": self.devices,
            "untagged": self.removed,
            "throttled": self.summary.throttled,
            "elapsed_s": round(self.summary.elapsed, 3),
            "stopped": None if stopped is None else str(stopped),
        }

    def lines(self) -> Iterator[str]:
        """Yield what a person is told."""
        if not self.devices:
            yield f"No device carries the tag {self.tag}"
            return
        yield (
            f"The tag {self.tag} removed from {self.removed} of {self.devices} devices "
            f"in {self.summary.elapsed:.1f} s, {self.summary.throttled} requests throttled"
        )

    def code(self) -> Exit:
        """Return the exit code."""
        if self.summary.stopped is not None:
            return exit_code(self.summary.stopped)
        if self.removed == self.devices:
            return Exit.OK
        return Exit.INTERRUPTED if self.summary.interrupted else Exit.PARTIAL


def check_untag(journal: Journal) -> None:
    """Make sure that a run has tagged devices, and needs their tags no longer.

    Args:
        journal: of the run.

    Raises:
        JournalError: it has not, or still does.
    """
    info = journal.info
    if info.kind != "create_devices" or info.options.get("identity") != "tag":
        raise JournalError("this run has not tagged any device", journal=str(journal.path))
    lost = journal.counts().get(EntryState.SENT, 0)
    if lost:
        raise JournalError(
            f"{lost} of its rows are in doubt, and only the tag tells whether they were done",
            journal=str(journal.path),
            hint=f"Finish it first: {resume_command(journal.path)}",
        )


async def remove_tags(tago: Tago, run: str) -> Untagged:
    """Remove the tags of a run from all devices that carry one.

    Args:
        tago: the client, not opened yet.
        run: name of the run.
    """
    key = f"{TAG_PREFIX}{run}"
    interrupt = Interrupt()
    removed = 0

    def take(outcome: Outcome) -> None:
        nonlocal removed
        if isinstance(outcome, Edited):
            removed += 1
        elif isinstance(outcome, (Failed, InDoubt)):
            say(f"Device {outcome.item.device_id}: {outcome.error}")

    with interrupt.watching():
        async with tago:
            changes = await _changes(tago, key)
            with open_display("untagged", len(changes)) as display:
                sight = RunView(display=display, route="PUT /device/:device_id", rows=len(changes))
                edits = tago.devices.edit_many(changes)
                summary = await follow(tago, edits, sight, interrupt, take)
    return Untagged(tag=key, devices=len(changes), summary=summary, removed=removed)


async def _changes(tago: Tago, key: str) -> list[DeviceChange]:
    # All of them first: a device that loses the tag leaves the list, and moves the others in it.
    devices = tago.devices.list(
        filter=DeviceFilter(tags=[TagFilter(key)]), fields=("tags",), order_by="created_at,asc"
    )
    return [
        DeviceChange(device.id, DeviceEdit(), tags=TagChanges(remove=[key]))
        for device in await devices.complete()
        if any(tag.key == key for tag in device.tags)
    ]
