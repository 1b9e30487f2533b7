"""What ``--set`` and ``--unset`` ask for, and what that means for each device.

The words are those of the files that devices are made of: ``active=false``, ``tag.site=7``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev.cli.options.devices import key_and_value
from tagodev.errors import InputError
from tagodev.models import DeviceChange, DeviceEdit, Tag, TagChanges
from tagodev.provision.read.device_fields import DEVICE_COLUMNS, read_fields, refuse_device_column

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from tagodev.models import Device

__all__ = ["Changes"]

_TAG: Final = "tag."
_PARAM: Final = "param."
_EDITABLE: Final = tuple(
    column for column in DEVICE_COLUMNS if column in attrs.fields_dict(DeviceEdit)
)
#: What may be emptied.
_NULLABLE: Final = ("description",)


@attrs.frozen(kw_only=True)
class Changes:
    """What to change in devices."""

    fields: Mapping[str, Any]
    """New values of fields."""
    tags: Mapping[str, str]
    """New values of tags, by their keys."""
    untag: Collection[str]
    """Keys of tags that are to go."""
    replace_tags: bool
    """Whether tags that are not named go, too."""

    @classmethod
    def read(cls, given: Iterable[str], dropped: Iterable[str], *, replace_tags: bool) -> Changes:
        """Read what the options say.

        Args:
            given: ``FIELD=VALUE``, ``tag.KEY=VALUE``.
            dropped: ``FIELD``, ``tag.KEY``.
            replace_tags: whether tags that are not named go.

        Raises:
            InputError: something that can't be meant.
        """
        values = dict(_assignment(text) for text in given)
        fields, problems = read_fields(values, _EDITABLE)
        if problems:
            raise problems[0]
        tags = {tag.key: tag.value for tag in fields.pop("tags", ())}
        untag = set()
        for name in dropped:
            if name.startswith(_TAG) and name != _TAG:
                untag.add(name.removeprefix(_TAG))
            elif name in _NULLABLE:
                fields[name] = None
            else:
                raise InputError(
                    f"{name} can't be emptied", path="--unset", hint="description and tag.KEY can"
                )
        if replace_tags and (untag or not tags):
            raise InputError(
                "goes with the tags that are to be there: --set tag.KEY=VALUE",
                path="--replace-tags",
            )
        if not (fields or tags or untag):
            raise InputError("what is to change? Give --set or --unset", path="--set")
        if both := sorted(untag & tags.keys()):
            raise InputError(f"tag.{both[0]} is given to --set too", path="--unset")
        # What the service would refuse is refused here, before anything is looked up.
        DeviceEdit(**fields)
        return cls(fields=fields, tags=tags, untag=untag, replace_tags=replace_tags)

    @property
    def asks_for(self) -> tuple[str, ...]:
        """The fields of a device that must be known to tell what changes in it."""
        return ("tags", *self.fields)

    def of(self, device: Device) -> DeviceChange | None:
        """Return what to change in a device; None if it is so already.

        Args:
            device: with the fields that `asks_for` names.

        Raises:
            InputError: it would have more tags than a device holds.
        """
        changed = {
            name: value for name, value in self.fields.items() if getattr(device, name) != value
        }
        # The two are changed together only.
        if "network" in changed or "connector" in changed:
            changed |= {name: self.fields[name] for name in ("network", "connector")}
        tags = self._tag_changes()
        if self.replace_tags:
            # The whole list is what the option asks for.
            tags = None
            if sorted(device.tags, key=str) != sorted(self._new_tags(), key=str):
                changed["tags"] = self._new_tags()
        try:
            if tags is not None and tags.merged(device.tags) == device.tags:
                tags = None
            if not (changed or tags):
                return None
            return DeviceChange(device.id, DeviceEdit(**changed), tags=tags)
        except InputError as error:
            error.source = error.source or f"device {device.id}"
            raise

    def _new_tags(self) -> list[Tag]:
        return [Tag(key, value) for key, value in self.tags.items()]

    def _tag_changes(self) -> TagChanges | None:
        if not (self.tags or self.untag):
            return None
        return TagChanges(set=self._new_tags(), remove=sorted(self.untag))


def _assignment(text: str) -> tuple[str, str]:
    name, value = key_and_value(text, "--set")
    if value is None:
        raise InputError(f"must be FIELD=VALUE, not {text!r}", path="--set")
    if name.startswith(_PARAM):
        raise InputError(
            "parameters have a command of their own",
            path="--set",
            hint=f"tagodev param set DEVICE {name.removeprefix(_PARAM)}={value}",
        )
    problem = refuse_device_column(name, _EDITABLE)
    if problem or name in ("tags", "configuration_params"):
        if name in DEVICE_COLUMNS:
            problem = "can't be changed once the device is made"
        raise InputError(problem or "give each tag: tag.KEY=VALUE", path=f"--set {name}")
    return name, value
