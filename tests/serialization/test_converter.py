"""Wire to models and back: tolerant of what varies, exact about what is wrong."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given

from tagodev import (
    UNSET,
    Bucket,
    Device,
    DeviceCreated,
    DeviceEdit,
    DeviceToken,
    InputError,
    Secret,
    Tag,
    TokenCreate,
    TokenCreated,
    TokenInfo,
)
from tagodev._serialization.converter import (
    StructureError,
    _careful,
    _fast,
    from_wire,
    to_json,
    to_wire,
)
from tests.support.strategies import MODELS, json_values

PLAIN = {"id": "a", "name": "b"}


def device(**fields: Any) -> Device:
    """Structure a device with these fields besides its id and name."""
    return from_wire({**PLAIN, **fields}, Device)


def structured(value: Any, cls: Any) -> Any:
    """Return the model that a value stands for, or the error that says why it is none."""
    try:
        return from_wire(value, cls)
    except StructureError as error:
        return error


def problems(value: Any, cls: Any) -> tuple[str, ...]:
    """Return what is wrong with a value."""
    with pytest.raises(StructureError) as caught:
        from_wire(value, cls)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value.problems


# --- dates -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-01T12:30:00.250Z",
        "2026-03-01T12:30:00.250+00:00",
        "2026-03-01T14:30:00.250+02:00",
        "2026-03-01T12:30:00.250",
        "2026-03-01 12:30:00.250Z",
        "20260301T123000.250Z",
        "2026-03-01T12:30:00.250000Z",
    ],
)
def test_dates_are_read_in_every_form_and_given_in_utc(written: str) -> None:
    """All usual ways to write a moment mean the same one; without a zone it is UTC."""
    read = device(created_at=written).created_at

    assert datetime(2026, 3, 1, 12, 30, 0, 250_000, tzinfo=UTC) == read
    assert read is not None
    assert timedelta(0) == read.utcoffset()


@pytest.mark.parametrize("written", [None, "", "never"])
def test_no_date_is_none(written: str | None) -> None:
    """Null, nothing and "never" are all no date."""
    assert device(created_at=written).created_at is None
    assert from_wire({"token": "t", "expire_time": written}, TokenCreated).expire_time is None


@pytest.mark.parametrize(
    "written", ["yesterday", 1767225600, True, [], {}, "2026-13-01", "0001-01-01T00:00:00+23:59"]
)
def test_what_is_no_date_is_named(written: object) -> None:
    """Anything else is an error at its field, and the value is not repeated."""
    (problem,) = problems({**PLAIN, "created_at": written}, Device)

    assert problem.endswith("@ result.created_at")
    assert "yesterday" not in problem


def test_dates_are_written_in_utc_to_the_millisecond() -> None:
    """A moment of any zone is written as the service writes its own."""
    zone = timezone(timedelta(hours=5, minutes=30))
    token = TokenCreate("x", expire_time=datetime(2030, 1, 1, 5, 30, tzinfo=zone))

    assert "2030-01-01T00:00:00.000Z" == to_wire(token)["expire_time"]


def test_moments_at_the_end_of_time_are_refused() -> None:
    """A moment that is in no year of UTC is the caller's mistake, and told as such."""
    late = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))

    with pytest.raises(InputError, match="UTC"):
        to_json({"time": late})


def test_a_span_of_time_is_written_as_given() -> None:
    """Words are the service's to understand."""
    assert "30 days" == to_wire(TokenCreate("x", expire_time="30 days"))["expire_time"]


# --- names that vary ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["device_id", "deviceID", "device"])
def test_a_created_devices_id_has_three_names(name: str) -> None:
    """Sources disagree on what the id of a new device is called; all are read."""
    assert "x" == from_wire({name: "x", "token": "t"}, DeviceCreated).device_id


def test_the_documented_name_goes_first() -> None:
    """Where an answer has two of the names, the documented one counts."""
    answer = {"device": "other", "device_id": "x", "deviceID": "another", "token": "t"}

    assert "x" == from_wire(answer, DeviceCreated).device_id


def test_a_tokens_end_has_two_names() -> None:
    """``expire_date`` is read as ``expire_time``."""
    answer = {"token": "t", "expire_date": "2026-01-01T00:00:00.000Z"}

    assert datetime(2026, 1, 1, tzinfo=UTC) == from_wire(answer, TokenCreated).expire_time


