"""The difference between a row and a device: what is changed, and that it is nothing afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import (
    UNSET,
    ConfigurationParameter,
    Device,
    DeviceCreate,
    DeviceEdit,
    Tag,
    TagChanges,
)
from tagodev.provision import DeviceRow
from tagodev.provision._plan.diff import PROTECTION_TAGS, compare, created, deleted
from tagodev.provision._plan.model import Change, PlannedStep
from tests.provision.support import HTTPS, MARK, SETTINGS, device, marked, row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagodev.provision._plan.model import PlanSettings

REPLACE = attrs.evolve(SETTINGS, tag_mode="replace")
RESTORE = attrs.evolve(SETTINGS, known_by="id", restore=True)


def told(step: PlannedStep | None) -> dict[str, tuple[Any, Any]]:
    """Return the changes of a step: path to old and new value."""
    assert step is not None
    return {change.path: (change.old, change.new) for change in step.changes}


# --- any device, any row -------------------------------------------------------------------------

KEYS = ("site", "room", "tagodev.1a2b3c4d", "_delete_protection_")
values = st.sampled_from(["", "a", "b", "a, b"])
tags = st.lists(st.builds(Tag, st.sampled_from(KEYS), values), max_size=5).map(tuple)
marks = st.sampled_from([(), (MARK,)])
names = st.sampled_from(["check_rate", "mode"])
parameter_lists = st.lists(st.builds(ConfigurationParameter, names, values), max_size=4).map(tuple)
intents = st.sampled_from([SETTINGS, REPLACE, RESTORE])
STORAGES: list[dict[str, Any]] = [
    {"type": "mutable"},
    {"type": "immutable", "chunk_period": "month", "chunk_retention": 3},
    {
        "type": "hybrid",
        "chunk_period": "day",
        "chunk_retention": 0,
        "mutable_variable_regex": "^set",
    },
]
EDITABLE = {
    "name": st.sampled_from(["Cold room 1", "Cold room 2"]),
    "active": st.booleans(),
    "visible": st.booleans(),
    "description": st.sampled_from(["", "north"]),
    "payload_decoder": st.sampled_from(["", "Ly8="]),
}


@st.composite
def devices(draw: st.DrawFn) -> Device:
    """Draw a device that is there."""
    fields: dict[str, Any] = {name: draw(strategy) for name, strategy in EDITABLE.items()}
    storage = draw(st.sampled_from(STORAGES))
    for name in ("description", "payload_decoder"):
        fields[name] = fields[name] or None
    return Device(
        id="67e1a2b3c4d5e6f708192a3b",
        tags=(*draw(tags), *draw(marks)),
        **{**HTTPS, **storage, **fields},
    )


@st.composite
def rows(draw: st.DrawFn) -> DeviceRow:
    """Draw a row that gives some of what there is to give."""
    fields: dict[str, Any] = {name: draw(strategy) for name, strategy in EDITABLE.items()}
    fields |= draw(st.sampled_from(STORAGES))
    asked = draw(st.sets(st.sampled_from(sorted(fields))))
    wanted = draw(parameter_lists)
    fields["tags"] = draw(tags) or UNSET
    # A file that gives a parameter twice is told so; see below.
    fields["configuration_params"] = tuple({one.key: one for one in wanted}.values()) or UNSET
    return DeviceRow(2, DeviceCreate(**fields), number=1, given=frozenset(asked))


def applied(
    step: PlannedStep, there: Device, parameters: Sequence[ConfigurationParameter]
) -> tuple[Device, list[ConfigurationParameter]]:
    """Return a device and its parameters as a service has them after a step."""
    assert step.step is not None
    edit = step.step.edit or DeviceEdit()
    changed = attrs.asdict(edit, recurse=False)
    if step.step.tags is not None:
        changed["tags"] = step.step.tags.merged(there.tags)
    after = attrs.evolve(
        there, **{name: value for name, value in changed.items() if value is not UNSET}
    )
    kept = {id(one): one for one in parameters}
    for one in step.step.parameters:
        first = next((old for old in parameters if old.key == one.key), one)
        kept[id(first)] = one
    return after, list(kept.values())


@given(row=rows(), there=devices(), parameters=parameter_lists, settings=intents)
def test_what_is_changed_is_as_it_should_be(
    row: DeviceRow,
    there: Device,
    parameters: tuple[ConfigurationParameter, ...],
    settings: PlanSettings,
) -> None:
    """Comparing again, after what a comparison asks for was done, finds nothing."""
    step = compare(row, there, settings, parameters=parameters)
    if step is None or step.action == "blocked":
        return
    after, parameters_after = applied(step, there, parameters)

    assert after != there or parameters_after != list(parameters)
    assert compare(row, after, settings, parameters=parameters_after) is None


@given(row=rows(), there=devices(), settings=intents)
def test_a_file_speaks_of_nothing_else(
    row: DeviceRow, there: Device, settings: PlanSettings
) -> None:
    """What a row does not give stays: fields always, tags unless they are to be replaced."""
    step = compare(row, there, settings)
    if step is None or step.step is None:
        return
    after, _ = applied(step, there, ())
    wanted = () if row.device.tags is UNSET else row.device.tags

    for name in (*EDITABLE, "type", "network", "connector", "chunk_period"):
        if name not in row.given:
            assert getattr(there, name) == getattr(after, name)
    kept = [tag for tag in there.tags if tag.key not in {one.key for one in wanted}]
    if settings is SETTINGS:
        assert set(kept) | {*wanted, MARK} == set(after.tags) | {MARK}
    elif settings is REPLACE:
        ours = [tag for tag in kept if tag.key.startswith("tagodev")]
        assert {*ours, *wanted, MARK} == set(after.tags) | {MARK}
    elif after.tags != there.tags:
        assert sorted(wanted, key=str) == sorted(after.tags, key=str)


# --- fields --------------------------------------------------------------------------------------


def test_as_it_should_be() -> None:
    """A device that is as the file says is left alone, marked or not."""
    wanted = row(active=True, type="mutable", tags={"site": "dairy"})

    assert compare(wanted, device("Cold room 1", Tag("site", "dairy")), SETTINGS) is None


def test_each_value_that_changes_is_told() -> None:
    """Fields, tags and parameters, each with what it is and what it would be."""
    there = marked("Cold room 1", Tag("site", "dairy"), description="south")
    before = [ConfigurationParameter("check_rate", "600"), ConfigurationParameter("mode", "eco")]
    wanted = row(
        active=False,
        description="north",
        tags={"site": "dairy-2", "room": "1"},
        params={"check_rate": "900", "mode": "eco", "unit": "C"},
    )
    step = compare(wanted, there, SETTINGS, parameters=before)

    assert {
        "active": (True, False),
        "description": ("south", "north"),
        "tags.site": ("dairy", "dairy-2"),
        "tags.room": (None, "1"),
        "params.check_rate": ("600", "900"),
        "params.unit": (None, "C"),
    } == told(step)
    assert step is not None
    assert step.step is not None
    assert {"check_rate", "unit"} == {one.key for one in step.step.parameters}


def test_parameters_alone_edit_nothing() -> None:
    """Where only parameters differ, the device itself is not sent."""
    step = compare(row(params={"a": "1"}), marked(), SETTINGS, parameters=[])

    assert step is not None
    assert step.step is not None
    assert step.step.edit is None


def test_parameters_that_were_not_read_are_not_compared() -> None:
    """Without the device's parameters nothing is said of them."""
    assert compare(row(params={"a": "1"}), marked(), SETTINGS) is None


