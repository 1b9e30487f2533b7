"""Model of a plan: its settings, the steps that change a profile, and their cost.

A plan can be saved as JSON and applied later if the profile has not changed: its fingerprint covers
each step and the values that the step replaces.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs
import orjson

from tagodev.errors import InputError

if TYPE_CHECKING:
    from tagodev._models import ApplyStep, ConfigurationParameter, Device

__all__ = [
    "Action",
    "Change",
    "Cost",
    "DeviceCapacity",
    "Plan",
    "PlanSettings",
    "PlannedStep",
    "TagMode",
]

Action: TypeAlias = Literal["create", "change", "delete", "blocked"]


#: Whether tags that are not in the file are kept or removed.
TagMode: TypeAlias = Literal["merge", "replace"]


def _known_by(instance: PlanSettings, attribute: attrs.Attribute[str], value: str) -> None:
    del instance
    names = ("name", "serial") if attribute.name == "new_by" else ("name", "serial", "id")
    if value not in names and not (value.startswith("tag:") and value[4:].strip()):
        raise InputError(
            f"must be {', '.join(names)} or tag:KEY, not {value!r}",
            path=attribute.name,
        )


def _named(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not value.strip():
        raise InputError("must not be empty", path=attribute.name)


@attrs.frozen(kw_only=True)
class PlanSettings:
    """Settings of a plan.

    Examples:
        >>> PlanSettings(manager="site", known_by="tag:serial").made_by
        'tag:serial'
    """

    manager: str = attrs.field(validator=_named)
    """The manager: value of the tag ``tagodev_managed`` on its devices."""
    known_by: str = attrs.field(default="name", validator=_known_by)
    """What identifies a device: ``name``, ``tag:KEY``, ``serial`` or ``id``."""
    new_by: str = attrs.field(default="name", validator=_known_by)
    """With ``id``: what identifies devices that have no id yet, among those of this manager."""
    prune: bool = False
    """Whether managed devices that are not in the file are deleted."""
    tag_mode: TagMode = "merge"
    """Whether tags that are not in the file are kept (``merge``) or removed (``replace``)."""
    restore: bool = False
    """Whether devices are restored from a snapshot: with exactly its tags, and created again if
    their id no longer exists."""

    @property
    def made_by(self) -> str:
        """What identifies devices that the plan creates."""
        return self.new_by if self.known_by == "id" else self.known_by


@attrs.frozen
class Change:
    """A change of one value."""

    path: str
    """Path of the value: ``active``, ``tags.site``, ``params.check_rate``."""
    old: Any
    """Current value; None if there is none."""
    new: Any
    """New value; None if it is removed."""


@attrs.frozen(kw_only=True)
class PlannedStep:
    """A planned step for one device."""

    action: Action
    """The action; ``blocked`` if the desired change is not possible."""
    name: str
    """The device's name."""
    device_id: str = ""
    """The device's id; empty if it does not exist yet."""
    line: int = 0
    """Line of the device's row in the file; 0 if it has none."""
    changes: tuple[Change, ...] = ()
    """Values that change."""
    reason: str = ""
    """Reason of a blocked step or a deletion."""
    step: ApplyStep | None = attrs.field(default=None, repr=False)
    """The step to apply; None if it is blocked."""
    before: Device | None = attrs.field(default=None, repr=False, eq=False)
    """The actual state of the device."""
    parameters_before: tuple[ConfigurationParameter, ...] | None = attrs.field(
        default=None, repr=False, eq=False
    )
    """Its actual configuration parameters; None if they were not read."""


@attrs.frozen
class Cost:
    """Requests of a plan to one route."""

    route: str
    """Method and path template."""
    requests: int
    """Number of requests."""
    limit: int
    """Rate limit of the route, in requests per window."""


@attrs.frozen(kw_only=True)
class DeviceCapacity:
    """Number of devices of a profile, and its maximum."""

    used: int
    """Number of devices."""
    cap: int | None
    """Maximum number of devices; None if unknown."""
    needed: int
    """Devices that the plan creates, minus those that it deletes."""

    @property
    def free(self) -> int | None:
        """Number of devices that can still be created; None if unknown."""
        return None if self.cap is None else max(self.cap - self.used, 0)

    @property
    def suffice(self) -> bool:
        """Whether the plan fits into the capacity; true if it is unknown."""
        return self.free is None or self.needed <= self.free


@attrs.frozen(kw_only=True)
class Plan:
    """A plan."""

    steps: tuple[PlannedStep, ...] = attrs.field(repr=False)
    """The steps: deletions, changes, creations, then blocked steps."""
    kept: int
    """Number of devices that are already in the desired state."""
    managed: int
    """Number of devices that the manager manages now."""
    settings: PlanSettings
    """The settings of the plan."""
    costs: tuple[Cost, ...]
    """Requests by route, including those that read the snapshot."""
    seconds: float
    """Minimum duration of an apply under the rate limits, in seconds."""
    slots: DeviceCapacity
    """Capacity for devices."""
    profile: str = ""
    """Id of the profile; empty if unknown."""
    notes: tuple[str, ...] = ()
    """Remarks for the user, such as what was not compared."""

    def count(self, action: Action) -> int:
        """Return the number of steps with an action."""
        return sum(step.action == action for step in self.steps)

    @property
    def todo(self) -> tuple[ApplyStep, ...]:
        """The steps to apply, in order."""
        return tuple(planned.step for planned in self.steps if planned.step is not None)

    @property
    def replaces(self) -> bool:
        """Whether the plan changes or deletes devices, so that a snapshot is useful."""
        return any(planned.before is not None for planned in self.steps)

    @property
    def fingerprint(self) -> str:
        """Digest of all steps and the values that they replace."""
        steps = [
            (one.action, one.name, one.device_id, [(c.path, c.old, c.new) for c in one.changes])
            for one in self.steps
        ]
        facts = orjson.dumps([self.settings.manager, steps])
        return blake2b(facts, digest_size=16).hexdigest()
