"""Devices as they are asked for: what the service would refuse is refused here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tagodev import (
    UNSET,
    ConfigurationParameter,
    Device,
    DeviceConvert,
    DeviceCreate,
    DeviceCreated,
    DeviceEdit,
    DeviceFilter,
    InputError,
    Secret,
    Tag,
    TagFilter,
)
from tagodev._models.devices import CUSTOM_HTTPS_CONNECTOR, CUSTOM_HTTPS_NETWORK
from tagodev._serialization.converter import to_wire

OTHER = "f" * 24


def tags(number: int) -> list[Tag]:
    """Return so many tags."""
    return [Tag(f"k{n}", "v") for n in range(number)]


def parameters(number: int) -> list[ConfigurationParameter]:
    """Return so many parameters."""
    return [ConfigurationParameter(f"k{n}", "v") for n in range(number)]


def create(**fields: Any) -> DeviceCreate:
    """Return a device to be made, with a name."""
    return DeviceCreate(**{"name": "x", **fields})


def refused_path(make: Any, **fields: Any) -> str:
    """Return the path of the field for which something is refused."""
    with pytest.raises(InputError) as caught:
        make(**fields)
    return caught.value.path


def test_a_name_is_enough() -> None:
    """The rest is the public HTTPS network, a mutable device, and the service's own defaults."""
    expected = {
        "name": "x",
        "network": CUSTOM_HTTPS_NETWORK,
        "connector": CUSTOM_HTTPS_CONNECTOR,
        "type": "mutable",
    }

    assert expected == to_wire(DeviceCreate(name="x"))


@pytest.mark.parametrize("name", ["", " ", "\n\t", None, 5, b"x"])
def test_name_is_text(name: object) -> None:
    """A device without a name is refused before it costs a request."""
    assert "name" == refused_path(create, name=name)
    assert "name" == refused_path(DeviceEdit, name=name)


@pytest.mark.parametrize(
    "field", ["network", "connector", "type", "serie_number", "mutable_variable_regex"]
)
def test_blank_fields_are_refused(field: str) -> None:
    """Text that may be left out is not empty when it is given."""
    assert field == refused_path(create, **{field: " "})


@pytest.mark.parametrize("make", [create, DeviceEdit])
def test_at_most_thirty_tags(make: Any) -> None:
    """Thirty tags are taken, one more is refused, with both figures."""
    assert 30 == len(make(tags=tags(30)).tags)
    assert "tags" == refused_path(make, tags=tags(31))
    with pytest.raises(InputError, match=r"31 items.* at most 30"):
        make(tags=tags(31))


@pytest.mark.parametrize("make", [create, DeviceEdit])
def test_at_most_sixty_parameters(make: Any) -> None:
    """Sixty parameters are taken, one more is refused."""
    assert 60 == len(make(configuration_params=parameters(60)).configuration_params)
    assert "configuration_params" == refused_path(make, configuration_params=parameters(61))


@pytest.mark.parametrize("make", [create, DeviceEdit])
def test_wrong_items_are_named_by_their_index(make: Any) -> None:
    """What is no tag among tags is told with its place."""
    assert "tags[1]" == refused_path(make, tags=[Tag("a", "b"), {"key": "a", "value": "b"}])
    assert "tags[0]" == refused_path(make, tags="text")
    assert "configuration_params[0]" == refused_path(make, configuration_params=[Tag("a", "b")])


@pytest.mark.parametrize("make", [create, DeviceEdit])
@pytest.mark.parametrize("value", [None, 5, True])
def test_what_is_no_list_is_refused(make: Any, value: object) -> None:
    """A list is a list, and says so of itself."""
    assert "tags" == refused_path(make, tags=value)
    assert "configuration_params" == refused_path(make, configuration_params=value)


@pytest.mark.parametrize("make", [create, DeviceEdit])
@pytest.mark.parametrize("key", ["", " "])
def test_blank_keys_are_named_by_their_index(make: Any, key: str) -> None:
    """A key is not empty where it is sent, and the path leads to the one that is."""
    assert "tags[3].key" == refused_path(make, tags=[*tags(3), Tag(key, "v")])
    assert "configuration_params[1].key" == refused_path(
        make, configuration_params=[*parameters(1), ConfigurationParameter(key, "v")]
    )


