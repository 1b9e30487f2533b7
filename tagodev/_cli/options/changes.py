"""Parsing of ``--set`` and ``--unset``, and the resulting change of each device.

Fields and values are written as in device files: ``active=false``, ``tag.site=7``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from tagodev._cli.options.devices import key_and_value
from tagodev._device_fields import CLEARABLE, COLUMNS, EDIT_COLUMNS, PARAM, PREFIXES, TAG
from tagodev._models import DeviceChange, DeviceEdit, Tag, TagChanges
from tagodev.errors import InputError
from tagodev.provision._read.device_fields import read_fields, refuse_device_column

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from tagodev._models import Device

__all__ = ["Changes"]


@attrs.frozen(kw_only=True)
class Changes:
    """Field and tag changes that apply to each device."""

    fields: Mapping[str, Any]
    """New values of fields."""
    tags: Mapping[str, str]
    """New values of tags, by key."""
    untag: Collection[str]
    """Keys of tags to remove."""
    replace_tags: bool
    """Whether to remove all tags that are not in `tags`."""

    @classmethod
    def read(cls, assigned: Iterable[str], unset: Iterable[str], *, replace_tags: bool) -> Changes:
        """Parse the options.

        Args:
            assigned: values of ``--set``: ``FIELD=VALUE``, ``tag.KEY=VALUE``.
            unset: values of ``--unset``: ``FIELD``, ``tag.KEY``.
            replace_tags: whether to remove all tags that are not set.

        Raises:
            InputError: an option is invalid.
        """
        values = dict(_assignment(text) for text in assigned)
        fields, problems = read_fields(values, EDIT_COLUMNS)
        if problems:
            raise problems[0]
        tags = {tag.key: tag.value for tag in fields.pop("tags", ())}
        untag = set()
        for name in unset:
            if name.startswith(TAG) and name != TAG:
                untag.add(name.removeprefix(TAG))
            elif name in CLEARABLE:
                fields[name] = None
            else:
                raise InputError(
                    f"{name} can't be removed",
                    path="--unset",
                    hint=f"Only {', '.join(CLEARABLE)} and tag.KEY can be removed",
                )
        if replace_tags and (untag or not tags):
            raise InputError(
                "requires the tags to set, and no --unset tag.KEY",
                path="--replace-tags",
                hint="Add --set tag.KEY=VALUE",
            )
        if not (fields or tags or untag):
            raise InputError("give at least one --set or --unset", path="--set")
        if both := sorted(untag & tags.keys()):
            raise InputError(f"tag.{both[0]} is also set with --set", path="--unset")
        # Validates the fields before any request.
        DeviceEdit(**fields)
        return cls(fields=fields, tags=tags, untag=untag, replace_tags=replace_tags)

    @property
    def fields_needed(self) -> tuple[str, ...]:
        """The fields of a device that `of` compares."""
        return ("tags", *self.fields)

    def of(self, device: Device) -> DeviceChange | None:
        """Return the change of a device; None if it already matches.

        Args:
            device: a device with the fields in `fields_needed`.

        Raises:
            InputError: the device would have too many tags.
        """
        changed = {
            name: value for name, value in self.fields.items() if getattr(device, name) != value
        }
        # The service accepts these two only together.
        if "network" in changed or "connector" in changed:
            changed |= {name: self.fields[name] for name in ("network", "connector")}
        tags = self._tag_changes()
        if self.replace_tags:
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
    if name.startswith(PARAM):
        raise InputError(
            "configuration parameters are set with another command",
            path="--set",
            hint=f"tagodev param set DEVICE {name.removeprefix(PARAM)}={value}",
        )
    problem = refuse_device_column(name, EDIT_COLUMNS)
    if problem or name in PREFIXES:
        if name in COLUMNS:
            problem = "can't be changed after the device is created"
        raise InputError(problem or "set each tag with tag.KEY=VALUE", path=f"--set {name}")
    return name, value
