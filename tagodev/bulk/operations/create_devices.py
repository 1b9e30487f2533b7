"""Making devices: not idempotent, so each must be known again if its answer is lost.

A device is known again by one of three marks, as the caller chooses:

- a *tag* written at its creation, whose key names the run and whose value the row: unique by
  construction, and one listing by its key finds all of them;
- its *serial number*, which is unique within a profile, but takes one request each;
- its *name*; what was there before the row was sent is not taken for it.

In a journalled run names, or serial numbers, must be unique within the input: a row that repeats
that of an earlier row fails before anything is sent for it.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

import attrs
import orjson

from tagodev.bulk.claims import Claims
from tagodev.bulk.operations.base import Operation
from tagodev.bulk.operations.identity import Ambiguous, Found, Identity
from tagodev.bulk.outcomes import Created, Done
from tagodev.errors import InputError, NotFoundError, ResourceLimitError
from tagodev.hard_limits import MAX_TAGS_PER_DEVICE
from tagodev.models import UNSET, DeviceCreate, DeviceCreated, Tag
from tagodev.serialization.converter import StructureError, from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tagodev.bulk.operations.base import MakeRecord
    from tagodev.bulk.operations.identity import Finding
    from tagodev.bulk.work_item import WorkItem
    from tagodev.errors import TagoError
    from tagodev.models import Device, DeviceToken
    from tagodev.session import CallRecord

__all__ = [
    "TAG_PREFIX",
    "CreateDevices",
    "DeviceCalls",
    "can_be_of",
    "first_token",
    "made_by",
    "only_one",
    "plain_serial",
    "run_tag",
    "stops_creating",
]

#: Keys of the tags by which devices of a run are known again begin with this.
TAG_PREFIX: Final = "tagodev."
#: So many names are looked for one by one; more, with one listing of everything.
_FEW_NAMES: Final = 10
#: How far apart this machine's idea of the service's clock and the clock itself may be, in seconds.
_CLOCK_SLACK: Final = 5.0


def run_tag(run: str, index: int) -> Tag:
    """Return the tag that a device of a journalled run carries.

    Args:
        run: name of the run.
        index: which row, from 0.
    """
    return Tag(f"{TAG_PREFIX}{run}", str(index))


class DeviceCalls(Protocol):
    """What making devices needs of the service."""

    async def create(self, device: DeviceCreate, record: CallRecord) -> DeviceCreated:
        """Make a device."""
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
class CreateDevices(Operation[DeviceCreate]):
    """Make a device from each row."""

    calls: DeviceCalls
    """The way to the service."""
    identity: Identity = attrs.field(default="tag", kw_only=True)
    """By what a device is known again."""
    kind: ClassVar[str] = "create_devices"
    """Its name in journals."""
    resendable: ClassVar[bool] = False
    """Whether a row in doubt may simply be done again."""
    _marks: Claims = attrs.field(factory=Claims, init=False, repr=False, eq=False)
    _owned: Claims = attrs.field(factory=Claims, init=False, repr=False, eq=False)

    @property
    def uses_history(self) -> bool:
        """Whether rows are known by something that another row may have too."""
        return self.identity != "tag"

    def remember(self, index: int, item: DeviceCreate, result: bytes | None) -> None:
        """Note by what a row of an earlier process is known."""
        self._marks.take(self._mark_of(item), index)
        self._own(made_by(result), index)

    def _own(self, device_id: str, index: int) -> None:
        """Note that a row has made a device; one with a tag of its own is no other row's anyway."""
        if device_id and self.identity != "tag":
            self._owned.take(device_id, index)

    def _mark_of(self, device: DeviceCreate) -> str:
        if self.identity == "name":
            return device.name
        return "" if device.serie_number is UNSET else plain_serial(device.serie_number)

    def options(self) -> Mapping[str, Any]:
        """Return by what devices are known again."""
        return {"identity": self.identity}

    def decode(self, payload: bytes) -> DeviceCreate:
        """Read a device that was written down."""
        return from_json(payload, DeviceCreate)

    def result(self, done: Done) -> bytes | None:
        """Write down id and token."""
        assert isinstance(done, Created), "nothing else comes of making devices"
        return to_json(done.result)

    async def do(self, row: WorkItem[DeviceCreate]) -> Created:
        """Make the device, with its mark where the run is journalled."""
        device = self._marked(row) if row.run else row.item
        created = await self.calls.create(device, row.record)
        if row.run:
            self._own(created.device_id, row.index)
        return Created(row.index, row.item, result=created, attempts=row.record.attempts)

    def _marked(self, row: WorkItem[DeviceCreate]) -> DeviceCreate:
        device = row.item
        if self.identity == "serial" and device.serie_number is UNSET:
            raise InputError("is needed to know the device again", path="serie_number")
        if self.identity != "tag":
            owner = self._marks.take(self._mark_of(device), row.index)
            if owner != row.index:
                raise InputError(
                    f"is that of row {owner + 1} too, and devices are known by it",
                    path="name" if self.identity == "name" else "serie_number",
                )
            return device
        tags = () if device.tags is UNSET else device.tags
        if len(tags) >= MAX_TAGS_PER_DEVICE:
            raise InputError(
                f"{MAX_TAGS_PER_DEVICE} tags leave no place for the one that it is known by",
                path="tags",
                hint="Know it by its serial number or its name",
            )
        return attrs.evolve(device, tags=(*tags, run_tag(row.run, row.index)))

    async def find(
        self, rows: Sequence[WorkItem[DeviceCreate]], record: MakeRecord
    ) -> Mapping[int, Finding]:
        """Look for devices by their marks."""
        if self.identity == "tag":
            return await self._find_by_tag(rows, record)
        if self.identity == "serial":
            return {
                row.index: only_one(
                    device
                    for device in await self.calls.by_serial(str(row.item.serie_number), record)
                    if self._owned.is_free(device.id, row.index)
                )
                for row in rows
            }
        return await self._find_by_name(rows, record)

    async def _find_by_tag(
        self, rows: Sequence[WorkItem[DeviceCreate]], record: MakeRecord
    ) -> Mapping[int, Finding]:
        wanted = {row.index for row in rows}
        key = f"{TAG_PREFIX}{rows[0].run}"
        found: defaultdict[int, list[Device]] = defaultdict(list)
        for device in await self.calls.by_tag(key, record):
            for tag in device.tags:
                if tag.key == key and tag.value.isdecimal() and int(tag.value) in wanted:
                    found[int(tag.value)].append(device)
        return {index: only_one(devices) for index, devices in found.items()}

    async def _find_by_name(
        self, rows: Sequence[WorkItem[DeviceCreate]], record: MakeRecord
    ) -> Mapping[int, Finding]:
        found: defaultdict[str, list[Device]] = defaultdict(list)
        names: Iterable[str | None] = {row.item.name for row in rows}
        if len(rows) > _FEW_NAMES:
            names = (None,)
        for name in names:
            for device in await self.calls.by_name(name, record):
                found[device.name].append(device)
        return {
            row.index: only_one(
                device
                for device in found[row.item.name]
                if can_be_of(device, row) and self._owned.is_free(device.id, row.index)
            )
            for row in rows
        }

    async def adopt(self, row: WorkItem[DeviceCreate]) -> Created:
        """Take a device that was found for the row's own, and list its token."""
        assert row.found is not None, "only what was found is adopted"
        self._own(row.found.id, row.index)
        made = await first_token(self.calls, row.found.id, row.item, row.record)
        return Created(row.index, row.item, result=made, attempts=row.record.attempts, adopted=True)

    def stops(self, error: TagoError) -> bool:
        """Stop at the device cap, too."""
        return super().stops(error) or stops_creating(error)


