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
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

import attrs

from tagodev.bulk.claims import Claims
from tagodev.bulk.operations.base import Operation
from tagodev.bulk.operations.create_devices import (
    DeviceCalls,
    can_be_of,
    first_token,
    made_by,
    only_one,
    plain_serial,
    stops_creating,
)
from tagodev.bulk.operations.delete_devices import DeleteCalls, delete_device
from tagodev.bulk.operations.edit_devices import EditCalls, edit_device
from tagodev.bulk.operations.parameters_and_data import ParameterCalls
from tagodev.bulk.outcomes import Applied, Done
from tagodev.models import UNSET, DeviceEdit
from tagodev.models.changes import ApplyStep
from tagodev.serialization.converter import from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from tagodev.bulk.operations.base import MakeRecord
    from tagodev.bulk.operations.identity import Finding
    from tagodev.bulk.work_item import WorkItem
    from tagodev.errors import TagoError
    from tagodev.models import Device, DeviceCreate

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
class ApplySteps(Operation[ApplyStep]):
    """Creates, edits or deletes the device of each step."""

    calls: ApplyCalls
    """The requests."""
    known_by: str = attrs.field(default="name", kw_only=True)
    """The identity of devices: ``name``, ``tag:KEY`` or ``serial``."""
    kind: ClassVar[str] = "apply_devices"
    """Name of the operation in journals."""
    resendable: ClassVar[bool] = False
    """Whether an item in doubt may be sent again without a search."""
    _owned: Claims = attrs.field(factory=Claims, init=False, repr=False, eq=False)

    def phase(self, item: ApplyStep) -> int:
        """Return 0 for deletions, 1 for everything else."""
        return 0 if item.delete else 1

    def resource(self, item: ApplyStep) -> Hashable:
        """Return the device; of one to create, its identity."""
        return item.device_id if item.create is None else self._known_as(item.create)

    def can_find(self, item: ApplyStep) -> bool:
        """Return whether the step creates a device: only those are searched for."""
        return item.create is not None

    @property
    def uses_history(self) -> bool:
        """True: a device that one step has created is not found for another one."""
        return True

    def remember(self, index: int, item: ApplyStep, result: bytes | None) -> None:
        """Record the device that a step has created."""
        del item
        self._own(made_by(result), index)

    def _own(self, device_id: str, index: int) -> None:
        if device_id:
            self._owned.take(device_id, index)

    def options(self) -> Mapping[str, Any]:
        """Return the identity of devices."""
        return {"known_by": self.known_by}

    def decode(self, payload: bytes) -> ApplyStep:
        """Decode a step from the journal."""
        return from_json(payload, ApplyStep)

    def result(self, done: Done) -> bytes | None:
        """Encode id and token of a created device."""
        assert isinstance(done, Applied), "steps have this outcome"
        return None if done.result is None else to_json(done.result)

    async def do(self, work: WorkItem[ApplyStep]) -> Applied:
        """Do the step."""
        step, record = work.item, work.record
        made = None
        if step.create is not None:
            made = await self.calls.create(step.create, record)
            if work.run:
                self._own(made.device_id, work.index)
        elif step.delete:
            await delete_device(self.calls, step.device_id, record)
        if not (step.edit is None and step.tags is None):
            edit = step.edit or DeviceEdit()
            await edit_device(self.calls, step.device_id, edit, step.tags, record)
        if step.parameters:
            await self.calls.set_parameters(step.device_id, step.parameters, record)
        return Applied(work.index, step, result=made, attempts=record.attempts)

    async def find(
        self, items: Sequence[WorkItem[ApplyStep]], record: MakeRecord
    ) -> Mapping[int, Finding]:
        """Search for created devices; other steps are sent again."""
        making = [work for work in items if work.item.create is not None]
        if not making:
            return {}
        if self.known_by == "serial":
            return {
                work.index: only_one(
                    device
                    for device in await self.calls.by_serial(
                        str(_created(work).serie_number), record
                    )
                    if self._owned.is_free(device.id, work.index)
                )
                for work in making
            }
        known: defaultdict[tuple[str | None, str | None], list[Device]] = defaultdict(list)
        for there in await self.calls.by_tag(MANAGED_TAG, record):
            known[self._mark_and_identity(there)].append(there)
        return {
            work.index: only_one(
                device
                for device in known.get(self._mark_and_identity(_created(work)), ())
                if can_be_of(device, work) and self._owned.is_free(device.id, work.index)
            )
            for work in making
        }

    def _mark_and_identity(self, device: Device | DeviceCreate) -> tuple[str | None, str | None]:
        return identity_of(device, f"tag:{MANAGED_TAG}"), identity_of(device, self.known_by)

    def _known_as(self, device: DeviceCreate) -> Hashable:
        if self.known_by == "serial":
            return plain_serial(str(device.serie_number))
        return self._mark_and_identity(device)

    async def adopt(self, work: WorkItem[ApplyStep]) -> Applied:
        """Use a device that was found as the step's own, and list its token."""
        assert work.found is not None, "only found devices are adopted"
        self._own(work.found.id, work.index)
        made = await first_token(self.calls, work.found.id, _created(work), work.record)
        return Applied(
            work.index, work.item, result=made, attempts=work.record.attempts, adopted=True
        )

    def stops(self, error: TagoError) -> bool:
        """Return whether an error stops the run; the device cap does, too."""
        return super().stops(error) or stops_creating(error)


def _created(work: WorkItem[ApplyStep]) -> DeviceCreate:
    assert work.item.create is not None, "only created devices are searched for"
    return work.item.create