def test_of_parameters_with_one_key_the_first_counts() -> None:
    """It is the one that is set, and so the one that is compared."""
    before = [ConfigurationParameter("a", value) for value in "123"]
    differs = compare(row(params={"a": "3"}), marked(), SETTINGS, parameters=before)

    assert {"params.a": ("1", "3")} == told(differs)
    assert compare(row(params={"a": "1"}), marked(), SETTINGS, parameters=before) is None


def test_whether_a_parameter_was_read_does_not_count() -> None:
    """The device says that, not the file."""
    before = [ConfigurationParameter("a", "1", sent=True)]

    assert compare(row(params={"a": "1"}), marked(), SETTINGS, parameters=before) is None


def test_a_text_is_emptied_by_null() -> None:
    """The service empties a description that is null; an empty one is none."""
    step = compare(row(description=""), marked(description="north"), SETTINGS)

    assert step is not None
    assert step.step is not None
    assert DeviceEdit(description=None) == step.step.edit
    assert compare(row(description=""), marked(), SETTINGS) is None


@pytest.mark.parametrize(
    ("storage", "fields"),
    [
        ("mutable", {"chunk_period": "month", "chunk_retention": 3}),
        ("mutable", {"mutable_variable_regex": "^set"}),
        ("immutable", {"mutable_variable_regex": "^set"}),
    ],
)
def test_fields_of_other_types_are_passed_over(storage: str, fields: dict[str, Any]) -> None:
    """The service forgets what a device of that type does not have: it is no difference."""
    there = marked(type=storage, chunk_period=None if storage == "mutable" else "month")

    assert compare(row(**fields), there, SETTINGS) is None


