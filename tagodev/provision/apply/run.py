"""Carrying out a plan: a snapshot first, then every step through the journalled engine.

A plan that was kept is made anew first, and refused when it comes out differently: what a person
has agreed to is what is done, or nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from tagodev.bulk.journal.entry import JournalInfo
from tagodev.bulk.journal.prefill import fill_journal
from tagodev.bulk.operations.apply_steps import ApplySteps
from tagodev.concurrency import each
from tagodev.errors import InputError, ResourceLimitError, TagoError
from tagodev.provision.apply.snapshot import read_whole_device, snapshot_head
from tagodev.provision.write.document import record_of_device, write_document

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tagodev.client import Tago
    from tagodev.models import Device
    from tagodev.provision.plan.model import Plan, PlannedStep

__all__ = [
    "Guard",
    "StalePlanError",
    "check_deletions",
    "check_fresh",
    "check_slots",
    "write_snapshot",
    "write_steps",
]


@attrs.define(slots=False, eq=False)
class StalePlanError(TagoError):
    """The profile is no longer as it was when the plan was made; nothing was sent."""


def check_fresh(plan: Plan, fingerprint: str) -> None:
    """Refuse a plan that comes out differently by now.

    Args:
        plan: made now.
        fingerprint: of the plan that was agreed to.

    Raises:
        StalePlanError: something has changed meanwhile.
    """
    if plan.fingerprint != fingerprint:
        raise StalePlanError(
            "The plan has gone stale: the profile is no longer as it was when it was made",
            hint="Make it anew, and look at it again",
        )


@attrs.frozen
class Guard:
    """How much may be deleted at once.

    Examples:
        >>> Guard.read("10%").allowed(55), Guard.read("3").allowed(55)
        (5, 3)
    """

    number: float
    """How many devices; or, of `percent`, how many of each hundred."""
    percent: bool = attrs.field(default=False, kw_only=True)
    """Whether the number is a share of the managed devices."""

    @classmethod
    def read(cls, text: str) -> Guard:
        """Read a share or a number: ``10%`` or ``25``.

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
                f"is a share or a number of devices, like 10% or 25, not {text!r}",
                path="max_delete",
            )
        return cls(number, percent=percent)

    def allowed(self, managed: int) -> int:
        """Return how many devices may be deleted.

        Args:
            managed: how many there are under the file's name.
        """
        # A hair more, since a share like 0.29 has no exact form.
        return int(managed * self.number / 100 + 1e-6) if self.percent else int(self.number)


def check_deletions(plan: Plan, guard: Guard) -> None:
    """Refuse a plan that deletes too much.

    Args:
        plan: what would be done.
        guard: how much may go.

    Raises:
        InputError: more would go.
    """
    number, allowed = plan.count("delete"), guard.allowed(plan.managed)
    if number > allowed:
        raise InputError(
            f"{number} of the {plan.managed} devices managed as {plan.intent.manager} would be "
            f"deleted, but at most {allowed} may be",
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
            hint="Remove some, or take a plan with room; say --max-devices if there is more",
            resource="Device",
        )


async def write_snapshot(tago: Tago, plan: Plan, path: Path) -> int:
    """Write down how the devices are that a plan changes or deletes; return how many.

    Applying that file puts them back. A device that was deleted meanwhile comes back without its
    id, its token and its data; one that is gone before it is read is skipped.

    Args:
        tago: an open client.
        plan: what will be done.
        path: where to.

    Raises:
        InputError: it can't be written.
        RequestError: a device can't be read.
    """
    intent = plan.intent
    head = snapshot_head(tago.base_url, plan.profile, manager=intent.manager, new_by=intent.made_by)
    records: dict[int, dict[str, Any]] = {}

    async def look(numbered: tuple[int, PlannedStep]) -> None:
        number, step = numbered
        if step.before is not None:
            record = await _before(tago, step, step.before)
            if record is not None:
                records[number] = record

    await each(look, enumerate(plan.steps))
    return write_document(path, head, (records[number] for number in sorted(records)))


async def _before(tago: Tago, step: PlannedStep, device: Device) -> dict[str, Any] | None:
    if step.action == "change":
        return record_of_device(
            device,
            parameters=step.parameters_before,
            with_id=True,
            emptied=[change.path for change in step.changes if change.old is None],
        )
    # What is deleted takes everything with it.
    read = await read_whole_device(tago, device.id)
    return None if read is None else read[1]


def write_steps(
    plan: Plan, journal: Path, service: str, keywords: Mapping[str, Any] | None = None
) -> None:
    """Write all steps down before any of them is done; ``tago.resume(journal)`` does them.

    Args:
        plan: what to do.
        journal: where to; nothing may be there yet.
        service: address of the service.
        keywords: what else whoever goes on with it should know.

    Raises:
        JournalError: it can't be written.
    """
    info = JournalInfo(
        run="",
        kind=ApplySteps.kind,
        options={"known_by": plan.intent.made_by},
        service=service,
        keywords=keywords or {},
    )
    steps = ((number, ApplySteps.encode(step)) for number, step in enumerate(plan.todo))
    fill_journal(journal, info, steps)