def test_lists_may_be_any_iterable_and_are_kept_as_tuples() -> None:
    """A list that its owner changes later does not change the device."""
    mine = tags(2)
    device = create(tags=mine, configuration_params=iter(parameters(2)))
    mine.clear()

    assert tuple(tags(2)) == device.tags
    assert tuple(parameters(2)) == device.configuration_params


def test_a_network_and_its_connector_go_together() -> None:
    """One of the two alone would make a device that its network does not know."""
    assert "connector" == refused_path(create, network=OTHER)
    assert "network" == refused_path(create, connector=OTHER)
    assert OTHER == create(network=OTHER, connector=OTHER).network
    assert "connector" == refused_path(DeviceEdit, network=OTHER)
    assert "network" == refused_path(DeviceEdit, connector=OTHER)
    assert OTHER == DeviceEdit(network=OTHER, connector=OTHER).connector


@pytest.mark.parametrize("type_", ["immutable", "hybrid"])
@pytest.mark.parametrize(
    ("period", "longest"), [("day", 31), ("week", 26), ("month", 36), ("quarter", 36)]
)
def test_how_long_data_may_be_kept(type_: str, period: str, longest: int) -> None:
    """Each period has a figure of its own, which is taken, and no more."""
    fields = {"type": type_, "chunk_period": period, "mutable_variable_regex": "^set_"}

    for retention in (0, longest):
        device = create(**fields, chunk_retention=retention)
        assert (period, retention) == (device.chunk_period, device.chunk_retention)
    with pytest.raises(InputError, match=f"0 to {longest} .*{period}|0 to 36") as caught:
        create(**fields, chunk_retention=longest + 1)
    assert "chunk_retention" == caught.value.path


@pytest.mark.parametrize("type_", ["immutable", "hybrid"])
@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("chunk_period", {}),
        ("chunk_period", {"chunk_retention": 1}),
        ("chunk_period", {"chunk_period": "year", "chunk_retention": 1}),
        ("chunk_period", {"chunk_period": None, "chunk_retention": 1}),
        ("chunk_retention", {"chunk_period": "day"}),
        ("chunk_retention", {"chunk_period": "day", "chunk_retention": -1}),
        ("chunk_retention", {"chunk_period": "day", "chunk_retention": 37}),
        ("chunk_retention", {"chunk_period": "day", "chunk_retention": "3"}),
        ("chunk_retention", {"chunk_period": "day", "chunk_retention": True}),
        ("chunk_retention", {"chunk_period": "day", "chunk_retention": None}),
    ],
)
def test_devices_with_chunks_that_do_not_say_which_are_refused(
    type_: str, path: str, fields: dict[str, Any]
) -> None:
    """Without them the service would refuse it."""
    assert path == refused_path(create, type=type_, **fields)


@pytest.mark.parametrize("pattern", ["", " ", None, 5, UNSET])
def test_hybrid_devices_say_what_can_be_changed(pattern: Any) -> None:
    """A hybrid device is told which of its variables are mutable."""
    path = refused_path(
        create,
        type="hybrid",
        chunk_period="day",
        chunk_retention=3,
        mutable_variable_regex=pattern,
    )

    assert "mutable_variable_regex" == path


def test_other_types_are_the_services_affair() -> None:
    """A mutable device needs none of it, and a type that is not known here is let through."""
    assert UNSET is create(type="mutable").chunk_period
    assert "legacy" == create(type="legacy").type


@pytest.mark.parametrize("retention", [-1, 37, "3", True, None])
def test_edits_of_the_retention(retention: Any) -> None:
    """An edit does not know the period: 36 of the longest is what any may be."""
    assert 36 == DeviceEdit(chunk_retention=36).chunk_retention
    assert "chunk_retention" == refused_path(DeviceEdit, chunk_retention=retention)