@pytest.mark.parametrize(
    ("fields", "paths"),
    [
        ({"type": "immutable", "chunk_period": "day", "chunk_retention": 1}, ["type"]),
        ({"network": "5fd117be93c6500029660b31", "connector": "5fdbe260ff09b30028a9f61c"}, []),
    ],
)
def test_what_can_not_be_changed_is_told(fields: dict[str, Any], paths: list[str]) -> None:
    """A row that asks for another type or network is blocked, with all that it asks for."""
    step = compare(row(active=False, **fields), marked(), SETTINGS)

    assert step is not None
    assert ("blocked", None) == (step.action, step.step)
    assert "can't be changed on an existing device" in step.reason
    assert {*(paths or fields), "active"} == set(told(step))


def test_another_chunk_period_is_blocked() -> None:
    """A chunk period is for ever; how many are kept is not."""
    there = marked(type="immutable", chunk_period="month", chunk_retention=3)
    storage: dict[str, Any] = {"type": "immutable", "chunk_period": "day", "chunk_retention": 3}
    step = compare(row(**storage), there, SETTINGS)
    longer = compare(
        row(**{**storage, "chunk_period": "month", "chunk_retention": 6}), there, SETTINGS
    )

    assert step is not None
    assert longer is not None
    assert longer.step is not None
    assert "chunk_period can't be changed on an existing device" == step.reason
    assert DeviceEdit(chunk_retention=6) == longer.step.edit


# --- tags ----------------------------------------------------------------------------------------


def test_tags_of_one_key_are_compared_as_a_set() -> None:
    """Their order says nothing; each value of a key counts."""
    there = marked("Cold room 1", Tag("label", "b"), Tag("label", "a"))
    both = DeviceRow(
        2,
        DeviceCreate(name="Cold room 1", tags=[Tag("label", "a"), Tag("label", "b")]),
        number=1,
        given=frozenset({"name", "tags"}),
    )
    step = compare(row(tags={"label": "a"}), there, SETTINGS)

    assert compare(both, there, SETTINGS) is None
    assert {"tags.label": ("a, b", "a")} == told(step)


def test_tags_stay_unless_they_are_to_be_replaced() -> None:
    """Merging adds and changes; replacing removes too, but never what tagodev itself needs."""
    ours = Tag("tagodev.1a2b3c4d", "7")
    there = marked("Cold room 1", Tag("site", "dairy"), Tag("room", "1"), ours)
    wanted = row(tags={"site": "dairy"})
    step = compare(wanted, there, REPLACE)

    assert compare(wanted, there, SETTINGS) is None
    assert {"tags.room": ("1", None)} == told(step)
    assert step is not None
    assert step.step is not None
    assert TagChanges(remove=["room"]) == step.step.tags


def test_a_change_marks_the_device() -> None:
    """What is changed is managed from then on, and the plan says so."""
    step = compare(row(active=False), device(), SETTINGS)

    assert {"active": (True, False), "tags.tagodev_managed": (None, "site")} == told(step)
    assert step is not None
    assert step.step is not None
    assert DeviceEdit(active=False) == step.step.edit
    assert TagChanges(set=[MARK]) == step.step.tags


def test_what_somebody_else_manages_is_blocked() -> None:
    """A device of another name is not taken over, but may be as the file says."""
    there = device("Cold room 1", Tag("tagodev_managed", "other"))
    step = compare(row(active=False), there, SETTINGS)

    assert step is not None
    assert ("blocked", "is managed as other") == (step.action, step.reason)
    assert compare(row(active=True), there, SETTINGS) is None


