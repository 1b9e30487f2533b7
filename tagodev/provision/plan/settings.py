"""Settings of a plan: the manager, the identity of devices, and what is removed."""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

from tagodev.errors import InputError

__all__ = ["PlanSettings", "TagMode"]

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
