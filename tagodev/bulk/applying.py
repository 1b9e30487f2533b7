"""Bringing a profile to what a file says: devices made, changed and deleted in one run.

A device that was made and whose answer was lost is known again by what the file itself knows its
devices by, among those that carry the mark of managed devices: no tag is needed besides.
Changes and deletions may be done again.

A profile holds so many devices and no more: what is deleted must be gone before anything is made,
also where many rows are in work at once.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

import attrs

from tagodev.bulk.creating import DeviceCalls, can_be_of, first_token, only_one, stops_creating
from tagodev.bulk.deleting import DeleteCalls, delete_device
from tagodev.bulk.editing import EditCalls, edit_device
from tagodev.bulk.operations import Operation
from tagodev.bulk.outcomes import Applied, Done
from tagodev.bulk.sending import ParameterCalls
from tagodev.errors import ConnectError
from tagodev.models import UNSET, DeviceEdit
from tagodev.models.steps import DeviceStep
from tagodev.serde import from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tagodev.bulk.finding import Finding
    from tagodev.bulk.operations import MakeRecord
    from tagodev.bulk.rows import Row
    from tagodev.errors import TagoError
    from tagodev.models import Device, DeviceCreate

__all__ = ["MANAGED_TAG", "ApplyCalls", "ApplySteps", "identity_of"]

#: Key of the tag that managed devices carry; its value is the name of what manages them.
MANAGED_TAG: Final = "tagodev_managed"


class ApplyCalls(DeviceCalls, DeleteCalls, EditCalls, ParameterCalls, Protocol):
    """What bringing a profile to a file needs of the service."""


def identity_of(device: Device | DeviceCreate, known_by: str) -> str | None:
    """Return what a device is known by; None if it does not have that.

    Args:
        device: on the service, or to be made.
        known_by: ``name``, or ``tag:KEY``. Serial numbers stand on tokens, not on devices.
    """
    if known_by == "name":
        return device.name
    key = known_by.removeprefix("tag:")
    tags = () if device.tags is UNSET else device.tags
    values = [tag.value for tag in tags if tag.key == key]
    return values[0] if values else None


class _Deletions:
    """Lets nobody by while devices are being deleted."""

    def __init__(self) -> None:
        self._going: set[int] = set()
        self._gone = asyncio.Event()
        self._gone.set()

    def begin(self, index: int) -> None:
        self._going.add(index)
        self._gone.clear()

    def end(self, index: int) -> None:
        self._going.discard(index)
        if not self._going:
            self._gone.set()

    async def over(self) -> None:
        await self._gone.wait()


@attrs.frozen
class ApplySteps(Operation[DeviceStep]):
    """Make, change or delete the device of each step."""

    calls: ApplyCalls
    """The way to the service."""
    known_by: str = attrs.field(default="name", kw_only=True)
    """By what a device is known: ``name``, ``tag:KEY`` or ``serial``."""
    kind: ClassVar[str] = "apply_devices"
    """Its name in journals."""
    resendable: ClassVar[bool] = False
    """Whether a row in doubt may simply be done again."""
    _deletions: _Deletions = attrs.field(factory=_Deletions, init=False, repr=False, eq=False)

    def options(self) -> Mapping[str, Any]:
        """Return by what devices are known."""
        return {"known_by": self.known_by}

    def decode(self, payload: bytes) -> DeviceStep:
        """Read a step that was written down."""
        return from_json(payload, DeviceStep)

    def result(self, done: Done) -> bytes | None:
        """Write down id and token of a device that was made."""
        assert isinstance(done, Applied), "nothing else comes of steps"
        return None if done.result is None else to_json(done.result)

    async def do(self, row: Row[DeviceStep]) -> Applied:
        """Do the step; devices are made once those are gone that were to be deleted before."""
        step, record = row.item, row.record
        made = None
        if step.create is not None:
            await self._deletions.over()
            made = await self.calls.create(step.create, record)
        elif step.delete:
            await self._delete(row)
        if not (step.edit is None and step.tags is None):
            edit = step.edit or DeviceEdit()
            await edit_device(self.calls, step.device_id, edit, step.tags, record)
        if step.parameters:
            await self.calls.set_parameters(step.device_id, step.parameters, record)
        return Applied(row.index, step, result=made, attempts=record.attempts)

    async def _delete(self, row: Row[DeviceStep]) -> None:
        # Rows come in their order: what is to be deleted is in work before anything is made.
        self._deletions.begin(row.index)
        over = True
        try:
            await delete_device(self.calls, row.item.device_id, row.record)
        except ConnectError:
            # It is tried again after a pause, unless an earlier attempt makes it doubtful.
            over = row.in_doubt
            raise
        finally:
            if over:
                self._deletions.end(row.index)

    async def find(
        self, rows: Sequence[Row[DeviceStep]], record: MakeRecord
    ) -> Mapping[int, Finding]:
        """Look for devices that were made; other steps are done again."""
        making = [row for row in rows if row.item.create is not None]
        if not making:
            return {}
        if self.known_by == "serial":
            return {
                row.index: only_one(
                    await self.calls.by_serial(str(_created(row).serie_number), record)
                )
                for row in making
            }
        known: defaultdict[tuple[str | None, str | None], list[Device]] = defaultdict(list)
        for there in await self.calls.by_tag(MANAGED_TAG, record):
            known[self._mark_and_identity(there)].append(there)
        return {
            row.index: only_one(
                device
                for device in known.get(self._mark_and_identity(_created(row)), ())
                if can_be_of(device, row)
            )
            for row in making
        }

    def _mark_and_identity(self, device: Device | DeviceCreate) -> tuple[str | None, str | None]:
        return identity_of(device, f"tag:{MANAGED_TAG}"), identity_of(device, self.known_by)

    async def adopt(self, row: Row[DeviceStep]) -> Applied:
        """Take a device that was found for the step's own, and list its token."""
        assert row.found is not None, "only what was found is adopted"
        made = await first_token(self.calls, row.found.id, _created(row), row.record)
        return Applied(row.index, row.item, result=made, attempts=row.record.attempts, adopted=True)

    def stops(self, error: TagoError) -> bool:
        """Stop at the device cap, too."""
        return super().stops(error) or stops_creating(error)


def _created(row: Row[DeviceStep]) -> DeviceCreate:
    assert row.item.create is not None, "only new devices are looked for"
    return row.item.create
