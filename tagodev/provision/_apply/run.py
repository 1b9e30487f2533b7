"""Checks before and after an apply, its snapshot, and its journal.

A saved plan is made again before it is applied, and refused if it differs: only what the user has
approved is applied.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import attrs

from tagodev._bulk.journal.entry import JournalInfo
from tagodev._bulk.journal.prefill import fill_journal
from tagodev._bulk.operations.apply_steps import MANAGED_TAG, ApplySteps, identity_of
from tagodev._concurrency import for_each
from tagodev._models import DeviceFilter, Tag
from tagodev.errors import InputError, ResourceLimitError, TagoError
from tagodev.provision._apply.snapshot import read_whole_device, snapshot_head
from tagodev.provision._write.document import record_of_device, write_document

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tagodev._client import Tago
    from tagodev._models import Device
    from tagodev.provision._plan.model import Plan, PlannedStep

__all__ = [
    "DuplicateDevices",
    "Guard",
    "StalePlanError",
    "check_deletions",
    "check_fresh",
    "check_slots",
    "find_duplicates",
    "write_snapshot",
    "write_steps",
]


@attrs.define(slots=False, eq=False)
class StalePlanError(TagoError):
    """The profile has changed since the plan was made; nothing was sent."""


def check_fresh(plan: Plan, fingerprint: str) -> None:
    """Refuse a plan that differs from the saved one.

    Args:
        plan: the plan made now.
        fingerprint: fingerprint of the saved plan.

    Raises:
        StalePlanError: they differ.
    """
    if plan.fingerprint != fingerprint:
        raise StalePlanError(
            "The plan is stale: the profile has changed since it was made",
            hint="Make a new plan and review it",
        )


@attrs.frozen
class Guard:
    """Maximum number of deletions in one apply.

    Examples:
        >>> Guard.read("10%").allowed(55), Guard.read("3").allowed(55)
        (5, 3)
    """

    number: float
    """Number of devices, or a percentage with `percent`."""
    percent: bool = attrs.field(default=False, kw_only=True)
    """Whether the number is a percentage of the managed devices."""

    @classmethod
    def read(cls, text: str) -> Guard:
        """Parse a percentage or a number: ``10%`` or ``25``.

        Raises:
            InputError: it is neither.
        """
        digits = text.strip().removesuffix("%").strip()
        percent = text.strip().endswith("%")
        try:
            number = float(digits) if percent else int(digits)
        except ValueError:
            number = -1
        if not 0 <= number <= (100 if percent else float("inf")):
            raise InputError(
                f"must be a percentage or a number of devices, such as 10% or 25, not {text!r}",
                path="max_delete",
            )
        return cls(number, percent=percent)

    def allowed(self, managed: int) -> int:
        """Return the maximum number of deletions.

        Args:
            managed: number of devices of the manager.
        """
        # Compensates for rounding: 0.29 has no exact binary form.
        return int(managed * self.number / 100 + 1e-6) if self.percent else int(self.number)


def check_deletions(plan: Plan, guard: Guard) -> None:
    """Refuse a plan with too many deletions.

    Args:
        plan: the plan.
        guard: the maximum number of deletions.

    Raises:
        InputError: the plan deletes more.
    """
    number, allowed = plan.count("delete"), guard.allowed(plan.managed)
    if number > allowed:
        raise InputError(
            f"{number} of the {plan.managed} devices managed as {plan.settings.manager} would be "
            f"deleted, but at most {allowed} are allowed",
            path="max_delete",
            hint="Review the plan; if it is right, re-run with a higher --max-delete",
        )


def check_slots(plan: Plan) -> None:
    """Refuse a plan that exceeds the device capacity.

    Args:
        plan: the plan.

    Raises:
        ResourceLimitError: the profile can't have as many devices.
    """
    slots = plan.slots
    if not slots.suffice:
        raise ResourceLimitError(
            f"{slots.needed} more devices are needed, but the profile can have only "
            f"{slots.free} more",
            hint="Delete devices or upgrade the rate plan; re-run with --max-devices N if the "
            "profile can have more",
            resource="Device",
        )


async def write_snapshot(tago: Tago, plan: Plan, path: Path) -> int:
    """Write a snapshot of the devices that a plan changes or deletes; return their number.

    Applying the snapshot restores them. A deleted device is restored with a new id and token and
    without its data; one that no longer exists when it is read is skipped.

    Args:
        tago: an open client.
        plan: the plan.
        path: path of the snapshot.

    Raises:
        InputError: the file can't be written.
        RequestError: a device can't be read.
    """
    settings = plan.settings
    head = snapshot_head(
        tago.base_url, plan.profile, manager=settings.manager, new_by=settings.made_by
    )
    records: dict[int, dict[str, Any]] = {}

    async def read_one(numbered: tuple[int, PlannedStep]) -> None:
        number, step = numbered
        if step.before is not None:
            record = await _before(tago, step, step.before)
            if record is not None:
                records[number] = record

    await for_each(read_one, enumerate(plan.steps))
    return write_document(path, head, (records[number] for number in sorted(records)))


async def _before(tago: Tago, step: PlannedStep, device: Device) -> dict[str, Any] | None:
    if step.action == "change":
        return record_of_device(
            device,
            parameters=step.parameters_before,
            with_id=True,
            emptied=[change.path for change in step.changes if change.old is None],
        )
    # A deletion also deletes parameters and tokens.
    read = await read_whole_device(tago, device.id)
    return None if read is None else read[1]


def write_steps(
    plan: Plan, journal: Path, service: str, keywords: Mapping[str, Any] | None = None
) -> None:
    """Write all steps of a plan to a new journal; ``tago.resume(journal)`` sends them.

    Args:
        plan: the plan.
        journal: path of the journal; must not exist.
        service: address of the service.
        keywords: further facts to store in the journal.

    Raises:
        JournalError: the journal can't be written.
    """
    info = JournalInfo(
        run="",
        kind=ApplySteps.kind,
        options={"known_by": plan.settings.made_by},
        service=service,
        keywords=keywords or {},
    )
    steps = ((number, ApplySteps.encode(step)) for number, step in enumerate(plan.todo))
    fill_journal(journal, info, steps)


@attrs.frozen
class DuplicateDevices:
    """Devices with the same identity."""

    identity: str
    """The shared name or tag value."""
    ids: tuple[str, ...]
    """Their ids, the oldest first."""


async def find_duplicates(tago: Tago, plan: Plan) -> list[DuplicateDevices]:
    """Return devices that a plan created and that now exist more than once.

    Devices identified by serial number can't be duplicates: the service refuses a second one.

    Args:
        tago: an open client.
        plan: the applied plan.

    Raises:
        RequestError: the devices can't be listed.
    """
    settings = plan.settings
    if settings.made_by == "serial":
        return []
    created = {
        identity_of(step.create, settings.made_by) for step in plan.todo if step.create is not None
    }
    found: defaultdict[str, list[str]] = defaultdict(list)
    listing = tago.devices.list(
        filter=DeviceFilter(tags=[Tag(MANAGED_TAG, settings.manager)]),
        fields=("id", "name", "tags"),
        order_by="created_at,asc",
    )
    async for device in listing:
        identity = identity_of(device, settings.made_by)
        if identity is not None and identity in created:
            found[identity].append(device.id)
    return [DuplicateDevices(name, tuple(ids)) for name, ids in found.items() if len(ids) > 1]
