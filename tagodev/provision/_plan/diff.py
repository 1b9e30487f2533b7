"""Difference between the desired and the actual state of one device.

Only fields, tags and parameters that the file names are compared; all others are kept.
Changes to fields that the service can't change (type, network, connector, chunk period) block the
step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev._bulk.operations.apply_steps import MANAGED_TAG
from tagodev._bulk.operations.create_devices import TAG_PREFIX
from tagodev._device_fields import CLEARABLE, DEVICE_FIELDS, STORED
from tagodev._models import UNSET, ApplyStep, ConfigurationParameter, DeviceEdit, Tag, TagChanges
from tagodev.hard_limits import MAX_PARAMETERS_PER_DEVICE, MAX_TAGS_PER_DEVICE
from tagodev.provision._plan.model import Change, PlannedStep

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tagodev._models import Device
    from tagodev.provision._plan.model import PlanSettings
    from tagodev.provision._read.devices import DeviceRow

__all__ = ["PROTECTION_TAGS", "blocked", "compare", "created", "deleted", "is_own_tag"]

#: Keys of tags that protect a device from deletion, in both documented spellings.
PROTECTION_TAGS: Final = ("_delete_protection_", "_deletion_protection")
_EDITABLE: Final = tuple(one for one in STORED if DEVICE_FIELDS[one].change == "always")
#: A device of a list has a token.
_FIXED: Final = tuple(one for one in STORED if one not in _EDITABLE)


def is_own_tag(key: str) -> bool:
    """Return whether tagodev itself writes tags with this key."""
    return key == MANAGED_TAG or key.startswith(TAG_PREFIX)


# --- steps -------------------------------------------------------------------------------------


def created(row: DeviceRow, manager: str) -> PlannedStep:
    """Return the step that creates a row's device.

    Args:
        row: the desired state of the device.
        manager: manager of the device.
    """
    device = row.device
    changes = tuple(_shown_of(row))
    tags = _with_mark(_tags_of(row), manager)
    if len(tags) > MAX_TAGS_PER_DEVICE:
        return blocked(row, _too_many_tags(tags), changes=changes)
    return PlannedStep(
        action="create",
        name=device.name,
        line=row.line,
        changes=changes,
        step=ApplyStep(create=attrs.evolve(device, tags=tags), name=device.name),
    )


def deleted(device: Device) -> PlannedStep:
    """Return the step that deletes a device, or a blocked step if it is protected."""
    for tag in device.tags:
        if tag.key in PROTECTION_TAGS:
            return PlannedStep(
                action="blocked",
                name=device.name,
                device_id=device.id,
                reason=f"can't be deleted: protected by its tag {tag.key}",
            )
    return PlannedStep(
        action="delete",
        name=device.name,
        device_id=device.id,
        reason="managed, but no longer in the file",
        step=ApplyStep(device_id=device.id, delete=True, name=device.name),
        before=device,
    )


def blocked(
    row: DeviceRow,
    reason: str,
    *,
    device: Device | None = None,
    changes: tuple[Change, ...] = (),
) -> PlannedStep:
    """Return a blocked step.

    Args:
        row: the desired state of the device.
        reason: why it is blocked.
        device: the device; None if it does not exist.
        changes: the desired changes.
    """
    return PlannedStep(
        action="blocked",
        name=row.device.name,
        device_id="" if device is None else device.id,
        line=row.line,
        changes=changes,
        reason=reason,
    )


def compare(
    row: DeviceRow,
    device: Device,
    settings: PlanSettings,
    *,
    parameters: Sequence[ConfigurationParameter] | None = None,
) -> PlannedStep | None:
    """Return the step that changes a device to the desired state; None if nothing changes.

    Args:
        row: the desired state of the device.
        device: the actual state of the device.
        settings: the plan settings.
        parameters: the device's configuration parameters; None if they were not read.
    """
    fields, fixed = _field_changes(row, device)
    tags, removed, tag_changes = _tag_changes(row, device, settings)
    desired, parameter_changes = _parameter_changes(row, parameters)
    changes = (*fixed, *fields, *tag_changes, *parameter_changes)
    if not changes:
        return None
    if not settings.restore and Tag(MANAGED_TAG, settings.manager) not in device.tags:
        tags = _with_mark(tags, settings.manager)
        changes = (*changes, *_mark_change(device, settings.manager))
    replaced = {*removed, *(tag.key for tag in tags)}
    after = (*(tag for tag in device.tags if tag.key not in replaced), *tags)
    reason = _obstacle(device, settings, fixed, after) or _no_parameters(parameters or (), desired)
    if reason:
        return blocked(row, reason, device=device, changes=changes)
    edit: dict[str, Any] = {change.path: change.new for change in fields}
    edit |= {name: None for name in CLEARABLE if edit.get(name) == ""}
    return PlannedStep(
        action="change",
        name=device.name,
        device_id=device.id,
        line=row.line,
        changes=changes,
        step=ApplyStep(
            device_id=device.id,
            edit=DeviceEdit(**edit) if edit else None,
            # Only the tags that the plan shows: tags added meanwhile are kept.
            tags=TagChanges(set=tags, remove=removed) if replaced else None,
            parameters=desired,
            name=device.name,
        ),
        before=device,
        parameters_before=None if parameters is None else tuple(parameters),
    )


def _obstacle(
    device: Device, settings: PlanSettings, fixed: Sequence[Change], tags: Sequence[Tag]
) -> str:
    """Return why a device can't be changed; empty if it can."""
    if fixed:
        names = ", ".join(change.path for change in fixed)
        return f"{names} can't be changed on an existing device"
    others = {tag.value for tag in device.tags if tag.key == MANAGED_TAG} - {settings.manager}
    if others:
        return f"is managed as {', '.join(sorted(others))}"
    if len(tags) > MAX_TAGS_PER_DEVICE:
        return _too_many_tags(tags)
    return ""


