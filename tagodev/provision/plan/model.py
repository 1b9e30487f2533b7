"""A plan: what would be done to a profile, step by step, and what it takes.

A plan can be kept as JSON and be carried out later, provided that it would still come out the same:
its fingerprint covers each step with the values that it would replace.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs
import orjson

if TYPE_CHECKING:
    from tagodev.models import ApplyStep, ConfigurationParameter, Device
    from tagodev.provision.plan.settings import PlanSettings

__all__ = ["Action", "Change", "Cost", "DeviceCapacity", "Plan", "PlannedStep"]

Action: TypeAlias = Literal["create", "change", "delete", "blocked"]


@attrs.frozen
class Change:
    """One value that would become another."""

    path: str
    """Which: ``active``, ``tags.site``, ``params.check_rate``."""
    old: Any
    """What it is; None if it is not there."""
    new: Any
    """What it would be; None if it would go."""


@attrs.frozen(kw_only=True)
class PlannedStep:
    """What would be done to one device."""

    action: Action
    """What; ``blocked`` if the file asks for something that can't be done."""
    name: str
    """The device's name."""
    device_id: str = ""
    """Its id, where it exists."""
    line: int = 0
    """The line of the file that asks for it; 0 where none does."""
    changes: tuple[Change, ...] = ()
    """The values that would change."""
    reason: str = ""
    """Why it is blocked, or goes."""
    step: ApplyStep | None = attrs.field(default=None, repr=False)
    """How it is done; None where it is blocked."""
    before: Device | None = attrs.field(default=None, repr=False, eq=False)
    """The device as it is."""
    parameters_before: tuple[ConfigurationParameter, ...] | None = attrs.field(
        default=None, repr=False, eq=False
    )
    """Its configuration parameters as they are, where they were read."""


@attrs.frozen
class Cost:
    """Requests that a plan sends to one route."""

    route: str
    """Method and template."""
    requests: int
    """How many."""
    limit: int
    """How many the service takes in one window."""


@attrs.frozen(kw_only=True)
class DeviceCapacity:
    """Devices that a profile holds, and may hold."""

    used: int
    """How many there are."""
    cap: int | None
    """How many there may be; None if that is not known."""
    needed: int
    """How many more the plan makes than it deletes."""

    @property
    def free(self) -> int | None:
        """How many more there may be; None if that is not known."""
        return None if self.cap is None else max(self.cap - self.used, 0)

    @property
    def suffice(self) -> bool:
        """Whether the plan finds room, as far as is known."""
        return self.free is None or self.needed <= self.free


@attrs.frozen(kw_only=True)
class Plan:
    """What would be done, and what it takes."""

    steps: tuple[PlannedStep, ...] = attrs.field(repr=False)
    """Deletions first, then changes, then new devices; blocked ones last."""
    kept: int
    """Devices that the file names and that are as it says."""
    managed: int
    """Devices that are managed under the file's name by now."""
    intent: PlanSettings
    """What the file stands for."""
    costs: tuple[Cost, ...]
    """Requests by route, those that read what is to be put back among them."""
    seconds: float
    """How long it takes at least, under the limits."""
    slots: DeviceCapacity
    """Room for devices."""
    profile: str = ""
    """Id of the profile; empty where it holds no device to tell it."""
    notes: tuple[str, ...] = ()
    """What the plan did not look at, or a person should know."""

    def count(self, action: Action) -> int:
        """Return how many steps are of a kind."""
        return sum(step.action == action for step in self.steps)

    @property
    def todo(self) -> tuple[ApplyStep, ...]:
        """The steps that can be done, in their order."""
        return tuple(planned.step for planned in self.steps if planned.step is not None)

    @property
    def replaces(self) -> bool:
        """Whether anything is changed or deleted that could be put back."""
        return any(planned.before is not None for planned in self.steps)

    @property
    def fingerprint(self) -> str:
        """Digest of all steps and of the values that they replace."""
        steps = [
            (one.action, one.name, one.device_id, [(c.path, c.old, c.new) for c in one.changes])
            for one in self.steps
        ]
        facts = orjson.dumps([self.intent.manager, steps])
        return blake2b(facts, digest_size=16).hexdigest()