@pytest.mark.parametrize("cls", [DeviceToken, TokenCreated, TokenInfo])
@pytest.mark.parametrize("reader", [_fast, _careful])
def test_an_empty_name_does_not_hide_the_other(cls: Any, reader: Any) -> None:
    """Where both names are there, and one says nothing, the other one counts."""
    ends = "2026-01-01T00:00:00.000Z"
    for answer in (
        {"expire_time": None, "expire_date": ends},
        {"expire_time": ends, "expire_date": None},
    ):
        read = reader.structure({"token": "t", **answer}, cls)
        assert datetime(2026, 1, 1, tzinfo=UTC) == read.expire_time
        assert "expire_date" not in read.extra


def test_aliases_leave_the_answer_as_it_was() -> None:
    """Folding names does not write into what the caller holds."""
    answer = {"deviceID": "x", "token": "t"}
    from_wire(answer, DeviceCreated)

    assert {"deviceID": "x", "token": "t"} == answer


@pytest.mark.parametrize(
    ("expected", "written"),
    [
        (None, None),
        (Bucket("b"), "b"),
        (Bucket("b", "Old"), {"id": "b", "name": "Old"}),
        (Bucket("b"), {"id": "b", "name": None}),
        (Bucket("b", extra={"more": 1}), {"id": "b", "more": 1}),
    ],
)
def test_bucket_is_an_object_or_an_id(expected: Bucket | None, written: object) -> None:
    """Info gives an object, a list the id alone."""
    assert expected == device(bucket=written).bucket


@pytest.mark.parametrize(
    ("place", "written"),
    [
        ("bucket", 5),
        ("bucket", []),
        ("bucket", True),
        ("bucket.id", {}),
        ("bucket.id", {"id": 5}),
        ("bucket.name", {"id": "b", "name": 5}),
    ],
)
def test_odd_buckets_are_refused(place: str, written: object) -> None:
    """A bucket whose parts are no text is an error at its field."""
    (problem,) = problems({**PLAIN, "bucket": written}, Device)

    assert problem.endswith(f"@ result.{place}")


# --- what is unknown, missing, wrong -----------------------------------------------------------


def test_unknown_fields_are_kept() -> None:
    """What no model knows is in ``extra``, whatever it is."""
    read = device(new_thing=None, nested={"a": [1, {"b": 2}]})

    assert {"new_thing": None, "nested": {"a": [1, {"b": 2}]}} == read.extra


def test_a_field_called_extra_is_kept_too() -> None:
    """The service's own ``extra`` is just one more unknown field."""
    assert {"extra": 5} == device(extra=5).extra


def test_unknown_fields_go_back_out() -> None:
    """What was kept is written again where it stood."""
    assert 7 == to_wire(device(new_thing=7))["new_thing"]


def test_a_known_field_wins_over_extra() -> None:
    """A name that stands in both places is written as the model has it."""
    assert "b" == to_wire(Device(id="a", name="b", extra={"name": "z"}))["name"]


def test_models_without_extra_ignore_unknown_fields() -> None:
    """A field more in an answer is no error."""
    assert Tag("a", "b") == from_wire({"key": "a", "value": "b", "more": 1}, Tag)


def test_missing_fields_are_all_named() -> None:
    """Every required field that is missing is told, with its path."""
    expected = (
        "required field missing @ result.id",
        "required field missing @ result.name",
    )

    assert expected == problems({}, Device)


def test_wrong_fields_are_named_by_their_path() -> None:
    """A wrong value deep in a list is told with index and name."""
    page = [PLAIN, {**PLAIN, "tags": [{"key": "k", "value": "v"}, {"key": "k", "value": 5}]}]
    (problem,) = problems(page, list[Device])

    assert problem.endswith("@ result[1].tags[1].value")


@pytest.mark.parametrize("value", [None, 5, "text", True, [], [1]])
def test_what_is_no_object_is_no_model(value: object) -> None:
    """A model is read from an object and from nothing else."""
    (problem,) = problems(value, Device)

    assert "object" in problem or "invalid" in problem


@pytest.mark.parametrize("value", [None, 5, "", "text", {}, {"a": 1}, True])
def test_what_is_no_list_is_no_list(value: object) -> None:
    """An empty object or text is not taken for "no devices"."""
    assert problems(value, list[Device])


