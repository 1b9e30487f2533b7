"""Changes of single tags, merged with the tags that a device has when they are written.

The service's edit replaces the whole list of tags.
A list fixed earlier would remove the tags that were added since.
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
            raise InputError("must be the key of a tag", path=f"{attribute.name}[{index}]")


# Not `as_tuple` itself: type checkers would refuse every caller's items for want of their type.
def _as_tags(value: Iterable[Tag]) -> tuple[Tag, ...]:
    tags: Any = as_tuple(value)
    return cast("tuple[Tag, ...]", tags)


def _as_keys(value: Iterable[str]) -> tuple[str, ...]:
    # A key given alone is text, which is iterable too; it is left to be refused.
    keys: Any = value if isinstance(value, str) else as_tuple(value)
    return cast("tuple[str, ...]", keys)


@attrs.frozen(kw_only=True)
class TagChanges:
    """The tags to set and to remove in a device; tags with other keys stay.

    Examples:
        >>> TagChanges(set=[Tag("site", "7")], remove=["room"]).merged([Tag("room", "1")])
        (Tag(key='site', value='7'),)

    Raises:
        InputError: a key is both set and removed, or the tags are more than a device holds.
    """

    set: tuple[Tag, ...] = attrs.field(default=(), converter=_as_tags, validator=check_tags)
    """Tags to set; a key that stands more than once gets several values."""
    remove: tuple[str, ...] = attrs.field(default=(), converter=_as_keys, validator=_check_removed)
    """Keys of the tags to remove."""

    def __attrs_post_init__(self) -> None:
        both = {tag.key for tag in self.set}.intersection(self.remove)
        if both:
            raise InputError(f"removes what is set: {', '.join(sorted(both))}", path="remove")

    def merged(self, tags: Iterable[Tag]) -> tuple[Tag, ...]:
        """Return the tags of a device after the changes.

        Tags keep their order. A key that has the values to set already is left as it is.

        Args:
            tags: that the device has now.

        Raises:
            InputError: the device would have more tags than it holds (30).
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
                # All values take the place of the first.
                after += left.pop(tag.key, ())
        for new_tags in left.values():
            after += new_tags
        if len(after) > max(len(before), MAX_TAGS_PER_DEVICE):
            raise InputError(
                f"{len(before)} tags are there and {len(after)} would be, "
                f"but a device holds at most {MAX_TAGS_PER_DEVICE}",
                path="tags",
            )
        return tuple(after)


def check_tags_once(edit: DeviceEdit | None, changes: TagChanges | None) -> None:
    """Refuse an edit that replaces all tags beside changes of single ones.

    Args:
        edit: of the device's fields.
        changes: of its tags.

    Raises:
        InputError: both are given.
    """
    if changes is not None and edit is not None and edit.tags is not UNSET:
        raise InputError("are replaced by the edit, and changed one by one too", path="tags")
