"""What ``--set`` and ``--unset`` make of a device."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import Device, DeviceEdit, Tag, TagChanges
from tagodev._cli.options.changes import Changes
from tagodev.errors import InputError

KEYS = st.sampled_from("abcdef")
TAGS = st.lists(st.builds(Tag, KEYS, st.sampled_from(["1", "2", ""])), max_size=8)


def read(*given: str, unset: tuple[str, ...] = (), replace: bool = False) -> Changes:
    """Return what some options ask for."""
    return Changes.read(given, unset, replace_tags=replace)


def device(*tags: Tag, **fields: object) -> Device:
    """Return a device with some tags."""
    return Device(id="a" * 24, name="Cold room 3", tags=tags, active=True, **fields)  # type: ignore[arg-type]  # any field


def edit_of(changes: Changes, there: Device) -> DeviceEdit | None:
    """Return the changes of fields."""
    change = changes.of(there)
    return None if change is None else change.changes


def test_fields_are_read_as_files_are() -> None:
    """The words are those of the columns, and so are the values."""
    changes = read("active=no", "visible=true", "chunk_retention=7", "description=a=b", "name=x")

    assert changes.fields == {
        "active": False,
        "visible": True,
        "chunk_retention": 7,
        "description": "a=b",
        "name": "x",
    }
    assert edit_of(changes, device(description="old")) == DeviceEdit(
        active=False, visible=True, chunk_retention=7, description="a=b", name="x"
    )


def test_what_is_so_already_is_not_sent() -> None:
    """A device that is as it is to be is left alone, and what is so in others too."""
    changes = read("active=true", "tag.site=7")

    assert changes.of(device(Tag("site", "7"))) is None
    change = changes.of(device(Tag("site", "8")))
    assert change is not None
    assert (DeviceEdit(), TagChanges(set=[Tag("site", "7")])) == (change.changes, change.tags)


def test_network_and_connector_go_together() -> None:
    """Both are sent where one of them changes."""
    changes = read("network=n", "connector=c")

    assert edit_of(changes, device(network="n", connector="other")) == DeviceEdit(
        network="n", connector="c"
    )
    assert changes.of(device(network="n", connector="c")) is None


def test_a_description_is_emptied() -> None:
    """``--unset`` sends null where the service takes it."""
    changes = read(unset=("description",))

    assert edit_of(changes, device(description="old")) == DeviceEdit(description=None)
    assert changes.of(device()) is None


@given(there=TAGS, new=st.dictionaries(KEYS, st.sampled_from(["1", "3"])), gone=st.sets(KEYS))
def test_merging(there: list[Tag], new: dict[str, str], gone: set[str]) -> None:
    """Tags that are set are there once, those that are unset are gone, all others stay in place."""
    given_tags = [f"tag.{key}={value}" for key, value in new.items()]
    unset = tuple(f"tag.{key}" for key in gone - new.keys())
    if not given_tags and not unset:
        return
    change = read(*given_tags, unset=unset).of(device(*there))
    tags = tuple(there)
    if change is not None:
        assert change.tags is not None
        tags = change.tags.merged(there)

    assert new == {tag.key: tag.value for tag in tags if tag.key in new}
    assert len(new) == sum(tag.key in new for tag in tags)
    assert not {tag.key for tag in tags} & (gone - new.keys())
    untouched = [tag for tag in there if tag.key not in gone | new.keys()]
    assert untouched == [tag for tag in tags if tag.key not in gone | new.keys()]


@given(there=TAGS, new=st.dictionaries(KEYS, st.sampled_from(["1", "3"]), min_size=1))
def test_replacing(there: list[Tag], new: dict[str, str]) -> None:
    """With --replace-tags only those that are set are there."""
    given_tags = [f"tag.{key}={value}" for key, value in new.items()]
    edit = edit_of(read(*given_tags, replace=True), device(*there))
    tags = tuple(there) if edit is None else edit.tags
    assert isinstance(tags, tuple)

    assert new == {tag.key: tag.value for tag in tags}
    assert len(new) == len(tags)


def test_more_tags_than_a_device_holds() -> None:
    """The device is told before anything is sent."""
    full = device(*(Tag(f"k{n}", "v") for n in range(30)))
    with pytest.raises(InputError, match=r"device a{24}: tags: would grow from 30 to 31"):
        read("tag.one-more=v").of(full)


@pytest.mark.parametrize(
    ("given", "unset", "replace", "told"),
    [
        ((), (), False, "give at least one"),
        (("active",), (), False, "must be FIELD=VALUE"),
        (("active=perhaps",), (), False, "must be true or false"),
        (("nmae=x",), (), False, "did you mean name"),
        (("type=immutable",), (), False, "can't be changed after the device is created"),
        (("serie_number=1",), (), False, "can't be changed after the device is created"),
        (("param.rate=1",), (), False, "tagodev param set DEVICE rate=1"),
        (("tags=a",), (), False, "set each tag"),
        (("tag.=a",), (), False, "a key must follow"),
        (("network=n",), (), False, "changed together"),
        (("name=",), (), False, "must not be empty"),
        ((), ("name",), False, "can't be removed"),
        ((), ("tag.",), False, "can't be removed"),
        (("active=no",), (), True, "requires the tags"),
        (("tag.a=1",), ("tag.b",), True, "requires the tags"),
        (("tag.a=1",), ("tag.a",), False, "tag.a is also set with --set"),
    ],
)
def test_what_cant_be_meant(
    given: tuple[str, ...], unset: tuple[str, ...], replace: bool, told: str
) -> None:
    """A typing error is found before any device is looked up."""
    with pytest.raises(InputError) as caught:
        read(*given, unset=unset, replace=replace)

    assert told in str(caught.value)