def test_null_is_as_good_as_left_out() -> None:
    """A device that is stored with null for a list does not make its page unreadable."""
    page = [PLAIN, {**PLAIN, "tags": None, "active": None, "rpm": None}]

    assert [device(), device()] == from_wire(page, list[Device])


@pytest.mark.parametrize("value", ["", {}, 0, False])
def test_what_is_no_list_is_no_tags(value: object) -> None:
    """The same holds for lists inside of a model."""
    (problem,) = problems({**PLAIN, "tags": value}, Device)

    assert problem.endswith("@ result.tags")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("active", 1),
        ("active", "true"),
        ("active", 0),
        ("name", 5),
        ("name", None),
        ("id", ["a"]),
        ("description", 5),
        ("chunk_retention", "3"),
        ("chunk_retention", True),
        ("chunk_retention", 3.0),
    ],
)
def test_nothing_is_converted_by_guess(field: str, value: object) -> None:
    """Text is text, a flag a flag, a number a number: nothing uses something else."""
    (problem,) = problems({**PLAIN, field: value}, Device)

    assert problem.endswith(f"@ result.{field}")


def test_very_many_problems_are_counted() -> None:
    """An answer that is wrong ten thousand times does not fill the screen."""
    told = problems([{}] * 10_000, list[Device])

    assert 11 == len(told)
    assert "and 19990 more" == told[-1]


def test_problems_never_hold_the_value() -> None:
    """What was wrong may be a token: it is named by its place alone."""
    for cls in MODELS:
        for value in ({"token": ["hush-hush"]}, {"key": {"hush-hush": 1}}, "hush-hush"):
            assert "hush-hush" not in str(structured(value, cls))


@pytest.mark.parametrize("cls", [*MODELS, list[Device], list[DeviceToken]])
@given(value=json_values)
def test_any_json_is_a_model_or_a_structure_error(cls: type, value: object) -> None:
    """No JSON of any shape escapes as an error of another kind."""
    outcome = structured(value, cls)

    assert isinstance(outcome, cls if inspect.isclass(cls) else list) or outcome.problems


@pytest.mark.parametrize("cls", [Device, DeviceCreated, DeviceToken, TokenCreated])
@given(value=json_values)
def test_any_json_in_any_field_is_a_model_or_a_structure_error(cls: type, value: object) -> None:
    """No field takes what it should not in a way that breaks."""
    good = {"id": "a", "name": "b", "token": "t", "device_id": "d"}
    for field in ("id", "token", "tags", "bucket", "created_at", "expire_date", "active"):
        outcome = structured({**good, field: value}, cls)
        assert isinstance(outcome, cls) or outcome.problems


@given(value=json_values)
def test_object_takes_whatever_it_is(value: object) -> None:
    """Where only success matters, the result is handed through."""
    assert value is from_wire(value, object)


# --- writing -----------------------------------------------------------------------------------


def test_unset_is_left_out_and_none_is_null() -> None:
    """Leaving a field out keeps it, null empties it: the two never mix."""
    assert {} == to_wire(DeviceEdit())
    assert {"description": None} == to_wire(DeviceEdit(description=None))
    assert {"tags": []} == to_wire(DeviceEdit(tags=[]))
    assert {"active": False} == to_wire(DeviceEdit(active=False, name=UNSET))


def test_secrets_are_written_whole() -> None:
    """On the wire a token is a token."""
    assert "t-1" == to_wire(TokenCreated(token=Secret("t-1")))["token"]


def test_bytes_are_json_of_the_wire_form() -> None:
    """A request's body is the wire form, encoded."""
    edit = DeviceEdit(name="Käse ☃", tags=[Tag("a", "")])

    assert {"name": "Käse ☃", "tags": [{"key": "a", "value": ""}]} == orjson.loads(to_json(edit))


@pytest.mark.parametrize("value", ["\ud800", object(), {1, 2}, 2**70])
def test_what_json_can_not_say_is_an_input_error(value: Any) -> None:
    """It is the row that is wrong, and it says so before anything is sent."""
    with pytest.raises(InputError, match="JSON") as caught:
        to_json(DeviceEdit(description=value))

    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
