"""The operation that creates devices, and their identification after a lost answer.

Creating a device is not idempotent. A device whose answer was lost is identified, as the caller
chooses, by

- a *tag* written at its creation, whose key is the run and whose value the item: unique by
  construction, and one listing by its key finds all of them;
- its *serial number*, which is unique within a profile, but takes one request each;
- its *name*; a device that existed before the item was sent does not match.

In a journalled run names, or serial numbers, must be unique within the input: an item with the name
or number of an earlier one fails before it is sent.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from tagodev._bulk.claims import Claims
from tagodev._bulk.operations.base import CreatingOperation, Item
from tagodev._bulk.operations.identity import Ambiguous, Found, Identity
from tagodev._bulk.outcomes import Created
from tagodev._models import UNSET, DeviceCreate, DeviceCreated, Tag
from tagodev.errors import InputError, NotFoundError, ResourceLimitError
from tagodev.hard_limits import MAX_TAGS_PER_DEVICE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tagodev._bulk.operations.base import MakeRecord
    from tagodev._bulk.operations.identity import Finding
    from tagodev._bulk.outcomes import Done
    from tagodev._bulk.work_item import WorkItem
    from tagodev._models import Device, DeviceToken
    from tagodev._session import CallRecord
    from tagodev.errors import TagoError

__all__ = [
    "TAG_PREFIX",
    "CreateDevices",
    "DeviceCalls",
    "DeviceCreation",
    "plain_serial",
    "run_tag",
]

#: Prefix of the tag keys that identify devices of a run.
TAG_PREFIX: Final = "tagodev."
#: Up to this many names are searched for one by one; more, with one listing of everything.
_FEW_NAMES: Final = 10
#: The assumed error of the estimate of the service's clock, in seconds.
_CLOCK_SLACK: Final = 5.0
#: The resources of a full profile, in lower case.
_DEVICE_CAP: Final = ("device", "devices")


def run_tag(run: str, index: int) -> Tag:
    """Return the tag of a device of a journalled run.

    Args:
        run: id of the run.
        index: the index of the item, from 0.
    """
    return Tag(f"{TAG_PREFIX}{run}", str(index))


class DeviceCalls(Protocol):
    """The requests that create and find devices."""

    async def create(self, device: DeviceCreate, record: CallRecord) -> DeviceCreated:
        """Create a device."""
        ...

    async def by_tag(self, key: str, record: MakeRecord) -> list[Device]:
        """Return all devices that carry a tag with this key, the oldest first."""
        ...

    async def by_serial(self, serial: str, record: MakeRecord) -> list[Device]:
        """Return the devices one of whose tokens carries a serial number."""
        ...

    async def by_name(self, name: str | None, record: MakeRecord) -> list[Device]:
        """Return the devices of this name; None for all devices."""
        ...

    async def tokens(self, device_id: str, record: CallRecord) -> list[DeviceToken]:
        """Return the tokens of a device, the oldest first."""
        ...


@attrs.frozen
class DeviceCreation(CreatingOperation[Item]):
    """An operation that creates devices, and finds and adopts those whose answer was lost."""

    calls: DeviceCalls
    """The requests."""
    created = "device_id"
    route = "POST /device"
    has_tokens = True

    async def find_by_serial(
        self, serials: Mapping[int, object], record: MakeRecord
    ) -> dict[int, Finding]:
        """Search for the devices of items by their serial numbers."""
        return {
            index: _only_one(
                device
                for device in await self.calls.by_serial(str(serial), record)
                if self.is_free(device.id, index)
            )
            for index, serial in serials.items()
        }

    def match(self, work: WorkItem[Item], devices: Iterable[Device]) -> Finding:
        """Return which of the devices with an item's identity the item has created."""
        return _only_one(
            device
            for device in devices
            if _can_be_of(device, work) and self.is_free(device.id, work.index)
        )

    async def adopt_device(self, work: WorkItem[Item], device: DeviceCreate) -> DeviceCreated:
        """Use a device that was found as the item's own, and list its token.

        Args:
            work: the item.
            device: the device to create.

        Raises:
            NotFoundError: it has no token any more.
        """
        assert work.found is not None, "only found devices are adopted"
        self.own(work.found.id, work.index)
        return await _first_token(self.calls, work.found.id, device, work.record)

    def stops(self, error: TagoError) -> bool:
        """Return whether an error stops the run: the device cap does, too."""
        # A full tag list affects one item only.
        cap = isinstance(error, ResourceLimitError) and error.resource.casefold() in _DEVICE_CAP
        return cap or super().stops(error)


