"""Changes that recent runs of this user made to a profile, from their journals.

The service's lists may lag behind its writes: a new device may be missing, a deleted one still
listed. A plan from the list alone would create the new device again.
The maximum lag is not documented; `RECENT` is an assumption.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from tagodev._bulk.journal.entry import EntryState
from tagodev._bulk.journal.store import Journal
from tagodev._bulk.operations.apply_steps import ApplySteps
from tagodev._bulk.operations.create_devices import CreateDevices
from tagodev._bulk.operations.delete_devices import DeleteDevices
from tagodev._bulk.run_registry import known_runs
from tagodev.errors import TagoError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagodev._address import Target
    from tagodev._bulk.journal.entry import JournalEntry

__all__ = ["RECENT", "RecentChanges", "recent_changes"]

#: Seconds after which a list shows a write (an assumption).
RECENT: Final = 300.0
_KINDS: Final = (ApplySteps.kind, CreateDevices.kind, DeleteDevices.kind)


@attrs.frozen
class RecentChanges:
    """Devices that were recently created and deleted."""

    created: frozenset[str] = frozenset()
    """Ids of devices that were created and not deleted since."""
    deleted: frozenset[str] = frozenset()
    """Ids of devices that were deleted."""


def recent_changes(target: Target, *, seconds: float = RECENT) -> RecentChanges:
    """Return the devices of a profile that journaled runs of this user recently changed.

    Args:
        target: the profile.
        seconds: age of the oldest change, by the clock of this machine.
    """
    since = time.time() - seconds
    created: set[str] = set()
    deleted: set[str] = set()
    for record in known_runs(since):
        if record.service != target.service:
            continue
        # Damaged and deleted journals are skipped.
        with suppress(TagoError), Journal.read(Path(record.path)) as journal:
            if journal.info.kind in _KINDS and journal.target.is_other_profile(target) is False:
                for entry in journal.finished_since(since):
                    created.update(_created(entry))
                    deleted.update(_deleted(entry, journal.info.kind))
    return RecentChanges(frozenset(created - deleted), frozenset(deleted))


def _created(entry: JournalEntry) -> Iterator[str]:
    device_id = entry.given().get("device_id") if entry.state is EntryState.DONE else None
    if isinstance(device_id, str):
        yield device_id


def _deleted(entry: JournalEntry, kind: str) -> Iterator[str]:
    if entry.state is not EntryState.DONE:
        return
    item = entry.item()
    if kind == DeleteDevices.kind and isinstance(item, str):
        yield item
    elif isinstance(item, dict) and item.get("delete") and isinstance(item.get("device_id"), str):
        yield item["device_id"]
