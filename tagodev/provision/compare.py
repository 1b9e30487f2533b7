"""The difference between what a file says and what is there, one device at a time.

A file speaks of the columns that it has, and of nothing else: a field, tag or parameter that it
does not name stays as it is.
What the service does not let anybody change (type, network, connector, chunk period) is told, and
left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import attrs

from tagodev.bulk.applying import MANAGED_TAG
from tagodev.bulk.creating import TAG_PREFIX
from tagodev.hard_limits import MAX_TAGS_PER_DEVICE
from tagodev.models import UNSET, ConfigurationParameter, DeviceEdit, DeviceStep, Tag
from tagodev.provision.plans import Change, PlannedStep

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tagodev.models import Device
    from tagodev.provision.files import DeviceRow

__all__ = ["PROTECTION_TAGS", "TagMode", "compare", "created", "deleted"]

#: Whether tags that the file does not name stay, or go.
TagMode: TypeAlias = Literal["merge", "replace"]

#: Keys of tags that protect a device from being deleted, in both spellings that are documented.
PROTECTION_TAGS: Final = ("_delete_protection_", "_deletion_protection")
_EDITABLE: Final = (
    "name",
    "active",
    "visible",
    "description",
    "chunk_retention",
    "payload_decoder",
)
_FIXED: Final = ("type", "network", "connector", "chunk_period")


def created(row: DeviceRow, manager: str) -> PlannedStep:
    """Return the step that makes a row's device.

    Args:
        row: what the file says.
        manager: what the tag of managed devices names.
    """
    device = row.device
    changes = tuple(_shown_of(row))
    tags = _marked(() if device.tags is UNSET else device.tags, manager)
    if len(tags) > MAX_TAGS_PER_DEVICE:
        return _blocked(row, None, changes, _no_room_for_mark())
    marked = attrs.evolve(device, tags=tags)
    return PlannedStep(
        action="create",
        name=device.name,
        line=row.line,
        changes=changes,
        step=DeviceStep(create=marked),
    )


def deleted(device: Device) -> PlannedStep:
    """Return the step that deletes a device, or says what protects it."""
    for tag in device.tags:
        if tag.key in PROTECTION_TAGS:
            return PlannedStep(
                action="blocked",
                name=device.name,
                device_id=device.id,
                reason=f"would be deleted, but its tag {tag.key} protects it",
            )
    return PlannedStep(
        action="delete",
        name=device.name,
        device_id=device.id,
        reason="managed, and no longer in the file",
        step=DeviceStep(device_id=device.id, delete=True),
        before=device,
    )


def compare(
    row: DeviceRow,
    device: Device,
    manager: str,
    *,
    parameters: Sequence[ConfigurationParameter] | None = None,
    tag_mode: TagMode = "merge",
) -> PlannedStep | None:
    """Return what would make a device what a row says; None if it is so already.

    Args:
        row: what the file says.
        device: what is there.
        manager: what the tag of managed devices names.
        parameters: the device's configuration parameters, where they were read.
        tag_mode: whether tags that the file does not name stay.
    """
    fields, fixed = _field_changes(row, device)
    tags, tag_changes = _tag_changes(row, device, tag_mode)
    wanted, parameter_changes = _parameter_changes(row, parameters)
    changes = (*fields, *tag_changes, *parameter_changes)
    if fixed:
        names = ", ".join(change.path for change in fixed)
        return _blocked(row, device, (*fixed, *changes), f"{names} can't be changed any more")
    if not changes:
        return None
    others = {tag.value for tag in device.tags if tag.key == MANAGED_TAG} - {manager}
    if others:
        return _blocked(row, device, changes, f"is managed as {', '.join(sorted(others))}")
    marked = _marked(tags, manager)
    if len(marked) > MAX_TAGS_PER_DEVICE:
        return _blocked(row, device, changes, _no_room_for_mark())
    edit: dict[str, Any] = {change.path: change.new for change in fields}
    if marked != device.tags:
        edit["tags"] = marked
    return PlannedStep(
        action="change",
        name=device.name,
        device_id=device.id,
        line=row.line,
        changes=changes,
        step=DeviceStep(
            device_id=device.id,
            edit=DeviceEdit(**edit) if edit else None,
            parameters=wanted,
        ),
        before=device,
        parameters_before=None if parameters is None else tuple(parameters),
    )


# --- inside ------------------------------------------------------------------------------------


def _field_changes(row: DeviceRow, device: Device) -> tuple[list[Change], list[Change]]:
    """Return the changes of fields that can be made, and those that can't."""
    editable: list[Change] = []
    fixed: list[Change] = []
    for names, found in ((_EDITABLE, editable), (_FIXED, fixed)):
        for name in names:
            if name not in row.given:
                continue
            old, new = getattr(device, name), getattr(row.device, name)
            # No description and an empty one look the same to everybody.
            if (old != new and (old or None) != (new or None)) or (old is None and new is False):
                found.append(Change(name, old, new))
    return editable, fixed