@attrs.frozen
class CreateDevices(DeviceCreation[DeviceCreate]):
    """Creates a device from each item."""

    identity: Identity = attrs.field(default="tag", kw_only=True)
    """The identity of devices."""
    kind = "create_devices"
    stored = ("identity",)
    method = "devices.create_many"
    item_type = DeviceCreate
    outcome = Created
    noun = "devices"
    _marks: Claims = attrs.field(factory=Claims, init=False, repr=False, eq=False)

    @property
    def uses_history(self) -> bool:
        """Whether another item may have the same identity."""
        return self.identity != "tag"

    def remember(self, index: int, item: DeviceCreate, result: bytes | None) -> None:
        """Record the identity of an item of an earlier process, and what it has created."""
        self._marks.take(self._mark_of(item), index)
        super().remember(index, item, result)

    def own(self, created: str, index: int) -> None:
        """Record that an item has created a device; a tag needs no claim."""
        if self.identity != "tag":
            super().own(created, index)

    def _mark_of(self, device: DeviceCreate) -> str:
        if self.identity == "name":
            return device.name
        return "" if device.serie_number is UNSET else plain_serial(device.serie_number)

    async def do(self, work: WorkItem[DeviceCreate]) -> Done:
        """Create the device, with its tag if the run is journalled."""
        device = self._marked(work) if work.run else work.item
        created = await self.calls.create(device, work.record)
        if work.run:
            self.own(created.device_id, work.index)
        return self.done(work, result=created)

    def _marked(self, work: WorkItem[DeviceCreate]) -> DeviceCreate:
        device = work.item
        if self.identity == "serial" and device.serie_number is UNSET:
            raise InputError("is needed to identify the device", path="serie_number")
        if self.identity != "tag":
            owner = self._marks.take(self._mark_of(device), work.index)
            if owner != work.index:
                raise InputError(
                    f"is used by row {owner + 1} too, but must be unique to identify devices",
                    path="name" if self.identity == "name" else "serie_number",
                )
            return device
        tags = () if device.tags is UNSET else device.tags
        if len(tags) >= MAX_TAGS_PER_DEVICE:
            raise InputError(
                f"{MAX_TAGS_PER_DEVICE} tags leave no space for the tag that identifies the device",
                path="tags",
                hint="Pass identity='serial' or identity='name'",
            )
        return attrs.evolve(device, tags=(*tags, run_tag(work.run, work.index)))

    async def find(
        self, items: Sequence[WorkItem[DeviceCreate]], record: MakeRecord
    ) -> Mapping[int, Finding]:
        """Search for devices by their identity."""
        if self.identity == "tag":
            return await self._find_by_tag(items, record)
        if self.identity == "serial":
            serials = {work.index: work.item.serie_number for work in items}
            return await self.find_by_serial(serials, record)
        return await self._find_by_name(items, record)

    async def _find_by_tag(
        self, items: Sequence[WorkItem[DeviceCreate]], record: MakeRecord
    ) -> Mapping[int, Finding]:
        new = {work.index for work in items}
        key = f"{TAG_PREFIX}{items[0].run}"
        found: defaultdict[int, list[Device]] = defaultdict(list)
        for device in await self.calls.by_tag(key, record):
            for tag in device.tags:
                if tag.key == key and tag.value.isdecimal() and int(tag.value) in new:
                    found[int(tag.value)].append(device)
        return {index: _only_one(devices) for index, devices in found.items()}

    async def _find_by_name(
        self, items: Sequence[WorkItem[DeviceCreate]], record: MakeRecord
    ) -> Mapping[int, Finding]:
        found: defaultdict[str, list[Device]] = defaultdict(list)
        names: Iterable[str | None] = {work.item.name for work in items}
        if len(items) > _FEW_NAMES:
            names = (None,)
        for name in names:
            for device in await self.calls.by_name(name, record):
                found[device.name].append(device)
        return {work.index: self.match(work, found[work.item.name]) for work in items}

    async def adopt(self, work: WorkItem[DeviceCreate]) -> Done:
        """Use a device that was found as the item's own, and list its token."""
        made = await self.adopt_device(work, work.item)
        return self.done(work, result=made, adopted=True)


async def _first_token(
    calls: DeviceCalls, device_id: str, device: DeviceCreate, record: CallRecord
) -> DeviceCreated:
    """Return the result of a lost answer: the device's id and its first token.

    Raises:
        NotFoundError: it has no token any more.
    """
    tokens = await calls.tokens(device_id, record)
    serial = device.serie_number
    matching = tokens
    # The service may store a serial number in another spelling: a single token is the right one.
    if serial is not UNSET and len(tokens) > 1:
        plain = plain_serial(serial)
        matching = [token for token in tokens if plain_serial(token.serie_number or "") == plain]
    if not matching:
        raise NotFoundError(
            f"Device {device_id} was created, but its token no longer exists",
            hint="Create one with tago.tokens.create",
            status=404,
            may_have_acted=True,
        )
    # The first is the one created with the device.
    return DeviceCreated(device_id=device_id, token=matching[0].token)


def plain_serial(serial: str) -> str:
    """Return a serial number without what the service changes: separators and letter case."""
    return "".join(filter(str.isalnum, serial)).casefold()


def _only_one(devices: Iterable[Device]) -> Finding:
    """Return the one device that was found, None, or that there are several."""
    ids = tuple(dict.fromkeys(device.id for device in devices))
    if not ids:
        return None
    return Found(ids[0]) if len(ids) == 1 else Ambiguous(ids)


def _can_be_of(device: Device, work: WorkItem[Any]) -> bool:
    """Return whether an item can have created a device, by their times.

    Args:
        device: one with the item's identity.
        work: the item.
    """
    if device.created_at is None or work.since is None:
        return True
    return device.created_at >= datetime.fromtimestamp(work.since - _CLOCK_SLACK, UTC)
