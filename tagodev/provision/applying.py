"""Carrying out a plan: a snapshot first, then every step through the journalled engine.

A plan that was kept is made anew first, and refused when it comes out differently: what a person
has agreed to is what is done, or nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tagodev.errors import InputError, ResourceLimitError
from tagodev.provision.documents import Head, record_of_device, write_document
from tagodev.provision.planning import Intent
from tagodev.provision.together import each

if TYPE_CHECKING:
    from pathlib import Path

    from tagodev.bulk.runner import BulkRun
    from tagodev.client import Tago
    from tagodev.models import Device, DeviceStep
    from tagodev.provision.plans import Plan, PlannedStep

__all__ = ["begin_apply", "check_deletions", "check_fresh", "check_slots", "write_snapshot"]


def check_fresh(plan: Plan, fingerprint: str) -> None:
    """Refuse a plan that comes out differently by now.

    Args:
        plan: made now.
        fingerprint: of the plan that was agreed to.

    Raises:
        InputError: something has changed meanwhile.
    """
    if plan.fingerprint != fingerprint:
        raise InputError(
            "the plan has gone stale: the profile is no longer as it was when it was made",
            hint="Make it anew, and look at it again",
        )


def check_deletions(plan: Plan, max_share: float) -> None:
    """Refuse a plan that deletes too much.

    Args:
        plan: what would be done.
        max_share: the part of the profile's devices that may go, 0 to 1.

    Raises:
        InputError: more would go.
    """
    number = plan.count("delete")
    allowed = int(plan.slots.used * max_share)
    if number > allowed:
        raise InputError(
            f"{number} of {plan.slots.used} devices would be deleted, but at most {allowed} may",
            path="max_delete",
            hint="Look at the plan; allow more if that is what you want",
        )


def check_slots(plan: Plan) -> None:
    """Refuse a plan that finds no room.

    Args:
        plan: what would be done.

    Raises:
        ResourceLimitError: the profile holds no more devices.
    """
    slots = plan.slots
    if not slots.suffice:
        raise ResourceLimitError(
            f"{slots.needed} more devices are asked for, and there is room for {slots.free}",
            hint="Remove some, or use a plan with room",
            resource="Device",
        )


async def write_snapshot(tago: Tago, plan: Plan, path: Path) -> int:
    """Write down how the devices are that a plan changes or deletes; return how many.

    Applying that file puts them back. A device that was deleted meanwhile comes back without its
    id, its token and its data.

    Args:
        tago: an open client.
        plan: what will be done.
        path: where to.

    Raises:
        InputError: it can't be written.
        RequestError: a device can't be read.
    """
    head = Head(
        kind="snapshot",
        service=tago.base_url,
        intent=Intent(manager=plan.manager, known_by="id", tag_mode="replace"),
    )
    records: list[dict[str, Any]] = []

    async def look(step: PlannedStep) -> None:
        if step.before is not None:
            records.append(await _before(tago, step, step.before))

    await each(look, (step for step in plan.steps if step.step is not None))
    return write_document(path, head, records)


async def _before(tago: Tago, step: PlannedStep, device: Device) -> dict[str, Any]:
    parameters, tokens = step.parameters_before, None
    # What is only changed keeps the rest; what is deleted takes everything with it.
    if step.action == "delete":
        parameters = tuple(await tago.parameters.list(device.id, lane="bulk"))
        tokens = await tago.tokens.list(device.id, lane="bulk").collect()
    return record_of_device(device, parameters=parameters, tokens=tokens, with_id=True)


def begin_apply(tago: Tago, plan: Plan, journal: Path) -> BulkRun[DeviceStep]:
    """Return the run that carries a plan out; nothing is sent before it is entered.

    Args:
        tago: an open client.
        plan: what to do.
        journal: where the run is written down; nothing may be there yet.
    """
    # Rows that are known by their id and have none are made: by name they are found again.
    known_by = "name" if plan.known_by == "id" else plan.known_by
    return tago.devices.apply_many(plan.todo, known_by=known_by, journal=journal)
