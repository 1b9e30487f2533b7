"""Making a plan: reading the profile with few requests, and comparing it with a file.

Devices are known by what the file names them by.
By name or by a tag, one listing of the profile tells everything, a thousand devices a request.
A serial number stands on a device's token and is in no list, so knowing devices by it takes one
request a row; configuration parameters take one request for each device that the file gives any.
The plan says what it did not look at.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import attrs

from tagodev.bulk.applying import MANAGED_TAG, identity_of
from tagodev.errors import InputError, NotFoundError
from tagodev.hard_limits import DEVICE_CAPS
from tagodev.models import UNSET
from tagodev.provision.compare import TagMode, compare, created, deleted
from tagodev.provision.plans import Cost, Plan, PlannedStep, Slots
from tagodev.provision.together import each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tagodev.client import Tago
    from tagodev.models import ConfigurationParameter, Device
    from tagodev.provision.files import DeviceRow

__all__ = ["FIELDS", "Intent", "make_plan"]

#: What is compared, in one list request a thousand devices.
FIELDS: Final = (
    "id",
    "name",
    "tags",
    "type",
    "active",
    "visible",
    "description",
    "network",
    "connector",
    "chunk_period",
    "chunk_retention",
    "mutable_variable_regex",
    "payload_decoder",
)
_ORDER: Final = {"delete": 0, "change": 1, "create": 2, "blocked": 3}


def _known_by(_: object, __: attrs.Attribute[str], value: str) -> None:
    if value not in ("name", "serial", "id") and not (value.startswith("tag:") and value[4:]):
        raise InputError(
            f"is name, serial, id or tag:KEY, not {value!r}",
            path="known_by",
        )


def _named(_: object, __: attrs.Attribute[str], value: str) -> None:
    if not value.strip():
        raise InputError("must not be empty", path="manager")


@attrs.frozen(kw_only=True)
class Intent:
    """What a file stands for."""

    manager: str = attrs.field(validator=_named)
    """What the tag ``tagodev_managed`` of its devices says."""
    known_by: str = attrs.field(default="name", validator=_known_by)
    """By what its devices are known: ``name``, ``tag:KEY``, ``serial`` or ``id``."""
    prune: bool = False
    """Whether managed devices that it does not name are deleted."""
    tag_mode: TagMode = "merge"
    """Whether tags that it does not name stay."""


async def make_plan(
    tago: Tago,
    rows: Iterable[DeviceRow],
    intent: Intent,
    *,
    on_progress: Callable[[str, int], None] | None = None,
) -> Plan:
    """Return what would make a profile what a file says; nothing is changed.

    Args:
        tago: an open client.
        rows: the file's rows.
        intent: what the file stands for.
        on_progress: called now and then with what is read, and how many of it.

    Raises:
        InputError: two rows stand for the same device, or a row can't be told apart.
        RequestError: the profile could not be read.

    Example:
        ``plan = await make_plan(tago, read_devices("site.csv"), Intent(manager="site"))``
    """
    return await _Planner(tago, intent, on_progress or _silent).plan(list(rows))


def _silent(_: str, __: int) -> None:
    """Tell nobody."""


class _Planner:
    def __init__(self, tago: Tago, intent: Intent, tell: Callable[[str, int], None]) -> None:
        self._tago = tago
        self._intent = intent
        self._tell = tell

    async def plan(self, rows: list[DeviceRow]) -> Plan:
        keys = _keys_of(rows, self._intent)
        devices = await self._list()
        matches, steps = await self._match(rows, keys, devices)
        parameters = await self._read_parameters(matches)
        kept = 0
        for row, device in matches:
            if device is None:
                steps.append(created(row, self._intent.manager))
                continue
            step = compare(
                row,
                device,
                self._intent.manager,
                parameters=parameters.get(device.id),
                tag_mode=self._intent.tag_mode,
            )
            if step is None:
                kept += 1
            else:
                steps.append(step)
        if self._intent.prune:
            named = {device.id for _, device in matches if device is not None}
            steps += [deleted(one) for one in devices if self._is_left_over(one, named)]
        return self._sum_up(rows, steps, kept, len(devices))

    # --- reading -------------------------------------------------------------------------------

    async def _list(self) -> list[Device]:
        devices: list[Device] = []
        listing = self._tago.devices.list(fields=FIELDS, order_by="created_at,asc")
        async for page in listing.pages():
            devices += page
            self._tell("devices", len(devices))
        return devices

    async def _match(
        self, rows: list[DeviceRow], keys: list[str], devices: list[Device]
    ) -> tuple[list[tuple[DeviceRow, Device | None]], list[PlannedStep]]:
        """Return each row with its device, and steps for rows that match several."""
        known: Mapping[str, Sequence[Device]]
        if self._intent.known_by == "serial":
            known = await self._by_serial(keys, {device.id: device for device in devices})
        else:
            known = _index(devices, self._intent.known_by)
        matches, ambiguous = [], []
        for row, key in zip(rows, keys, strict=True):
            found = known.get(key, ())
            if len(found) > 1:
                ambiguous.append(_ambiguous(row, found, self._intent.known_by))
            else:
                matches.append((row, found[0] if found else None))
        return matches, ambiguous

    async def _by_serial(
        self, serials: list[str], listed: Mapping[str, Device]
    ) -> dict[str, list[Device]]:
        found: dict[str, list[Device]] = {}

        async def look(serial: str) -> None:
            there = await self._tago.devices.list(
                serial=serial, fields=("id",), lane="bulk"
            ).collect()
            # One made since the list was read is compared by what it was made with.
            found[serial] = [listed[one.id] for one in there if one.id in listed]
            self._tell("serial numbers", len(found))

        await each(look, serials)
        return found

    async def _read_parameters(
        self, matches: list[tuple[DeviceRow, Device | None]]
    ) -> dict[str, list[ConfigurationParameter]]:
        found: dict[str, list[ConfigurationParameter]] = {}

        async def look(device_id: str) -> None:
            try:
                found[device_id] = await self._tago.parameters.list(device_id, lane="bulk")
            except NotFoundError:
                found[device_id] = []
            self._tell("parameters of devices", len(found))

        await each(
            look,
            [
                device.id
                for row, device in matches
                if device is not None and row.device.configuration_params is not UNSET
            ],
        )
        return found

    def _is_left_over(self, device: Device, named: set[str]) -> bool:
        return device.id not in named and any(
            tag.key == MANAGED_TAG and tag.value == self._intent.manager for tag in device.tags
        )

    # --- summing up ----------------------------------------------------------------------------

    def _sum_up(
        self, rows: list[DeviceRow], steps: list[PlannedStep], kept: int, used: int
    ) -> Plan:
        steps.sort(key=lambda step: (_ORDER[step.action], step.line, step.device_id))
        costs = tuple(self._costs(steps))
        minute = self._tago.limits.documented.minute
        made = sum(step.action == "create" for step in steps)
        gone = sum(step.action == "delete" for step in steps)
        cap = next(
            (cap for plan, cap in DEVICE_CAPS.items() if plan == self._tago.limits.documented.name),
            None,
        )
        return Plan(
            steps=tuple(steps),
            kept=kept,
            known_by=self._intent.known_by,
            manager=self._intent.manager,
            costs=costs,
            seconds=sum(cost.seconds(minute) for cost in costs),
            slots=Slots(used=used, cap=cap, needed=made - gone),
            notes=tuple(self._notes(rows)),
        )

    def _costs(self, steps: list[PlannedStep]) -> Iterable[Cost]:
        todo = [one.step for one in steps if one.step is not None]
        params = sum(bool(step.parameters) for step in todo)
        requests = {
            "DELETE /device/:device_id": sum(step.delete for step in todo),
            "PUT /device/:device_id": sum(step.edit is not None for step in todo),
            "GET /device/:device_id/params": params,
            "POST /device/:device_id/params": params,
            "POST /device": sum(step.create is not None for step in todo),
        }
        limits = self._tago.limits.documented
        for route, number in requests.items():
            if number:
                yield Cost(route, number, limits.limit(route))

    def _notes(self, rows: list[DeviceRow]) -> Iterable[str]:
        with_parameters = sum(row.device.configuration_params is not UNSET for row in rows)
        if with_parameters:
            yield (
                f"Configuration parameters take one request for each device that exists: "
                f"{with_parameters} rows give any"
            )
        if self._intent.known_by == "serial":
            yield f"Serial numbers take one request a row: {len(rows)}"
        elif any("serie_number" in row.given for row in rows):
            yield (
                "Serial numbers stand on tokens and are not compared; "
                "they are used for new devices only"
            )


def _keys_of(rows: list[DeviceRow], intent: Intent) -> list[str]:
    """Return what each row's device is known by; every row has its own."""
    keys: list[str] = []
    lines: dict[str, int] = {}
    for row in rows:
        key = _key_of(row, intent.known_by)
        if key is None:
            raise InputError(
                f"the row does not say what its device is known by ({intent.known_by})",
                line=row.line,
            )
        # A row without an id is a device to be made: none is the other's twin.
        if key and key in lines:
            raise InputError(
                f"line {lines[key]} is about the same device: {intent.known_by} {key!r}",
                line=row.line,
                hint="Know devices by something that is different in every row (--by)",
            )
        lines[key] = row.line
        keys.append(key)
    return keys


def _key_of(row: DeviceRow, known_by: str) -> str | None:
    if known_by == "id":
        return row.device_id
    if known_by == "serial":
        serial = row.device.serie_number
        return None if serial is UNSET else serial
    return identity_of(row.device, known_by)


def _index(devices: list[Device], known_by: str) -> dict[str, list[Device]]:
    found: defaultdict[str, list[Device]] = defaultdict(list)
    for device in devices:
        key = device.id if known_by == "id" else identity_of(device, known_by)
        if key is not None:
            found[key].append(device)
    return found


def _ambiguous(row: DeviceRow, found: Sequence[Device], known_by: str) -> PlannedStep:
    ids = ", ".join(device.id for device in found[:3])
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return PlannedStep(
        action="blocked",
        name=row.device.name,
        line=row.line,
        reason=f"{len(found)} devices have this {known_by}: {ids}{more}",
    )
