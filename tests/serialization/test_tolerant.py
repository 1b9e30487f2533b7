"""Tolerant reading: what is read of each model, whatever is wrong with one of its fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import given

from tagodev import (
    ConfigurationParameter,
    DataPoint,
    Device,
    DeviceCreated,
    DeviceToken,
    Location,
    Secret,
    SoftLimits,
    Tag,
    TokenCreated,
)
from tagodev._models.data import Affected
from tagodev._models.fields import Answer
from tagodev._serialization.converter import StructureError, from_wire
from tagodev._serialization.tolerant import PartialList, Reading
from tagodev.events import UnreadableItem, UnreadableValue
from tests.support.damage import Place, damaged, good, places, small
from tests.support.strategies import MODELS, json_values

ITEMS: Final = 1000
AT: Final = 500
#: Every model that is read from the service.
READ: Final = [cls for cls in MODELS if issubclass(cls, Answer) or cls is Tag]


def reading(value: Any, cls: Any) -> Reading:
    """Return what can be read of a value that does not match."""
    with pytest.raises(StructureError) as caught:
        from_wire(value, cls)
    assert caught.value.problems
    assert caught.value.reading is not None
    return caught.value.reading


def damages(cls: type) -> list[tuple[Place, Any, Any]]:
    """Return each place of a model with each wrong value, and the damaged item."""
    return [
        (place, value, item)
        for place in places(cls)
        for damage in ("null", "wrong")
        for item, value in damaged(good(cls), place, damage)
    ]


def read_anyway(value: Any, kind: Any) -> Any:
    """Return what a value is read as, whether it matches or not."""
    try:
        return from_wire(value, kind)
    except StructureError as error:
        found = error.reading
    assert found is not None, f"{kind} can't be read"
    return found.value


@pytest.mark.parametrize("cls", READ, ids=lambda cls: cls.__name__)
def test_one_odd_value_in_a_list_costs_at_most_its_item(cls: Any) -> None:
    """Of 1,000 items 999 or 1,000 are read, the others as they are, and an event names the one."""
    least = small(cls)
    others = [from_wire(least, cls)] * (ITEMS - 1)
    for place, value, item in damages(cls):
        page = [*[least] * AT, item, *[least] * (ITEMS - AT - 1)]
        read = read_anyway(page, list[cls])
        is_read = len(read) == ITEMS

        assert others == read[:AT] + read[AT + is_read :], (place, value)
        for event in read.unreadable if isinstance(read, PartialList) else ():
            assert isinstance(event, UnreadableValue if is_read else UnreadableItem)
            assert (cls.__name__, AT) == (event.model, event.position), (place, value)
            assert event.field.startswith(str((*place.path, "")[0])), (place, value)
        assert is_read or isinstance(read, PartialList), (place, value)


def test_every_model_is_damaged() -> None:
    """Each field of each model that is read, at every depth, with each wrong value."""
    assert len(READ) >= 20
    assert sum(len(damages(cls)) for cls in READ) >= 1600


# --- the policy ----------------------------------------------------------------------------------


def test_a_creation_needs_its_id_and_its_token_only() -> None:
    """Whatever else the service says of it, a new device or token is not lost."""
    odds: tuple[Any, ...] = ("1 month", 5, [], {}, True)
    for odd in odds:
        device = reading({"device_id": "d", "token": "t", "bucket_id": [odd]}, DeviceCreated)
        token = reading({"token": "t", "permission": [odd], "expire_time": odd}, TokenCreated)

        assert ("d", Secret("t")) == (device.value.device_id, device.value.token)
        assert Secret("t") == token.value.token
        assert odd == token.value.extra["expire_time"]
        assert "expire_time" in [one.field for one in token.unreadable]


@pytest.mark.parametrize(
    ("cls", "answer"),
    [
        (DeviceCreated, {"device_id": "d", "token": None}),
        (DeviceCreated, {"token": "t", "device_id": {}}),
        (TokenCreated, {"token": 5}),
        (Device, {"name": "a"}),
        (Device, None),
    ],
)
def test_without_what_is_indispensable_there_is_nothing(cls: type, answer: object) -> None:
    """An answer without an id or a token is an error that names the field."""
    with pytest.raises(StructureError) as caught:
        from_wire(answer, cls)

    assert caught.value.reading is None
    assert caught.value.problems


@pytest.mark.parametrize(
    ("field", "written", "expected"),
    [
        ("name", 5, "5"),
        ("name", 1.5, "1.5"),
        ("name", True, "true"),
        ("active", "true", True),
        ("active", "False", False),
        ("active", 0, False),
        ("chunk_retention", "36", 36),
        ("chunk_retention", 36.0, 36),
        ("tags", [{"key": 1, "value": 2}], (Tag("1", "2"),)),
        ("rpm", {"data_input": "60"}, SoftLimits(data_input=60)),
    ],
)
def test_scalars_that_say_the_same_are_converted(field: str, written: Any, expected: Any) -> None:
    """Nothing is lost, so no event says so."""
    read = reading({"id": "a", "name": "b", field: written}, Device)

    assert expected == getattr(read.value, field)
    assert () == read.unreadable


def test_numbers_as_text_are_numbers() -> None:
    """The value of a register stays text, but its location is in degrees."""
    point = {"id": "a", "variable": "v", "time": "2026-01-31T12:00:00.000Z"}
    read = reading({**point, "value": "1", "location": {"lat": "1.5", "lng": "-2"}}, DataPoint)

    assert ("1", Location(1.5, -2.0)) == (read.value.value, read.value.location)
    assert datetime(2026, 1, 31, 12, tzinfo=UTC) == read.value.time


def test_parameters_are_text() -> None:
    """Numbers and flags are converted as the service stores them; null is empty, and named."""
    answer = [{"key": "a", "value": one, "sent": "true"} for one in (600, 1.5, True, None)]
    read = reading(answer, list[ConfigurationParameter])

    assert ["600", "1.5", "true", ""] == [one.value for one in read.value]
    assert all(one.sent for one in read.value)
    assert ["value"] == [one.field for one in read.unreadable]


@pytest.mark.parametrize(
    ("field", "written"),
    [
        ("active", "yes"),
        ("active", 2),
        ("chunk_retention", 1.5),
        ("chunk_retention", "9" * 5000),
        ("chunk_retention", "\u0663"),
        ("created_at", "1 month"),
        ("created_at", 1767225600),
        ("rpm", [60]),
        ("bucket", 5),
    ],
)
def test_other_values_are_kept_apart(field: str, written: Any) -> None:
    """The field has its default, the value is in ``extra``, and an event names both."""
    read = reading({"id": "a", "name": "b", field: written}, Device)

    assert Device(id="a", name="b", extra={field: written}) == read.value
    (event,) = read.unreadable
    assert isinstance(event, UnreadableValue)
    assert ("Device", "a", "b", field) == (event.model, event.id, event.name, event.field)


def test_what_could_be_a_secret_is_not_kept() -> None:
    """An odd token is neither in ``extra`` nor in an event."""
    read = reading({"id": "a", "name": "b", "token": ["hush-hush"]}, Device)

    assert "hush-hush" not in f"{read.value.extra} {read.unreadable}"


def test_a_token_is_no_name() -> None:
    """Events name a token by its name and its position."""
    hush = {"token": "hush-hush", "name": "gateway", "expire_time": "1 month"}
    (event,) = reading([hush], list[DeviceToken]).unreadable

    assert 'DeviceToken "gateway" at index 0' == event.item
    assert "hush-hush" not in f"{event!r} {event}"


@pytest.mark.parametrize("odd", [5, [], "3.5 things", {}, None])
def test_a_change_whose_number_is_odd_is_done(odd: Any) -> None:
    """How many registers it affected is not known, which is no failure."""
    assert read_anyway(odd, Affected).number in (None, 5, 3)


def test_labels_are_short_and_hold_no_token() -> None:
    """A name may be of any length, and contain anything."""
    hush = "8be70d95-0dbc-4e16-89b6-b23b077d05e5"
    for name in ("x" * 10_000, f"my {hush}"):
        (event,) = reading([{"id": {}, "name": name}], list[Device]).unreadable
        assert len(event.name) <= 100
        assert hush not in str(event)


@pytest.mark.parametrize("cls", READ, ids=lambda cls: cls.__name__)
@given(value=json_values)
def test_any_item_is_read_or_skipped(cls: Any, value: object) -> None:
    """Whatever stands before a good item, the good one is read."""
    whole = good(cls)
    read = read_anyway([value, whole], list[cls])

    assert from_wire(whole, cls) == read[-1]
    assert all(type(one) is cls for one in read)


@pytest.mark.parametrize("value", [[0] * 60_000, [{"id": "a", "name": "b", "tags": [0] * 20_000}]])
def test_an_answer_of_nothing_that_can_be_read_is_given_up(value: Any) -> None:
    """What is collected of an answer is bounded, whatever its size."""
    with pytest.raises(StructureError) as caught:
        from_wire(value, list[Device])

    assert caught.value.reading is None
    assert 11 == len(caught.value.problems)