def _tag_changes(
    row: DeviceRow, device: Device, mode: TagMode
) -> tuple[tuple[Tag, ...], list[Change]]:
    """Return the tags as they shall be, and the changes that lead there."""
    wanted = () if row.device.tags is UNSET else row.device.tags
    new, old = _by_key(wanted), _by_key(device.tags)
    if not new and mode == "merge":
        return device.tags, []
    gone = [key for key in old if key not in new and not _is_ours(key)]
    changes = [
        Change(f"tags.{key}", _joined(old.get(key)), _joined(values))
        for key, values in new.items()
        if sorted(old.get(key, ())) != sorted(values)
    ]
    kept = [tag for tag in device.tags if tag.key not in new]
    if mode == "replace":
        changes += [Change(f"tags.{key}", _joined(old[key]), None) for key in gone]
        kept = [tag for tag in kept if tag.key not in gone]
    if not changes:
        return device.tags, []
    return (*kept, *wanted), changes


def _parameter_changes(
    row: DeviceRow, parameters: Sequence[ConfigurationParameter] | None
) -> tuple[tuple[ConfigurationParameter, ...], list[Change]]:
    wanted = row.device.configuration_params
    if wanted is UNSET or parameters is None:
        return (), []
    old = {one.key: one.value for one in reversed(parameters)}
    changed = tuple(one for one in wanted if old.get(one.key) != one.value)
    return changed, [Change(f"params.{one.key}", old.get(one.key), one.value) for one in changed]


def _shown_of(row: DeviceRow) -> Iterable[Change]:
    """Yield what a new device would be made with."""
    device = row.device
    for name in (*_EDITABLE, *_FIXED, "serie_number"):
        value = getattr(device, name)
        if name in row.given and value is not UNSET and name != "name":
            yield Change(name, None, value)
    for key, values in _by_key(() if device.tags is UNSET else device.tags).items():
        yield Change(f"tags.{key}", None, _joined(values))
    for one in () if device.configuration_params is UNSET else device.configuration_params:
        yield Change(f"params.{one.key}", None, one.value)


def _by_key(tags: Iterable[Tag]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for tag in tags:
        found.setdefault(tag.key, []).append(tag.value)
    return found


def _joined(values: Sequence[str] | None) -> str | None:
    return None if values is None else ", ".join(sorted(values))


def _is_ours(key: str) -> bool:
    return key == MANAGED_TAG or key.startswith(TAG_PREFIX)


def _marked(tags: Iterable[Tag], manager: str) -> tuple[Tag, ...]:
    return (*(tag for tag in tags if tag.key != MANAGED_TAG), Tag(MANAGED_TAG, manager))


def _no_room_for_mark() -> str:
    return f"with the tag {MANAGED_TAG} it would carry more than {MAX_TAGS_PER_DEVICE} tags"


def _blocked(
    row: DeviceRow, device: Device | None, changes: tuple[Change, ...], reason: str
) -> PlannedStep:
    return PlannedStep(
        action="blocked",
        name=row.device.name,
        device_id="" if device is None else device.id,
        line=row.line,
        changes=changes,
        reason=reason,
    )
