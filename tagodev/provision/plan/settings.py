"""What a file of devices stands for: whose devices, and by what they are known."""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

from tagodev.errors import InputError

__all__ = ["PlanSettings", "TagMode"]

#: Whether tags that the file does not name stay, or go.
TagMode: TypeAlias = Literal["merge", "replace"]


def _known_by(instance: PlanSettings, attribute: attrs.Attribute[str], value: str) -> None:
    del instance
    names = ("name", "serial") if attribute.name == "new_by" else ("name", "serial", "id")
    if value not in names and not (value.startswith("tag:") and value[4:].strip()):
        raise InputError(
            f"is {', '.join(names)} or tag:KEY, not {value!r}",
            path=attribute.name,
        )


def _named(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not value.strip():
        raise InputError("must not be empty", path=attribute.name)


@attrs.frozen(kw_only=True)
class PlanSettings:
    """What a file stands for.

    Examples:
        >>> PlanSettings(manager="site", known_by="tag:serial").made_by
        'tag:serial'
    """

    manager: str = attrs.field(validator=_named)
    """What the tag ``tagodev_managed`` of its devices says."""
    known_by: str = attrs.field(default="name", validator=_known_by)
    """By what its devices are known: ``name``, ``tag:KEY``, ``serial`` or ``id``."""
    new_by: str = attrs.field(default="name", validator=_known_by)
    """Where that is ``id``: by what devices are known that have none yet, among those of this
    manager."""
    prune: bool = False
    """Whether managed devices that it does not name are deleted."""
    tag_mode: TagMode = "merge"
    """Whether tags that it does not name stay."""
    restore: bool = False
    """Whether it puts devices back as they were: with exactly the tags it names, and made anew
    where their id is gone."""

    @property
    def made_by(self) -> str:
        """By what the devices that it makes are known, until they have an id."""
        return self.new_by if self.known_by == "id" else self.known_by