def stops_creating(error: TagoError) -> bool:
    """Return whether an error is the device cap; a full tag list is the row's own affair."""
    if not isinstance(error, ResourceLimitError):
        return False
    return error.resource.casefold() in ("device", "devices")


async def first_token(
    calls: DeviceCalls, device_id: str, device: DeviceCreate, record: CallRecord
) -> DeviceCreated:
    """Return what the lost answer about a device would have said: its id and its first token.

    Raises:
        NotFoundError: it has no token any more.
    """
    tokens = await calls.tokens(device_id, record)
    serial = device.serie_number
    mine = tokens
    # A service may store a serial number in another spelling: one token can only be this one.
    if serial is not UNSET and len(tokens) > 1:
        plain = plain_serial(serial)
        mine = [token for token in tokens if plain_serial(token.serie_number or "") == plain]
    if not mine:
        raise NotFoundError(
            f"Device {device_id} was created, but its token no longer exists",
            hint="Create one for it",
            status=404,
            may_have_acted=True,
        )
    # The first is the one that came with the device.
    return DeviceCreated(device_id=device_id, token=mine[0].token)


def made_by(result: bytes | None) -> str:
    """Return the id of the device that a row has made, from its result; empty if there is none."""
    if result is None:
        return ""
    try:
        return from_json(result, DeviceCreated).device_id
    except (StructureError, orjson.JSONDecodeError):
        return ""


def plain_serial(serial: str) -> str:
    """Return a serial number without what services change: separators and letter case."""
    return "".join(filter(str.isalnum, serial)).casefold()


def only_one(devices: Iterable[Device]) -> Finding:
    """Return the one device that was found, nothing, or that there are several."""
    ids = tuple(dict.fromkeys(device.id for device in devices))
    if not ids:
        return None
    return Found(ids[0]) if len(ids) == 1 else Ambiguous(ids)


def can_be_of(device: Device, row: WorkItem[Any]) -> bool:
    """Return whether a device can have been made by a row, by when each was there.

    Args:
        device: one that is otherwise known to be the row's.
        row: what may have made it.
    """
    if device.created_at is None or row.since is None:
        return True
    return device.created_at >= datetime.fromtimestamp(row.since - _CLOCK_SLACK, UTC)
