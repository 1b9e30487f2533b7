"""The operation of an apply: creates, edits and deletes devices in one run.

A created device whose answer was lost is found among the managed devices by the identity that the
file uses; it needs no further tag.
Edits and deletions may be sent again.

A profile holds a limited number of devices, so deletions are a separate phase: no device is created
or edited before each deletion ahead of it is finished, also those in doubt.
Steps on one device are done one after another, and so are steps that create devices which could not
be distinguished after a lost answer.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, Protocol

import attrs

from tagodev._bulk.operations.create_devices import DeviceCalls, DeviceCreation, plain_serial
from tagodev._bulk.operations.delete_devices import DeleteCalls, delete_device
from tagodev._bulk.operations.edit_devices import EditCalls, edit_device
from tagodev._bulk.operations.parameters_and_data import ParameterCalls
from tagodev._bulk.outcomes import Applied
from tagodev._models import UNSET, DeviceEdit
from tagodev._models.changes import ApplyStep

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from tagodev._bulk.operations.base import MakeRecord
    from tagodev._bulk.operations.identity import Finding
    from tagodev._bulk.outcomes import Done
    from tagodev._bulk.work_item import WorkItem
    from tagodev._models import Device, DeviceCreate

__all__ = ["MANAGED_TAG", "ApplyCalls", "ApplySteps", "identity_of"]

#: Key of the tag of managed devices; its value is the name of their manager.
MANAGED_TAG: Final = "tagodev_managed"


class ApplyCalls(DeviceCalls, DeleteCalls, EditCalls, ParameterCalls, Protocol):
    """The requests of an apply."""


def identity_of(device: Device | DeviceCreate, known_by: str) -> str | None:
    """Return the identity of a device; None if it has none.

    Args:
        device: a device of the service, or one to create.
        known_by: ``name``, or ``tag:KEY``. Serial numbers are stored on tokens, not on devices.
    """
    if known_by == "name":
        return device.name
    key = known_by.removeprefix("tag:")
    tags = () if device.tags is UNSET else device.tags
    values = [tag.value for tag in tags if tag.key == key]
    return values[0] if values else None


@attrs.frozen
class ApplySteps(DeviceCreation[ApplyStep]):
    """Creates, edits or deletes the device of each step."""

    calls: ApplyCalls
    """The requests."""
    known_by: str = attrs.field(default="name", kw_only=True)
    """The identity of devices: ``name``, ``tag:KEY`` or ``serial``."""
    kind = "apply_devices"
    stored = ("known_by",)
    method = "devices.apply_many"
    item_type = ApplyStep
    outcome = Applied
    noun = "steps"

    def phase(self, item: ApplyStep) -> int:
        """Return 0 for deletions, 1 for everything else."""
        return 0 if item.delete else 1

    def resource(self, item: ApplyStep) -> Hashable:
        """Return the device; of one to create, its identity."""
        return item.device_id if item.create is None else self._known_as(item.create)

    def can_find(self, item: ApplyStep) -> bool:
        """Return whether the step creates a device: only those are searched for."""
        return item.create is not None

    async def do(self, work: WorkItem[ApplyStep]) -> Done:
        """Do the step."""
        step, record = work.item, work.record
        made = None
        if step.create is not None:
            made = await self.calls.create(step.create, record)
            if work.run:
                self.own(made.device_id, work.index)
        elif step.delete:
            await delete_device(self.calls, step.device_id, record)
        if not (step.edit is None and step.tags is None):
            edit = step.edit or DeviceEdit()
            await edit_device(self.calls, step.device_id, edit, step.tags, record)
        if step.parameters:
            await self.calls.set_parameters(step.device_id, step.parameters, record)
        return self.done(work, result=made)

    async def find(
        self, items: Sequence[WorkItem[ApplyStep]], record: MakeRecord
    ) -> Mapping[int, Finding]:
        """Search for created devices; other steps are sent again."""
        making = [work for work in items if work.item.create is not None]
        if not making:
            return {}
        if self.known_by == "serial":
            serials = {work.index: _created(work).serie_number for work in making}
            return await self.find_by_serial(serials, record)
        known: defaultdict[tuple[str | None, str | None], list[Device]] = defaultdict(list)
        for device in await self.calls.by_tag(MANAGED_TAG, record):
            known[self._mark_and_identity(device)].append(device)
        return {
            work.index: self.match(work, known.get(self._mark_and_identity(_created(work)), ()))
            for work in making
        }

    def _mark_and_identity(self, device: Device | DeviceCreate) -> tuple[str | None, str | None]:
        return identity_of(device, f"tag:{MANAGED_TAG}"), identity_of(device, self.known_by)

    def _known_as(self, device: DeviceCreate) -> Hashable:
        if self.known_by == "serial":
            return plain_serial(str(device.serie_number))
        return self._mark_and_identity(device)

    async def adopt(self, work: WorkItem[ApplyStep]) -> Done:
        """Use a device that was found as the step's own, and list its token."""
        made = await self.adopt_device(work, _created(work))
        return self.done(work, result=made, adopted=True)


def _created(work: WorkItem[ApplyStep]) -> DeviceCreate:
    assert work.item.create is not None, "only created devices are searched for"
    return work.item.create
