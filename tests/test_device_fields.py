"""The table of a device's fields: it has every field, and each field survives plan and undo."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args, get_type_hints

import attrs
import orjson
import pytest

from tagodev import Device, DeviceCreate, DeviceEdit, Tag
from tagodev._device_fields import (
    CLEARABLE,
    COLUMNS,
    DEVICE_FIELDS,
    EDIT_COLUMNS,
    LISTED,
    LONG,
    PREFIXES,
    SHOWN,
    STORED,
    TABLE,
)
from tagodev.provision import read_device_changes, read_devices
from tagodev.provision._plan.diff import compare, created
from tagodev.provision._plan.model import PlanSettings
from tagodev.provision._plan.planner import FIELDS
from tagodev.provision._write.document import record_of_device, record_of_row
from tagodev.provision._write.export import EXPORT_FIELDS
from tagodev.provision._write.formats import csv_file

if TYPE_CHECKING:
    from tagodev.provision import DeviceRow

PAGE: Final = Path(__file__).parent.parent / "docs" / "files.md"
UPDATE: Final = bool(os.environ.get("TAGODEV_UPDATE_PAGES"))
SETTINGS: Final = PlanSettings(manager="site")
RESTORE: Final = PlanSettings(manager="site", known_by="id", restore=True)
#: Two values of each column, of a device of a type that has all fields.
VALUES: Final[dict[str, tuple[Any, Any]]] = {
    **{name: (f"{name} 1", f"{name} 2") for name in COLUMNS if DEVICE_FIELDS[name].kind is str},
    **{name: (True, False) for name in COLUMNS if DEVICE_FIELDS[name].kind is bool},
    **{name: (1, 2) for name in COLUMNS if DEVICE_FIELDS[name].kind is int},
    "type": ("hybrid", "hybrid"),
    "chunk_period": ("day", "day"),
    "network": ("a" * 24, "b" * 24),
    "connector": ("c" * 24, "d" * 24),
}
#: Columns that a plan changes.
CHANGED: Final = [name for name in STORED if DEVICE_FIELDS[name].change == "always"]


def names(cls: type[attrs.AttrsInstance]) -> set[str]:
    """Return the fields of a model, except unknown ones of an answer."""
    return {field.name for field in attrs.fields(cls)} - {"extra"}


def rows_of(folder: Path, *records: dict[str, Any], suffix: str = "json") -> list[DeviceRow]:
    """Return rows that a file gives."""
    path = folder / f"devices.{suffix}"
    path.write_bytes(orjson.dumps(list(records)))
    return list(read_devices(path))


def device_of(which: int, **changes: Any) -> Device:
    """Return a device with the first or second value of each field."""
    fields = {name: VALUES[name][which] for name in STORED}
    return Device(id="d" * 24, tags=(Tag("tagodev_managed", "site"),), **fields | changes)


# --- completeness --------------------------------------------------------------------------------


def test_every_field_is_in_the_table() -> None:
    """A field of a model that the table lacks would be lost by plans and snapshots."""
    settable = {field.name for field in DEVICE_FIELDS.values() if field.kind is not None}

    assert names(DeviceCreate) == settable
    assert names(DeviceEdit) == {*EDIT_COLUMNS, *PREFIXES}
    assert names(Device) == set(DEVICE_FIELDS) - {"serie_number", "configuration_params"}


@pytest.mark.parametrize("name", COLUMNS)
def test_the_table_agrees_with_the_models(name: str) -> None:
    """Type and clearing are those of the models; only fields of the device itself are compared."""
    field = DEVICE_FIELDS[name]
    create = get_type_hints(DeviceCreate)[name]

    assert field.kind in (get_args(create) or (create,))
    assert field.content
    assert (name in CLEARABLE) == (type(None) in get_args(get_type_hints(DeviceEdit).get(name)))
    assert field.on_token == (name not in names(Device))
    required = field.placeholder is not None
    assert required or attrs.fields_dict(DeviceCreate)[name].default is not attrs.NOTHING


def test_lists_name_fields_of_the_table() -> None:
    """What a list returns and shows are fields; exports read everything that is stored."""
    assert set(TABLE) <= set(LISTED) <= set(SHOWN) <= set(DEVICE_FIELDS)
    assert {"id", "tags", *STORED} <= set(EXPORT_FIELDS)
    assert set(EXPORT_FIELDS) == {*FIELDS, *LONG}
    assert set(SHOWN) | set(LONG) >= {*STORED, "tags"}


# --- each field comes back -----------------------------------------------------------------------


@pytest.mark.parametrize("name", COLUMNS)
def test_a_file_gives_each_field(tmp_path: Path, name: str) -> None:
    """It is read, sent on creation, shown by the plan and written to the saved plan."""
    record = {column: values[0] for column, values in VALUES.items()}
    (row,) = rows_of(tmp_path, record)
    step = created(row, "site")
    assert step.step is not None
    assert step.step.create is not None

    assert record[name] == getattr(step.step.create, name)
    assert name == "name" or name in {change.path for change in step.changes}
    assert record[name] == record_of_row(row)[name]


@pytest.mark.parametrize("name", EDIT_COLUMNS)
def test_a_file_of_changes_gives_each_field(tmp_path: Path, name: str) -> None:
    """Every field of an edit can be changed by a file."""
    given = {"network", "connector"} if name in ("network", "connector") else {name}
    path = tmp_path / "edits.json"
    path.write_bytes(
        orjson.dumps([{"device_id": "d" * 24, **{one: VALUES[one][1] for one in given}}])
    )
    (row,) = read_device_changes(path)

    assert VALUES[name][1] == getattr(row.change.changes, name)


@pytest.mark.parametrize("name", CHANGED)
def test_a_plan_changes_each_field_and_undo_restores_it(tmp_path: Path, name: str) -> None:
    """File, plan, snapshot, undo: each field is compared, sent, saved and restored."""
    before = device_of(0)
    desired = {column: values[0] for column, values in VALUES.items()} | {name: VALUES[name][1]}
    (row,) = rows_of(tmp_path, desired)
    step = compare(row, before, SETTINGS)
    assert step is not None
    assert step.step is not None

    assert [(name, *VALUES[name])] == [(one.path, one.old, one.new) for one in step.changes]
    assert DeviceEdit(**{name: VALUES[name][1]}) == step.step.edit

    (saved,) = rows_of(tmp_path, record_of_device(before, with_id=True))
    undo = compare(saved, device_of(0, **{name: VALUES[name][1]}), RESTORE)
    assert undo is not None
    assert undo.step is not None

    assert DeviceEdit(**{name: VALUES[name][0]}) == undo.step.edit


@pytest.mark.parametrize("name", CLEARABLE)
def test_undo_clears_what_was_empty(tmp_path: Path, name: str) -> None:
    """A field that was empty before a change is empty again after the undo."""
    before = device_of(0, **{name: None})
    record = record_of_device(before, with_id=True, emptied=CLEARABLE)
    (saved,) = rows_of(tmp_path, record)
    undo = compare(saved, device_of(0), RESTORE)
    assert undo is not None
    assert undo.step is not None

    expected: dict[str, Any] = {name: None}
    assert DeviceEdit(**expected) == undo.step.edit


@pytest.mark.parametrize("name", STORED)
def test_exports_have_each_field(tmp_path: Path, name: str) -> None:
    """An export contains it in its own column, and reading the export gives it again."""
    device = device_of(0)
    path = tmp_path / "export.csv"
    path.write_bytes(csv_file([record_of_device(device)]))
    (row,) = read_devices(path)

    assert getattr(device, name) == getattr(row.device, name)


# --- documentation -------------------------------------------------------------------------------


def documented() -> str:
    """Return the table of columns for the documentation."""
    lines = ["| column | content |", "|---|---|"]
    for field in DEVICE_FIELDS.values():
        if field.kind is None:
            continue
        also = f"; also {', '.join(f'`{one}`' for one in field.aliases)}" if field.aliases else ""
        types = f"; for {' and '.join(field.types)} devices" if field.types else ""
        column, also = (f"{field.prefix}<key>", "") if field.prefix else (field.name, also)
        lines.append(f"| `{column}` | {field.content}{types}{also} |")
    lines.append("| `id` | the device's id, if it exists; `--by id` matches devices by it |")
    return "\n".join(lines) + "\n"


def test_the_page_has_every_column() -> None:
    """The documentation's table of columns is made from the table of fields."""
    page = PAGE.read_text("utf-8")
    found = re.search(r"\| column \| content \|\n(\|.*\n)+", page)
    assert found is not None
    if UPDATE:
        PAGE.write_text(page.replace(found[0], documented()), "utf-8")
        return

    assert documented() == found[0]
