"""Model for changes to single tags, merged with the device's tags at the time of the write.

The service replaces the whole list of tags. A list prepared earlier would remove tags that were
added since.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import attrs

from tagodev.errors import InputError
from tagodev.hard_limits import MAX_TAGS_PER_DEVICE
from tagodev.models.fields import Tag, as_tuple, check_tags
from tagodev.models.unset import UNSET

if TYPE_CHECKING:
    from tagodev.models.devices import DeviceEdit

__all__ = ["TagChanges", "check_tags_once"]


def _check_removed(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, tuple):
        raise InputError(f"must be a list, not {type(value).__name__}", path=attribute.name)
    for index, key in enumerate(value):
        if not isinstance(key, str) or not key.strip():
            raise InputError("must be a tag key", path=f"{attribute.name}[{index}]")


# Not `as_tuple` itself: type checkers could not infer the type of the items.
def _as_tags(value: Iterable[Tag]) -> tuple[Tag, ...]:
    tags: Any = as_tuple(value)
    return cast("tuple[Tag, ...]", tags)


def _as_keys(value: Iterable[str]) -> tuple[str, ...]:
    # A single key is text, which is iterable too: the validator refuses it.
    keys: Any = value if isinstance(value, str) else as_tuple(value)
    return cast("tuple[str, ...]", keys)


@attrs.frozen(kw_only=True)
class TagChanges:
    """Tags to set and to remove on a device; tags with other keys are kept.

    Examples:
        >>> TagChanges(set=[Tag("site", "7")], remove=["room"]).merged([Tag("room", "1")])
        (Tag(key='site', value='7'),)

    Raises:
        InputError: a key is both set and removed, or a device can't have as many tags.
    """

    set: tuple[Tag, ...] = attrs.field(default=(), converter=_as_tags, validator=check_tags)
    """Tags to set; repeat a key to give it several values."""
    remove: tuple[str, ...] = attrs.field(default=(), converter=_as_keys, validator=_check_removed)
    """Keys of the tags to remove."""

    def __attrs_post_init__(self) -> None:
        both = {tag.key for tag in self.set}.intersection(self.remove)
        if both:
            raise InputError(f"also in set: {', '.join(sorted(both))}", path="remove")

    def merged(self, tags: Iterable[Tag]) -> tuple[Tag, ...]:
        """Return the tags of a device after the changes.

        Tags keep their order. A key that already has the values to set is not changed.

        Args:
            tags: current tags of the device.

        Raises:
            InputError: the device would have more than 30 tags.
        """
        before = tuple(tags)
        values: dict[str, list[str]] = {}
        for tag in self.set:
            values.setdefault(tag.key, []).append(tag.value)
        left = {
            key: [Tag(key, value) for value in new]
            for key, new in values.items()
            if sorted(new) != sorted(tag.value for tag in before if tag.key == key)
        }
        replaced = left.keys() | self.remove
        after: list[Tag] = []
        for tag in before:
            if tag.key not in replaced:
                after.append(tag)
            else:
                # All values are written at the position of the first.
                after += left.pop(tag.key, ())
        for new_tags in left.values():
            after += new_tags
        if len(after) > max(len(before), MAX_TAGS_PER_DEVICE):
            raise InputError(
                f"would grow from {len(before)} to {len(after)}, "
                f"but a device can have at most {MAX_TAGS_PER_DEVICE}",
                path="tags",
            )
        return tuple(after)


def check_tags_once(edit: DeviceEdit | None, changes: TagChanges | None) -> None:
    """Refuse an edit that replaces all tags together with changes to single tags.

    Args:
        edit: changes to the device's fields.
        changes: changes to its tags.

    Raises:
        InputError: both are given.
    """
    if changes is not None and edit is not None and edit.tags is not UNSET:
        raise InputError("can't be combined with tags in the edit", path="tags")
