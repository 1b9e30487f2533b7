"""Items of bulk runs: what they refuse, and changes of tags that keep other tags."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import (
    ApplyStep,
    ConfigurationParameter,
    DataBatch,
    DataCreate,
    DeviceChange,
    DeviceCreate,
    DeviceEdit,
    InputError,
    ParameterChange,
    Rotation,
    Secret,
    Tag,
    TagChanges,
)
from tagodev._serialization.converter import from_json, to_json

POINT = DataCreate("temperature", 21.5)
PARAMETER = ConfigurationParameter("check_rate", "600")


@pytest.mark.parametrize(
    ("path", "points"),
    [("points", []), ("points", [POINT] * 1001), ("points[1]", [POINT, {"variable": "x"}])],
)
def test_a_batch_is_of_registers(path: str, points: Any) -> None:
    """It holds 1 to 1,000 registers, and nothing else; which one is wrong is said."""
    with pytest.raises(InputError) as caught:
        DataBatch("67e1", points)

    assert path == caught.value.path


def test_batches_take_any_iterable() -> None:
    """Registers may come from a generator, up to a thousand of them."""
    assert (POINT, POINT) == DataBatch("67e1", (POINT for _ in range(2))).points
    assert 1000 == len(DataBatch("67e1", [POINT] * 1000).points)


def test_a_rotation_keeps_its_token_to_itself() -> None:
    """A token may be given as text, and is not shown."""
    rotation = Rotation("67e1", "8be70d95-0dbc-4e16-89b6-b23b077d05e5")

    assert isinstance(rotation.token, Secret)
    assert "0dbc" not in repr(rotation)
    assert Rotation("67e1").token is None


def test_parameters_are_kept_in_order() -> None:
    """Any iterable of parameters becomes a tuple."""
    assert (PARAMETER,) == ParameterChange("67e1", iter([PARAMETER])).parameters


@pytest.mark.parametrize(
    ("path", "step"),
    [
        # Neither a device to be made nor one that is there; or both.
        ("device_id", {}),
        ("device_id", {"create": DeviceCreate(name="x"), "device_id": "67e1"}),
        # Nothing to do with a device; or to change what is to go.
        ("delete", {"device_id": "67e1"}),
        ("delete", {"device_id": "67e1", "delete": True, "edit": DeviceEdit(active=False)}),
        ("delete", {"device_id": "67e1", "delete": True, "parameters": (PARAMETER,)}),
    ],
)
def test_a_step_does_one_thing(path: str, step: dict[str, Any]) -> None:
    """A device is made, changed or deleted."""
    with pytest.raises(InputError) as caught:
        ApplyStep(**step)

    assert path == caught.value.path


@pytest.mark.parametrize(
    ("action", "step"),
    [
        ("create", {"create": DeviceCreate(name="x")}),
        ("change", {"device_id": "67e1", "edit": DeviceEdit(active=False)}),
        ("change", {"device_id": "67e1", "parameters": (PARAMETER,)}),
        ("delete", {"device_id": "67e1", "delete": True}),
    ],
)
def test_what_a_step_does(action: str, step: dict[str, Any]) -> None:
    """Each step says what it does."""
    assert action == ApplyStep(**step).action


# --- changes of single tags ---------------------------------------------------------------------

KEYS = st.sampled_from("abcdef")
TAGS = st.lists(st.builds(Tag, KEYS, st.sampled_from(["", "1", "2"])), max_size=8).map(tuple)
CHANGE = TagChanges(set=[Tag("site", "7")], remove=["room"])


@st.composite
def changes(draw: st.DrawFn) -> TagChanges:
    """Draw changes of some of the keys."""
    new = draw(TAGS)
    return TagChanges(set=new, remove=draw(st.sets(KEYS)) - {tag.key for tag in new})


def of(key: str, tags: tuple[Tag, ...]) -> list[str]:
    """Return the sorted values of a key."""
    return sorted(tag.value for tag in tags if tag.key == key)


@given(change=changes(), there=TAGS)
def test_merged(change: TagChanges, there: tuple[Tag, ...]) -> None:
    """Keys that are set have these values, removed ones are gone, others stay in their order."""
    after = change.merged(there)
    named = {tag.key for tag in change.set} | set(change.remove)

    for tag in change.set:
        assert of(tag.key, change.set) == of(tag.key, after)
    assert not {tag.key for tag in after}.intersection(change.remove)
    assert [t for t in there if t.key not in named] == [t for t in after if t.key not in named]


@given(change=changes(), there=TAGS)
def test_merged_again(change: TagChanges, there: tuple[Tag, ...]) -> None:
    """Merging twice is merging once, so a change may be done again."""
    after = change.merged(there)

    assert after == change.merged(after)


@given(change=changes(), there=TAGS, added=TAGS)
def test_added_meanwhile(
    change: TagChanges, there: tuple[Tag, ...], added: tuple[Tag, ...]
) -> None:
    """A tag that another client adds under another key is there afterwards."""
    named = {tag.key for tag in change.set} | set(change.remove)

    assert {tag for tag in added if tag.key not in named} <= set(change.merged((*there, *added)))


@given(change=changes())
def test_round_trip(change: TagChanges) -> None:
    """A journal keeps changes as they are, with a step and with a row."""
    step = ApplyStep(device_id="67e1", tags=change)
    row = DeviceChange("67e1", DeviceEdit(active=False), tags=change)

    assert step == from_json(to_json(step), ApplyStep)
    assert row == from_json(to_json(row), DeviceChange)


def test_steps_of_earlier_journals() -> None:
    """A step that was written down without changes of tags is still read."""
    old = b'{"create":null,"device_id":"67e1","edit":{"tags":[]},"parameters":[],"delete":false}'

    assert ApplyStep(device_id="67e1", edit=DeviceEdit(tags=[])) == from_json(old, ApplyStep)


def test_at_most_30() -> None:
    """More tags than a device holds are refused; a full device still takes other values."""
    full = tuple(Tag(f"key {number}", "x") for number in range(30))
    with pytest.raises(InputError, match="would grow from 30 to 31") as caught:
        CHANGE.merged(full)

    assert "tags" == caught.value.path
    assert 30 == len(TagChanges(set=[Tag("key 3", "y")]).merged(full))
    swapped = TagChanges(set=[Tag("new", "y")], remove=["key 3"])
    assert 30 == len(swapped.merged(full))


def test_a_device_that_carries_more_than_it_should() -> None:
    """It still takes other values, and fewer tags; only more of them are refused."""
    many = tuple(Tag(f"key {number}", "x") for number in range(35))

    assert 35 == len(TagChanges(set=[Tag("key 3", "y")]).merged(many))
    assert 34 == len(TagChanges(remove=["key 3"]).merged(many))
    with pytest.raises(InputError, match="would grow from 35 to 36"):
        CHANGE.merged(many)


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("remove", {"set": [Tag("a", "1")], "remove": ["a"]}),
        ("remove", {"remove": "a"}),
        ("remove[0]", {"remove": [""]}),
        ("remove[1]", {"remove": ["a", 1]}),
        ("set[0]", {"set": ["a"]}),
        ("set[0].key", {"set": [Tag("", "1")]}),
        ("set", {"set": [Tag(str(number), "") for number in range(31)]}),
    ],
)
def test_refused(path: str, given: dict[str, Any]) -> None:
    """Changes that contradict themselves, or that the service would refuse."""
    with pytest.raises(InputError) as caught:
        TagChanges(**given)

    assert path == caught.value.path


def test_replaced_and_changed() -> None:
    """An edit that replaces all tags takes no changes of single ones; nor does a new device."""
    edit = DeviceEdit(tags=[Tag("a", "1")])
    for make in (
        lambda: DeviceChange("67e1", edit, tags=CHANGE),
        lambda: ApplyStep(device_id="67e1", edit=edit, tags=CHANGE),
        lambda: ApplyStep(create=DeviceCreate(name="a"), tags=CHANGE),
        lambda: ApplyStep(device_id="67e1", tags=CHANGE, delete=True),
    ):
        with pytest.raises(InputError):
            make()
