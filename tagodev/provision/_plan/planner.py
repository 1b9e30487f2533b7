"""Planner: reads a profile with few requests and compares it with the rows of a file.

Devices identified by name or tag need one listing of the profile, 1,000 devices per request; its
pages are read twice, so that a concurrent deletion hides no device (`Listing.complete`).
Serial numbers are stored on tokens and are not listed: they take one request per row.
Configuration parameters take one request for each device whose row has some.
The notes of the plan say what was not compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final, TypeAlias

from tagodev._address import Target
from tagodev._bulk.operations.apply_steps import MANAGED_TAG, identity_of
from tagodev._concurrency import for_each
from tagodev._device_fields import LONG, STORED
from tagodev._models import UNSET, Tag
from tagodev._resources.requests.devices import is_unknown_device
from tagodev.errors import NotFoundError, ServiceError
from tagodev.provision._plan.diff import blocked, compare, created, deleted
from tagodev.provision._plan.estimate import costs_of, device_capacity
from tagodev.provision._plan.matching import Match, check_rows, key_of
from tagodev.provision._plan.model import Plan
from tagodev.provision._plan.recent_runs import recent_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tagodev._client import Tago
    from tagodev._concurrency import Progress
    from tagodev._models import ConfigurationParameter, Device
    from tagodev.provision._plan.model import PlannedStep, PlanSettings
    from tagodev.provision._read.devices import DeviceRow

__all__ = ["FIELDS", "CheckDevices", "make_plan"]

#: Raises an `InputError` to refuse devices that a list names.
CheckDevices: TypeAlias = "Callable[[Sequence[Device]], None]"

_ORDER: Final = {"delete": 0, "change": 1, "create": 2, "blocked": 3}
#: Fields that the listing reads of each device; those that may be long only if the file has them.
FIELDS: Final = ("id", "tags", "profile", *(one for one in STORED if one not in LONG))


async def make_plan(
    tago: Tago,
    rows: Iterable[DeviceRow],
    settings: PlanSettings,
    *,
    max_devices: int | None = None,
    on_progress: Progress | None = None,
    check_devices: CheckDevices | None = None,
) -> Plan:
    """Return the plan that changes a profile to the desired state; nothing is changed.

    Args:
        tago: an open client.
        rows: the file's rows.
        settings: the plan settings.
        max_devices: maximum number of devices of the profile; None for that of its rate plan.
        on_progress: called with the number of items read.
        check_devices: called with the devices that the rows name, before they are compared;
            raises an `InputError` to refuse the plan.

    Raises:
        InputError: two rows identify the same device, or a row has no identity.
        RequestError: the profile could not be read.

    Example:
        ``plan = await make_plan(tago, read_devices("site.csv"), PlanSettings(manager="site"))``
    """
    planner = _Planner(tago, settings, max_devices, on_progress or _silent)
    return await planner.plan(list(rows), check_devices)


def _silent(_: str, __: int, ___: int | None) -> None:
    """Ignore progress."""


class _Planner:
    def __init__(
        self,
        tago: Tago,
        settings: PlanSettings,
        max_devices: int | None,
        on_progress: Progress,
    ) -> None:
        self._tago = tago
        self._settings = settings
        self._max_devices = max_devices
        self._on_progress = on_progress
        self._target = Target("")
        self._devices: list[Device] = []
        self._marked: set[str] = set()
        self._notes: list[str] = []

    async def plan(self, rows: list[DeviceRow], check_devices: CheckDevices | None) -> Plan:
        check_rows(rows, self._settings)
        await self._list(rows)
        matches = await self._match(rows)
        if check_devices is not None:
            check_devices([match.device for match in matches if match.device is not None])
        steps = await self._compare(matches)
        kept = len(rows) - len(steps)
        if self._settings.prune:
            steps += self._prune(matches)
        steps.sort(key=lambda step: (_ORDER[step.action], step.line, step.device_id))
        costs, seconds = costs_of(steps, self._tago.limits.documented)
        return Plan(
            steps=tuple(steps),
            kept=kept,
            managed=len(self._marked),
            settings=self._settings,
            costs=costs,
            seconds=seconds,
            slots=device_capacity(
                steps, len(self._devices), self._max_devices, self._tago.limits.documented.name
            ),
            profile=self._target.profile
            or next((one.profile for one in self._devices if one.profile), ""),
            notes=tuple(self._notes),
        )

    # --- reading -------------------------------------------------------------------------------

    async def _list(self, rows: list[DeviceRow]) -> None:
        fields = (*FIELDS, *(one for one in LONG if any(one in row.given for row in rows)))
        listing = self._tago.devices.list(fields=fields, order_by="created_at,asc")
        # A device missed because of a concurrent deletion would be created again.
        listed = await listing.complete(lambda many: self._on_progress("devices", many, None))
        self._target = await self._tago.target()
        self._devices = await self._with_recent(listed)
        mark = Tag(MANAGED_TAG, self._settings.manager)
        self._marked = {device.id for device in self._devices if mark in device.tags}

    async def _with_recent(self, listed: list[Device]) -> list[Device]:
        """Add devices that recent runs created to a list, and remove those that they deleted."""
        recent = recent_changes(self._target)
        missing: list[Device] = []

        async def read_one(device_id: str) -> None:
            try:
                missing.append(await self._tago.devices.info(device_id, priority="bulk"))
            except ServiceError as error:
                # It may have been deleted since.
                if not is_unknown_device(error):
                    raise

        await for_each(read_one, sorted(recent.created - {device.id for device in listed}))
        if missing:
            self._notes.append(
                f"{len(missing)} recently created devices are not listed yet; they were read one "
                "by one"
            )
        return [
            *(device for device in listed if device.id not in recent.deleted),
            *sorted(missing, key=lambda device: device.id),
        ]

    async def _match(self, rows: list[DeviceRow]) -> list[Match]:
        """Return each row with its matching devices."""
        known_by = self._settings.known_by
        if known_by == "id":
            return await self._match_by_id(rows)
        keys = [key_of(row, known_by) or "" for row in rows]
        known = await self._known(known_by, keys, self._devices)
        return [Match(row, tuple(known.get(key, ()))) for row, key in zip(rows, keys, strict=True)]

    async def _match_by_id(self, rows: list[DeviceRow]) -> list[Match]:
        """Match by id; a row without an id matches managed devices that no row names by id."""
        by_id = {device.id: device for device in self._devices}
        named = {row.device_id for row in rows}
        unnamed = [one for one in self._devices if one.id in self._marked and one.id not in named]
        new_by = self._settings.new_by
        keys = {row.number: key_of(row, new_by) or "" for row in rows if row.device_id not in by_id}
        known = await self._known(new_by, filter(None, keys.values()), unnamed)
        times = Counter(keys.values())
        matches = []
        for row in rows:
            key = keys.get(row.number)
            if key is None:
                match = Match(row, (by_id[row.device_id],))
            elif row.device_id and not self._settings.restore:
                match = Match(row, (), f"no device has the id {row.device_id}")
            elif times[key] > 1 or not key:
                match = Match(row, tuple(known.get(key, ())), _no_identity(key, new_by))
            else:
                match = Match(row, tuple(known.get(key, ())))
            matches.append(match)
        return matches

    async def _known(
        self, known_by: str, keys: Iterable[str], devices: Sequence[Device]
    ) -> Mapping[str, Sequence[Device]]:
        """Return devices by the value that identifies them."""
        found: defaultdict[str, list[Device]] = defaultdict(list)
        if known_by != "serial":
            for device in devices:
                key = identity_of(device, known_by)
                if key is not None:
                    found[key].append(device)
            return found
        listed = {device.id: device for device in devices}
        pending = list(keys)
        done = 0

        async def read_one(serial: str) -> None:
            nonlocal done
            listing = self._tago.devices.list(serial=serial, fields=("id",), priority="bulk")
            # Devices created after the list was read are left to the next plan.
            found[serial] = [listed[one.id] async for one in listing if one.id in listed]
            done += 1
            self._on_progress("serial numbers", done, len(pending))

        await for_each(read_one, pending)
        self._notes.append(f"Serial numbers took one request per row: {done}")
        return found

    async def _read_parameters(
        self, matches: list[Match]
    ) -> dict[str, list[ConfigurationParameter]]:
        found: dict[str, list[ConfigurationParameter]] = {}

        async def read_one(device_id: str) -> None:
            try:
                found[device_id] = await self._tago.parameters.list(device_id, priority="bulk")
            except NotFoundError:
                found[device_id] = []
            self._on_progress("parameters of devices", len(found), len(pending))

        pending = [
            match.device.id
            for match in matches
            if match.device is not None and match.row.device.configuration_params is not UNSET
        ]
        await for_each(read_one, pending)
        if pending:
            self._notes.append(
                f"Configuration parameters took one request per device: {len(pending)}"
            )
        return found

    # --- comparing -----------------------------------------------------------------------------

    async def _compare(self, matches: list[Match]) -> list[PlannedStep]:
        parameters = await self._read_parameters(matches)
        by_serial = self._settings.known_by == "serial"
        existing = [match.row for match in matches if match.devices]
        if not by_serial and any("serie_number" in row.given for row in existing):
            self._notes.append(
                "Serial numbers are stored on tokens, so changes to them are not detected; "
                "they are set on new devices only"
            )
        steps = []
        for match in matches:
            row, device = match.row, match.device
            step: PlannedStep | None
            if match.problem or len(match.devices) > 1:
                step = blocked(row, match.problem or _ambiguous(match, self._settings))
            elif device is None:
                step = created(row, self._settings.manager)
            else:
                step = compare(row, device, self._settings, parameters=parameters.get(device.id))
            if step is not None:
                steps.append(step)
        return steps

    def _prune(self, matches: list[Match]) -> Iterable[PlannedStep]:
        """Yield steps for managed devices that match no row."""
        named = {device.id for match in matches for device in match.devices}
        for device in self._devices:
            if device.id in self._marked and device.id not in named:
                yield deleted(device)
        unmarked = len(named - self._marked)
        if unmarked:
            self._notes.append(
                f"{unmarked} devices of the file have no tag {MANAGED_TAG}="
                f"{self._settings.manager}; only devices with this tag are deleted"
            )


def _no_identity(key: str, new_by: str) -> str:
    if not key:
        return f"no longer exists by its id, and has no {new_by} to identify it"
    return f"has no id, and other rows have the same {new_by} {key!r}"


def _ambiguous(match: Match, settings: PlanSettings) -> str:
    devices = match.devices
    ids = ", ".join(device.id for device in devices[:3])
    more = f" and {len(devices) - 3} more" if len(devices) > 3 else ""
    return f"{len(devices)} devices have this {settings.made_by}: {ids}{more}"