def test_conversions_are_checked_like_creations() -> None:
    """A device becomes immutable with a period and a retention, and mutable without."""
    assert {"type": "mutable"} == to_wire(DeviceConvert("mutable"))
    expected = {"type": "immutable", "chunk_period": "week", "chunk_retention": 26}
    converted = DeviceConvert("immutable", chunk_period="week", chunk_retention=26)

    assert expected == to_wire(converted)
    assert "type" == refused_path(DeviceConvert, type=" ")
    assert "chunk_period" == refused_path(DeviceConvert, type="immutable")
    assert "chunk_retention" == refused_path(
        DeviceConvert, type="immutable", chunk_period="week", chunk_retention=27
    )


@pytest.mark.parametrize("field", ["active", "visible"])
@pytest.mark.parametrize("value", [1, 0, "true", None])
def test_flags_are_true_or_false(field: str, value: object) -> None:
    """A flag is not made of something else by guess."""
    assert field == refused_path(create, **{field: value})
    assert field == refused_path(DeviceEdit, **{field: value})


def test_an_edit_shows_only_what_it_changes() -> None:
    """What is left as it is does not clutter the text; None is a change."""
    assert "DeviceEdit()" == repr(DeviceEdit())
    assert "DeviceEdit(description=None)" == repr(DeviceEdit(description=None))
    assert "DeviceEdit(name='y', active=False)" == repr(DeviceEdit(active=False, name="y"))


def test_left_out_and_emptied_are_two_things() -> None:
    """``UNSET`` and None are told apart everywhere."""
    assert DeviceEdit() != DeviceEdit(description=None)
    assert UNSET is DeviceEdit().description
    assert DeviceEdit(description=None).description is None


def test_a_filter_says_only_its_conditions() -> None:
    """What is not asked for is not in the query."""
    assert {} == to_wire(DeviceFilter())
    assert {"active": False} == to_wire(DeviceFilter(active=False))
    expected = {"tags": [{"key": "a", "value": "b"}, {"key": "c"}, {"value": "d"}]}
    found = DeviceFilter(tags=[Tag("a", "b"), TagFilter("c"), TagFilter(value="d")])

    assert expected == to_wire(found)
    assert found == DeviceFilter(tags=[TagFilter("a", "b"), TagFilter("c"), TagFilter(value="d")])


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("tags[0]", {"tags": [("a", "b")]}),
        ("tags", {"tags": 5}),
        ("active", {"active": "True"}),
        ("visible", {"visible": None}),
        ("id", {"id": 5}),
        ("name", {"name": None}),
        ("profile", {"profile": b"x"}),
        ("created_at", {"created_at": 5}),
        ("created_at", {"created_at": "yesterday"}),
        ("updated_at", {"updated_at": ""}),
        ("last_input", {"last_input": None}),
    ],
)
def test_filters_that_mean_nothing_are_refused(path: str, fields: dict[str, Any]) -> None:
    """What the service would not understand is refused before a list is spent on it."""
    assert path == refused_path(DeviceFilter, **fields)


def test_tag_filters_need_something_to_look_for() -> None:
    """An empty condition would be left out of the query, and everything would match."""
    assert "key" == refused_path(TagFilter)
    assert "key" == refused_path(TagFilter, key=5)
    assert "value" == refused_path(TagFilter, value=None)


def test_filters_by_time() -> None:
    """A moment is written as the service writes it, a span as it was given."""
    found = DeviceFilter(
        created_at=datetime(2026, 3, 1, tzinfo=UTC), updated_at="1 day", last_input="2026-03-01"
    )
    expected = {
        "created_at": "2026-03-01T00:00:00.000Z",
        "updated_at": "1 day",
        "last_input": "2026-03-01T00:00:00.000Z",
    }

    assert expected == to_wire(found)


def test_a_created_device_does_not_show_its_token() -> None:
    """The one moment at which a token is told is no moment to print it."""
    token = "8be70d95-0dbc-4e16-89b6-b23b077d05e5"

    assert token not in repr(DeviceCreated(device_id="x", token=Secret(token)))


def test_a_device_does_not_show_what_is_unknown() -> None:
    """What the service says besides may be long, or secret."""
    assert "hush" not in repr(Device(id="x", name="y", extra={"token": "hush"}))
