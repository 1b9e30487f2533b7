"""Making a plan: reading the profile with few requests, and comparing it with a file.

Devices are known by what the file names them by.
By name or by a tag, one listing of the profile is enough, a thousand devices a request; its pages
are read twice, so that a concurrent deletion hides no device (`Listing.complete`).
A serial number stands on a device's token and is in no list, so knowing devices by it takes one
request a row; configuration parameters take one request for each device that the file gives any.
The plan says what it did not look at.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final, TypeAlias

from tagodev.bulk.operations.apply_steps import MANAGED_TAG, identity_of
from tagodev.concurrency import each
from tagodev.errors import BadRequestError, NotFoundError
from tagodev.models import UNSET, Tag
from tagodev.provision.plan.diff import blocked, compare, created, deleted
from tagodev.provision.plan.estimate import costs_of, room
from tagodev.provision.plan.matching import Match, check_rows, key_of
from tagodev.provision.plan.model import Plan
from tagodev.provision.plan.recent_runs import recent_changes
from tagodev.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tagodev.client import Tago
    from tagodev.concurrency import Progress
    from tagodev.models import ConfigurationParameter, Device
    from tagodev.provision.plan.model import PlannedStep
    from tagodev.provision.plan.settings import PlanSettings
    from tagodev.provision.read.devices import DeviceRow

__all__ = ["FIELDS", "CheckDevices", "make_plan"]

#: Refuses devices that a list names, by an `InputError`.
CheckDevices: TypeAlias = "Callable[[Sequence[Device]], None]"

_ORDER: Final = {"delete": 0, "change": 1, "create": 2, "blocked": 3}
#: What is read of each device, in one list request a thousand of them.
FIELDS: Final = (
    "id",
    "name",
    "tags",
    "profile",
    "type",
    "network",
    "connector",
    "active",
    "visible",
    "description",
    "chunk_period",
    "chunk_retention",
    "mutable_variable_regex",
)
#: What may be long, and is read only if the file gives it.
_LONG: Final = "payload_decoder"


async def make_plan(
    tago: Tago,
    rows: Iterable[DeviceRow],
    intent: PlanSettings,
    *,
    max_devices: int | None = None,
    on_progress: Progress | None = None,
    check_devices: CheckDevices | None = None,
) -> Plan:
    """Return what would make a profile what a file says; nothing is changed.

    Args:
        tago: an open client.
        rows: the file's rows.
        intent: what the file stands for.
        max_devices: how many devices the profile may hold; None for as many as its plan.
        on_progress: called now and then with what is read.
        check_devices: called with the devices that the rows name, before they are compared;
            raises an `InputError` to refuse the plan.

    Raises:
        InputError: two rows stand for the same device, or a row can't be told apart.
        RequestError: the profile could not be read.

    Example:
        ``plan = await make_plan(tago, read_devices("site.csv"), Intent(manager="site"))``
    """
    planner = _Planner(tago, intent, max_devices, on_progress or _silent)
    return await planner.plan(list(rows), check_devices)


def _silent(_: str, __: int, ___: int | None) -> None:
    """Tell nobody."""


class _Planner:
    def __init__(
        self,
        tago: Tago,
        intent: PlanSettings,
        max_devices: int | None,
        tell: Progress,
    ) -> None:
        self._tago = tago
        self._intent = intent
        self._max_devices = max_devices
        self._tell = tell
        self._target = Target("")
        self._devices: list[Device] = []
        self._marked: set[str] = set()
        self._notes: list[str] = []

    async def plan(self, rows: list[DeviceRow], check_devices: CheckDevices | None) -> Plan:
        check_rows(rows, self._intent)
        await self._list(rows)
        matches = await self._match(rows)
        if check_devices is not None:
            check_devices([match.device for match in matches if match.device is not None])
        steps = await self._compare(matches)
        kept = len(rows) - len(steps)
        if self._intent.prune:
            steps += self._left_over(matches)
        steps.sort(key=lambda step: (_ORDER[step.action], step.line, step.device_id))
        costs, seconds = costs_of(steps, self._tago.limits.documented)
        return Plan(
            steps=tuple(steps),
            kept=kept,
            managed=len(self._marked),
            intent=self._intent,
            costs=costs,
            seconds=seconds,
            slots=room(
                steps, len(self._devices), self._max_devices, self._tago.limits.documented.name
            ),
            profile=self._target.profile
            or next((one.profile for one in self._devices if one.profile), ""),
            notes=tuple(self._notes),
        )

    # --- reading -------------------------------------------------------------------------------

    async def _list(self, rows: list[DeviceRow]) -> None:
        fields = (*FIELDS, _LONG) if any(_LONG in row.given for row in rows) else FIELDS
        listing = self._tago.devices.list(fields=fields, order_by="created_at,asc")
        # A device that a concurrent deletion hides would be created a second time.
        listed = await listing.complete(lambda many: self._tell("devices", many, None))
        self._target = await self._tago.target()
        self._devices = await self._with_recent(listed)
        mark = Tag(MANAGED_TAG, self._intent.manager)
        self._marked = {device.id for device in self._devices if mark in device.tags}

    async def _with_recent(self, listed: list[Device]) -> list[Device]:
        """Correct a list that lags behind what recent runs have created and deleted."""
        recent = recent_changes(self._target)
        missing: list[Device] = []

        async def look(device_id: str) -> None:
            try:
                missing.append(await self._tago.devices.info(device_id, priority="bulk"))
            except NotFoundError:
                # It has been deleted since.
                return
            except BadRequestError as error:
                # Sources differ on how an unknown id is answered.
                if error.status != 400:
                    raise

        await each(look, sorted(recent.created - {device.id for device in listed}))
        if missing:
            self._notes.append(
                f"{len(missing)} devices that were just created are not listed yet; they were read "
                "one by one"
            )
        return [
            *(device for device in listed if device.id not in recent.deleted),
            *sorted(missing, key=lambda device: device.id),
        ]

    async def _match(self, rows: list[DeviceRow]) -> list[Match]:
        """Return each row with the devices that it may be about."""
        known_by = self._intent.known_by
        if known_by == "id":
            return await self._match_by_id(rows)
        keys = [key_of(row, known_by) or "" for row in rows]
        known = await self._known(known_by, keys, self._devices)
        return [Match(row, tuple(known.get(key, ()))) for row, key in zip(rows, keys, strict=True)]

    async def _match_by_id(self, rows: list[DeviceRow]) -> list[Match]:
        """Match by id; a row without one is about one of our devices that no row names by id."""
        there = {device.id: device for device in self._devices}
        named = {row.device_id for row in rows}
        unnamed = [one for one in self._devices if one.id in self._marked and one.id not in named]
        new_by = self._intent.new_by
        keys = {row.number: key_of(row, new_by) or "" for row in rows if row.device_id not in there}
        known = await self._known(new_by, filter(None, keys.values()), unnamed)
        times = Counter(keys.values())
        matches = []
        for row in rows:
            key = keys.get(row.number)
            if key is None:
                match = Match(row, (there[row.device_id],))
            elif row.device_id and not self._intent.restore:
                match = Match(row, (), f"there is no device of the id {row.device_id}")
            elif times[key] > 1 or not key:
                match = Match(row, tuple(known.get(key, ())), _not_told_apart(key, new_by))
            else:
                match = Match(row, tuple(known.get(key, ())))
            matches.append(match)
        return matches

    async def _known(
        self, known_by: str, keys: Iterable[str], devices: Sequence[Device]
    ) -> Mapping[str, Sequence[Device]]:
        """Return the devices that may be meant, by what they are known by."""
        found: defaultdict[str, list[Device]] = defaultdict(list)
        if known_by != "serial":
            for device in devices:
                key = identity_of(device, known_by)
                if key is not None:
                    found[key].append(device)
            return found
        listed = {device.id: device for device in devices}
        wanted = list(keys)
        looked = 0

        async def look(serial: str) -> None:
            nonlocal looked
            listing = self._tago.devices.list(serial=serial, fields=("id",), priority="bulk")
            # One that was made since the list was read is left to the next plan.
            found[serial] = [listed[one.id] async for one in listing if one.id in listed]
            looked += 1
            self._tell("serial numbers", looked, len(wanted))

        await each(look, wanted)
        self._notes.append(f"Serial numbers took one request a row: {looked}")
        return found

    async def _read_parameters(
        self, matches: list[Match]
    ) -> dict[str, list[ConfigurationParameter]]:
        found: dict[str, list[ConfigurationParameter]] = {}

        async def look(device_id: str) -> None:
            try:
                found[device_id] = await self._tago.parameters.list(device_id, priority="bulk")
            except NotFoundError:
                found[device_id] = []
            self._tell("parameters of devices", len(found), len(wanted))

        wanted = [
            match.device.id
            for match in matches
            if match.device is not None and match.row.device.configuration_params is not UNSET
        ]
        await each(look, wanted)
        if wanted:
            self._notes.append(f"Configuration parameters took one request a device: {len(wanted)}")
        return found

    # --- comparing -----------------------------------------------------------------------------

    async def _compare(self, matches: list[Match]) -> list[PlannedStep]:
        parameters = await self._read_parameters(matches)
        by_serial = self._intent.known_by == "serial"
        there = [match.row for match in matches if match.devices]
        if not by_serial and any("serie_number" in row.given for row in there):
            self._notes.append(
                "Serial numbers stand on tokens and are not compared; "
                "they are used for new devices only"
            )
        steps = []
        for match in matches:
            row, device = match.row, match.device
            step: PlannedStep | None
            if match.problem or len(match.devices) > 1:
                step = blocked(row, match.problem or _ambiguous(match, self._intent))
            elif device is None:
                step = created(row, self._intent.manager)
            else:
                step = compare(row, device, self._intent, parameters=parameters.get(device.id))
            if step is not None:
                steps.append(step)
        return steps

    def _left_over(self, matches: list[Match]) -> Iterable[PlannedStep]:
        """Yield steps for managed devices that no row can be about."""
        named = {device.id for match in matches for device in match.devices}
        for device in self._devices:
            if device.id in self._marked and device.id not in named:
                yield deleted(device)
        unmarked = len(named - self._marked)
        if unmarked:
            self._notes.append(
                f"{unmarked} devices that the file names carry no tag {MANAGED_TAG} of "
                f"{self._intent.manager}: only what tagodev has made or changed is ever deleted"
            )


def _not_told_apart(key: str, new_by: str) -> str:
    if not key:
        return f"has no id any more, and no {new_by} to be known by"
    return f"has no id, and other rows have the {new_by} {key!r} too"


def _ambiguous(match: Match, intent: PlanSettings) -> str:
    devices = match.devices
    ids = ", ".join(device.id for device in devices[:3])
    more = f" and {len(devices) - 3} more" if len(devices) > 3 else ""
    return f"{len(devices)} devices have this {intent.made_by}: {ids}{more}"