def test_putting_back_is_exact() -> None:
    """Restoring removes tags that were added since, the mark among them."""
    there = marked("Cold room 1", Tag("site", "dairy"), Tag("new", "x"))
    step = compare(row(tags={"site": "dairy"}), there, RESTORE)

    assert {"tags.new": ("x", None), "tags.tagodev_managed": ("site", None)} == told(step)
    assert step is not None
    assert step.step is not None
    assert step.step.edit is None
    assert TagChanges(remove=["new", "tagodev_managed"]) == step.step.tags


def test_too_many_tags() -> None:
    """A device that would carry more than 30 tags, ours among them, is blocked."""
    many = {f"key {number}": "x" for number in range(30)}
    of_new = created(row(tags=many), "site")
    of_old = compare(row(tags=many), device(), SETTINGS)

    assert of_old is not None
    assert ["blocked", "blocked"] == [of_new.action, of_old.action]
    reason = "would have 31 tags, including tagodev_managed, but a device can have at most 30"
    assert [reason, reason] == [of_new.reason, of_old.reason]


def test_as_many_tags_as_a_device_may_carry() -> None:
    """Exactly 30 tags, ours among them, are no obstacle, on a new device or an old one."""
    as_many = {f"key {number}": "x" for number in range(29)}
    of_new = created(row(tags=as_many), "site")
    of_old = compare(row(tags=as_many), device(), SETTINGS)
    of_full = compare(row(tags={"key 1": "y"}), device("Cold room 1", *_tags(29)), SETTINGS)

    assert of_old is not None
    assert of_full is not None
    assert ["create", "change", "change"] == [of_new.action, of_old.action, of_full.action]
    assert of_new.step is not None
    assert of_new.step.create is not None
    assert 30 == len(cast("tuple[Tag, ...]", of_new.step.create.tags))


def _tags(count: int) -> list[Tag]:
    return [Tag(f"key {number}", "x") for number in range(count)]


def test_too_many_parameters() -> None:
    """A device that would have more than 60 parameters is blocked; the same keys count once."""
    before = [ConfigurationParameter(f"p{number}", "1") for number in range(60)]
    one_more = compare(row(params={"new": "1"}), marked(), SETTINGS, parameters=before)
    the_same = compare(row(params={"p1": "2"}), marked(), SETTINGS, parameters=before)

    assert one_more is not None
    assert the_same is not None
    assert "would have 61 parameters, but a device can have at most 60" == one_more.reason
    assert "change" == the_same.action


def test_a_parameter_twice_in_the_file() -> None:
    """Which of the two would be meant, nobody knows."""
    twice = [ConfigurationParameter("a", "1"), ConfigurationParameter("a", "2")]
    wanted = DeviceRow(
        2,
        DeviceCreate(name="Cold room 1", configuration_params=twice),
        number=1,
        given=frozenset({"name"}),
    )
    step = compare(wanted, marked(), SETTINGS, parameters=[])

    assert step is not None
    assert ("blocked", "has a parameter twice") == (step.action, step.reason)


# --- made and deleted ----------------------------------------------------------------------------


def test_a_new_device_is_marked() -> None:
    """It carries what the file gives, and the mark; what it is made with is told."""
    step = created(row(active=True, tags={"site": "dairy"}, params={"a": "1"}), "site")

    assert step.step is not None
    assert step.step.create is not None
    assert (Tag("site", "dairy"), MARK) == step.step.create.tags
    assert (
        Change("active", None, True),
        Change("tags.site", None, "dairy"),
        Change("params.a", None, "1"),
    ) == step.changes


@pytest.mark.parametrize("key", PROTECTION_TAGS)
def test_protected_devices_are_not_deleted(key: str) -> None:
    """Either spelling of the tag keeps a device."""
    step = deleted(marked("Cold room 1", Tag(key, "do not")))

    assert ("blocked", None) == (step.action, step.step)
    assert key in step.reason


def test_others_are_deleted() -> None:
    """A managed device without that tag goes."""
    step = deleted(marked())

    assert step.step is not None
    assert ("delete", True, marked().id) == (step.action, step.step.delete, step.device_id)