def _no_parameters(
    present: Iterable[ConfigurationParameter], desired: Sequence[ConfigurationParameter]
) -> str:
    """Return why parameters can't be set; empty if they can."""
    keys = {one.key for one in desired}
    if len(keys) < len(desired):
        return "has a parameter twice"
    number = len(keys.union(one.key for one in present))
    if number > MAX_PARAMETERS_PER_DEVICE:
        return (
            f"would have {number} parameters, but a device can have at most "
            f"{MAX_PARAMETERS_PER_DEVICE}"
        )
    return ""


def _too_many_tags(tags: Sequence[Tag]) -> str:
    mark = f", including {MANAGED_TAG}" if any(tag.key == MANAGED_TAG for tag in tags) else ""
    return f"would have {len(tags)} tags{mark}, but a device can have at most {MAX_TAGS_PER_DEVICE}"


# --- differences -------------------------------------------------------------------------------


def _field_changes(row: DeviceRow, device: Device) -> tuple[list[Change], list[Change]]:
    """Return the possible and the impossible changes of fields."""
    editable: list[Change] = []
    fixed: list[Change] = []
    for name in (one for one in STORED if one in row.given):
        old, new, types = (
            getattr(device, name),
            getattr(row.device, name),
            DEVICE_FIELDS[name].types,
        )
        # A missing and an empty description are equal.
        is_empty = name in CLEARABLE and not old and not new
        if old != new and not is_empty and (not types or device.type in types):
            (editable if name in _EDITABLE else fixed).append(Change(name, old, new))
    return editable, fixed


def _tag_changes(
    row: DeviceRow, device: Device, settings: PlanSettings
) -> tuple[tuple[Tag, ...], tuple[str, ...], list[Change]]:
    """Return the tags to set, the keys of the tags to remove, and the changes to show."""
    desired = _tags_of(row)
    new, old = _by_key(desired), _by_key(device.tags)
    removed = tuple(key for key in old if key not in new and _is_removed(key, settings))
    other = {key for key, values in new.items() if sorted(old.get(key, ())) != sorted(values)}
    changes = [
        Change(f"tags.{key}", _joined(old.get(key)), _joined(values))
        for key, values in new.items()
        if key in other
    ]
    changes += [Change(f"tags.{key}", _joined(old[key]), None) for key in removed]
    return tuple(tag for tag in desired if tag.key in other), removed, changes


def _is_removed(key: str, settings: PlanSettings) -> bool:
    """Return whether a tag that is not in the row is removed."""
    return settings.restore or (settings.tag_mode == "replace" and not is_own_tag(key))


def _parameter_changes(
    row: DeviceRow, parameters: Sequence[ConfigurationParameter] | None
) -> tuple[tuple[ConfigurationParameter, ...], list[Change]]:
    desired = row.device.configuration_params
    if desired is UNSET or parameters is None:
        return (), []
    # Of several parameters with the same key, the first is set.
    old = {one.key: one.value for one in reversed(parameters)}
    changed = tuple(one for one in desired if old.get(one.key) != one.value)
    return changed, [Change(f"params.{one.key}", old.get(one.key), one.value) for one in changed]


def _mark_change(device: Device, manager: str) -> Iterator[Change]:
    old = _by_key(device.tags).get(MANAGED_TAG)
    yield Change(f"tags.{MANAGED_TAG}", _joined(old), manager)


def _shown_of(row: DeviceRow) -> Iterable[Change]:
    """Yield the values of a new device as changes."""
    device = row.device
    for name in (*_EDITABLE, *_FIXED, "serie_number"):
        value = getattr(device, name)
        if name in row.given and value is not UNSET and name != "name":
            yield Change(name, None, value)
    for key, values in _by_key(_tags_of(row)).items():
        yield Change(f"tags.{key}", None, _joined(values))
    for one in () if device.configuration_params is UNSET else device.configuration_params:
        yield Change(f"params.{one.key}", None, one.value)


# --- tags --------------------------------------------------------------------------------------


def _tags_of(row: DeviceRow) -> tuple[Tag, ...]:
    tags = row.device.tags
    return () if tags is UNSET else tags


def _by_key(tags: Iterable[Tag]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for tag in tags:
        found.setdefault(tag.key, []).append(tag.value)
    return found


def _joined(values: Sequence[str] | None) -> str | None:
    return None if values is None else ", ".join(sorted(values))


def _with_mark(tags: Iterable[Tag], manager: str) -> tuple[Tag, ...]:
    return (*(tag for tag in tags if tag.key != MANAGED_TAG), Tag(MANAGED_TAG, manager))
