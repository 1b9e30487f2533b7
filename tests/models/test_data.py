"""Data of devices: what is refused before it is sent, and what is understood when it is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import (
    UNSET,
    AggregatePoint,
    Chunk,
    ChunkBackup,
    DataBackup,
    DataCreate,
    DataEdit,
    DataPoint,
    DataQuery,
    InputError,
    Location,
)
from tagodev._models.data import Affected, Total
from tagodev._serialization.converter import StructureError, from_wire, to_json, to_wire

PLAIN = {"id": "a", "variable": "temperature", "time": "2026-03-01T12:30:00.250Z"}
NOON = datetime(2026, 3, 1, 12, 30, 0, 250_000, tzinfo=UTC)


def create(**fields: Any) -> DataCreate:
    """Return a register to be sent."""
    return DataCreate(**{"variable": "temperature", **fields})


def edit(**fields: Any) -> DataEdit:
    """Return a change of a register."""
    return DataEdit(**{"id": "a", **fields})


BOTH = pytest.mark.parametrize("make", [create, edit])


def refusal(make: Any, **fields: Any) -> InputError:
    """Return the error that something is refused with."""
    with pytest.raises(InputError) as caught:
        make(**fields)
    return caught.value


def made(**fields: Any) -> DataCreate | InputError:
    """Return a register to be sent, or the error that it is refused with."""
    try:
        return create(**fields)
    except InputError as error:
        return error


def point(**fields: Any) -> DataPoint:
    """Read a register with these fields besides the least."""
    return from_wire({**PLAIN, **fields}, DataPoint)


# --- what is sent ------------------------------------------------------------------------------


def test_a_variable_is_enough() -> None:
    """Everything else is left to the service."""
    assert {"variable": "temperature"} == to_wire(create())
    assert {"id": "a"} == to_wire(edit())


def test_everything_that_may_be_said() -> None:
    """A register with all its fields is written as the service documents it."""
    register = DataCreate(
        "temperature",
        21.5,
        unit="°C",
        group="0923092039",
        time=NOON,
        location=Location(35.77, -78.67),
        metadata={"color": "blue", "more": [1, {"a": None}]},
    )
    expected = {
        "variable": "temperature",
        "value": 21.5,
        "unit": "°C",
        "group": "0923092039",
        "time": "2026-03-01T12:30:00.250Z",
        "location": {"lat": 35.77, "lng": -78.67},
        "metadata": {"color": "blue", "more": [1, {"a": None}]},
    }

    assert expected == to_wire(register)


@BOTH
@pytest.mark.parametrize("name", ["t", "t" * 100, "temp_1", "Käse", "a/b", "日本"])
def test_variables_that_may_be(make: Any, name: str) -> None:
    """Up to a hundred characters, of almost any kind."""
    assert name == make(variable=name).variable


@BOTH
@pytest.mark.parametrize(
    "name",
    ["", " ", "t" * 101, None, 5, "a b", "a\tb", "a\u00a0b", *(f"a{c}b" for c in "*?!<>.-=$")],
)
def test_variables_that_may_not_be(make: Any, name: Any) -> None:
    """What the service would refuse is refused here."""
    assert "variable" == refusal(make, variable=name).path


@BOTH
@pytest.mark.parametrize("value", ["", "x" * 6144, 0, -1, 1.5, True, False, "é" * 3072])
def test_values_that_may_be(make: Any, value: Any) -> None:
    """Text of up to 6 kB, numbers, true and false."""
    assert value == make(value=value).value


@BOTH
@pytest.mark.parametrize(
    "value",
    ["x" * 6145, "é" * 3073, None, b"x", [1], {"a": 1}, float("nan"), float("inf"), -float("inf")],
)
def test_values_that_may_not_be(make: Any, value: Any) -> None:
    """Longer text (in bytes), null, and what JSON would quietly make null of."""
    assert "value" == refusal(make, value=value).path


@BOTH
@pytest.mark.parametrize(("field", "bound"), [("unit", 25), ("group", 100)])
def test_short_texts_are_bounded(make: Any, field: str, bound: int) -> None:
    """Units and groups have their bounds, and both figures are told."""
    assert "x" * bound == getattr(make(**{field: "x" * bound}), field)
    assert f"{bound + 1} characters, but at most {bound}" in str(
        refusal(make, **{field: "x" * (bound + 1)})
    )
    assert field == refusal(make, **{field: 5}).path
    assert field == refusal(make, **{field: None}).path


@BOTH
def test_an_empty_group_is_refused(make: Any) -> None:
    """Nothing belongs together with nothing; a unit may be empty."""
    assert "group" == refusal(make, group="").path
    assert not make(unit="").unit


@BOTH
@pytest.mark.parametrize("metadata", [{}, {"a": "x" * 10_232}])
def test_metadata_that_may_be(make: Any, metadata: Any) -> None:
    """An object of up to 10 kB as JSON."""
    assert metadata == make(metadata=metadata).metadata


@BOTH
@pytest.mark.parametrize(
    "metadata",
    [{"a": "x" * 10_233}, {"a": "é" * 5117}, [], [1], "text", 5, None, {"a": {1, 2}}, {1: "a"}],
)
def test_metadata_that_may_not_be(make: Any, metadata: Any) -> None:
    """More of it, what is no object, and what JSON has no form for."""
    assert "metadata" == refusal(make, metadata=metadata).path


@BOTH
@pytest.mark.parametrize(("lat", "lng"), [(90, 180), (-90, -180), (0, 0), (35.5, -78.25)])
def test_places_on_the_globe(make: Any, lat: float, lng: float) -> None:
    """Every place there is."""
    assert {"lat": lat, "lng": lng} == to_wire(make(location=Location(lat, lng)))["location"]


@BOTH
@pytest.mark.parametrize(
    ("path", "lat", "lng"),
    [
        ("location.lat", 90.001, 0),
        ("location.lat", -91, 0),
        ("location.lng", 0, 180.001),
        ("location.lng", 0, -181),
    ],
)
def test_places_off_the_globe(make: Any, path: str, lat: float, lng: float) -> None:
    """A latitude beyond the poles is most often a longitude."""
    assert path == refusal(make, location=Location(lat, lng)).path


@BOTH
@pytest.mark.parametrize("location", [(1, 2), {"lat": 1, "lng": 2}, "1,2", 5])
def test_what_is_no_location_is_refused(make: Any, location: Any) -> None:
    """Which of two numbers is which is not guessed."""
    assert "location" == refusal(make, location=location).path


@pytest.mark.parametrize("degrees", [None, "35.7", True, float("nan"), float("inf")])
def test_degrees_are_numbers(degrees: Any) -> None:
    """Text is not a number."""
    assert "lat" == refusal(Location, lat=degrees, lng=0).path
    assert "lng" == refusal(Location, lat=0, lng=degrees).path


@BOTH
def test_no_location_is_null(make: Any) -> None:
    """Null is what the service documents for "nowhere"; left out is something else."""
    assert to_wire(make(location=None))["location"] is None
    assert UNSET is make().location


@BOTH
@pytest.mark.parametrize(
    ("expected", "moment"),
    [
        ("2026-03-01T12:30:00.250Z", NOON),
        ("2026-03-01T12:30:00.250Z", NOON.astimezone(timezone(timedelta(hours=5)))),
        ("2026-03-01T12:30:00.250Z", NOON.replace(tzinfo=None)),
        ("2026-03-01T12:30:00.250Z", "2026-03-01T14:30:00.25+02:00"),
        ("Sun, 01 Mar 2026 12:30:00 GMT", "Sun, 01 Mar 2026 12:30:00 GMT"),
        ("yesterday", "yesterday"),
    ],
)
def test_moments(make: Any, expected: str, moment: Any) -> None:
    """A moment is written in UTC; words are the service's to understand."""
    assert expected == to_wire(make(time=moment))["time"]


@BOTH
@pytest.mark.parametrize("moment", ["", " ", None, True, []])
def test_what_is_no_moment_is_refused(make: Any, moment: Any) -> None:
    """Neither null nor nothing is a moment."""
    assert "time" == refusal(make, time=moment).path


@BOTH
@pytest.mark.parametrize("moment", [1_772_368_200, 1_772_368_200.25])
def test_unix_timestamps_are_refused_with_a_way_out(make: Any, moment: float) -> None:
    """Seconds or milliseconds: a bare number does not tell, so it is the caller's to say."""
    assert "fromtimestamp" in refusal(make, time=moment).hint


@pytest.mark.parametrize("identity", ["", " ", None, 5])
def test_an_edit_needs_an_id(identity: Any) -> None:
    """Which register it is must be said."""
    assert "id" == refusal(DataEdit, id=identity).path


def test_registers_can_be_collected() -> None:
    """With an unhashable object in them they still go into a set."""
    assert 1 == len({create(metadata={"a": 1}), create(metadata={"a": 1})})


# --- what is asked for -------------------------------------------------------------------------


def test_a_query_says_only_its_conditions() -> None:
    """What is not asked for is not in the query."""
    assert {} == to_wire(DataQuery())
    expected = {
        "variables": ["temperature", "humidity"],
        "groups": ["g"],
        "ids": ["a"],
        "values": ["on", 1, True],
        "qty": 0,
        "skip": 5,
        "ordination": "ascending",
        "start_date": "1 day",
        "end_date": "2026-03-01T12:30:00.250Z",
        "details": True,
    }
    query = DataQuery(
        variables=["temperature", "humidity"],
        groups="g",
        ids=iter(["a"]),
        values=["on", 1, True],
        qty=0,
        skip=5,
        ordination="ascending",
        start_date="1 day",
        end_date=NOON,
        details=True,
    )

    assert expected == to_wire(query)


@pytest.mark.parametrize("field", ["variables", "groups", "ids"])
def test_one_text_is_a_list_of_one(field: str) -> None:
    """A single name is not taken for its letters."""
    fields: dict[str, Any] = {field: "name"}

    assert ("name",) == getattr(DataQuery(**fields), field)


@pytest.mark.parametrize("value", ["on", 5, 1.5, False])
def test_one_value_is_a_list_of_one(value: Any) -> None:
    """A single value may be given by itself."""
    assert (value,) == DataQuery(values=value).values


@pytest.mark.parametrize("field", ["variables", "groups", "ids", "values"])
def test_empty_lists_are_refused(field: str) -> None:
    """On the wire an empty list is no condition: whoever deletes by it would delete everything."""
    assert field == refusal(DataQuery, **{field: []}).path


@pytest.mark.parametrize("field", ["variables", "groups", "ids"])
@pytest.mark.parametrize("item", ["", " ", None, 5])
def test_odd_items_are_named_by_their_index(field: str, item: Any) -> None:
    """An empty name is as good as none, and is told with its place."""
    assert f"{field}[1]" == refusal(DataQuery, **{field: ["a", item]}).path


def test_odd_values_are_named_by_their_index() -> None:
    """A value is text, a number, true or false."""
    assert "values[1]" == refusal(DataQuery, values=["", None]).path
    assert "values[0]" == refusal(DataQuery, values=[["a"]]).path


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("qty", -1),
        ("qty", 10_001),
        ("qty", "5"),
        ("qty", True),
        ("qty", 1.0),
        ("qty", None),
        ("skip", -1),
        ("skip", "5"),
        ("ordination", "asc"),
        ("ordination", "Ascending"),
        ("ordination", None),
        ("start_date", ""),
        ("start_date", 5),
        ("end_date", None),
        ("details", "true"),
        ("details", 1),
    ],
)
def test_odd_conditions_are_refused(field: str, value: Any) -> None:
    """Each field has its kind and its bounds."""
    assert field == refusal(DataQuery, **{field: value}).path


@pytest.mark.parametrize("qty", [0, 10_000])
def test_quantities_at_the_bounds(qty: int) -> None:
    """Both bounds are taken; there is none above for what is passed over."""
    assert qty == DataQuery(qty=qty, skip=10**9).qty


def test_a_date_alone_is_left_to_the_service() -> None:
    """As an end it means the whole day: made a moment, it would lose the day."""
    query = DataQuery(start_date="2026-03-01", end_date="2026-03-01")

    assert {"start_date": "2026-03-01", "end_date": "2026-03-01"} == to_wire(query)


# --- what is read ------------------------------------------------------------------------------


def test_a_register_is_read() -> None:
    """Every documented field has its place."""
    expected = DataPoint(
        id="a",
        variable="temperature",
        time=NOON,
        value=-12.67,
        unit="°C",
        group="g",
        device="d",
        location=Location(35.77, -78.67),
        metadata={"color": "blue"},
        created_at=NOON,
        extra={"origin": "d"},
    )

    assert expected == point(
        value=-12.67,
        unit="°C",
        group="g",
        device="d",
        location={"type": "point", "coordinates": [-78.67, 35.77]},
        metadata={"color": "blue"},
        created_at=PLAIN["time"],
        origin="d",
    )


def test_the_least_that_a_register_is() -> None:
    """The service leaves out what is not there."""
    assert DataPoint(id="a", variable="temperature", time=NOON) == point()


@pytest.mark.parametrize("field", ["id", "variable", "time"])
def test_a_register_without_these_is_none(field: str) -> None:
    """What it is, whose it is and when it was so must be told."""
    with pytest.raises(StructureError, match=rf"@ result\.{field}"):
        point(**{field: None})


@pytest.mark.parametrize("value", ["16", "", 16, 1.5, True, False, None])
def test_values_keep_their_kind(value: Any) -> None:
    """Text that looks like a number stays text."""
    assert (type(value), value) == (type(point(value=value).value), point(value=value).value)


@pytest.mark.parametrize(
    "location",
    [
        {"lat": 35.5, "lng": -78.25},
        {"type": "Point", "coordinates": [-78.25, 35.5]},
        {"type": "point", "coordinates": [-78.25, 35.5]},
        {"type": "POINT", "coordinates": [-78.25, 35.5, 120]},
        {"coordinates": [-78.25, 35.5]},
    ],
)
def test_locations_have_two_forms(location: Any) -> None:
    """By name, or as GeoJSON, whose longitude stands first; with a height or without."""
    assert Location(35.5, -78.25) == point(location=location).location


def test_a_place_off_the_globe_is_read() -> None:
    """One register kept under other rules does not make its page unreadable."""
    assert Location(91, 200) == point(location={"lat": 91, "lng": 200}).location


@pytest.mark.parametrize(
    "location",
    [
        "35,-78",
        [35, -78],
        {},
        {"lat": 1},
        {"lat": "1", "lng": "2"},
        {"type": "Polygon", "coordinates": [[0, 0], [1, 1]]},
        {"type": 5, "coordinates": [0, 0]},
        {"coordinates": None},
        {"coordinates": [1]},
        {"coordinates": ["1", "2"]},
        {"coordinates": 5},
    ],
)
def test_what_is_no_location_is_told_by_its_path(location: Any) -> None:
    """What can't be a place is an error at its field."""
    with pytest.raises(StructureError, match=r"@ result\.location"):
        point(location=location)


@pytest.mark.parametrize("value", [[], {}, ["a"]])
def test_what_is_no_value_is_told_by_its_path(value: Any) -> None:
    """A register's value is a single one."""
    with pytest.raises(StructureError, match=r"@ result\.value"):
        point(value=value)


@pytest.mark.parametrize(
    ("expected", "fields"),
    [("new", {"group": "new"}), ("old", {"serie": "old"}), ("new", {"group": "new", "serie": "x"})],
)
def test_a_group_was_once_a_serie(expected: str, fields: Any) -> None:
    """The older name is read as the newer one."""
    assert expected == point(**fields).group


def test_a_register_does_not_show_what_is_unknown() -> None:
    """What the service says besides may be long, or secret."""
    assert "hush" not in repr(point(token="hush"))


def test_aggregates_are_read() -> None:
    """An interval has its beginning and its value; it may have none."""
    read = from_wire(
        [{"time": PLAIN["time"], "value": 5}, {"time": PLAIN["time"], "value": None}],
        list[AggregatePoint],
    )

    assert [AggregatePoint(NOON, 5), AggregatePoint(NOON, None)] == read


def test_backups_are_read_with_or_without_a_status() -> None:
    """Sources disagree on whether the status is told."""
    assert DataBackup(file_address="x.csv") == from_wire({"file_address": "x.csv"}, DataBackup)
    told = from_wire({"file_address": "x.csv", "status": "scheduled"}, DataBackup)
    assert "scheduled" == told.status


@pytest.mark.parametrize(
    ("expected", "answer"),
    [(5, 5), (1.5, 1.5), (0, 0), (None, None), (7, [{"id": "none", "value": 7}]), (None, [{}])],
)
def test_totals_are_read_bare_or_wrapped(expected: float | None, answer: Any) -> None:
    """A number is a number, by itself or as the value of a made-up register."""
    assert Total(expected) == from_wire(answer, Total)


@pytest.mark.parametrize("answer", ["5", True, {}, [], [1], [{"value": "5"}], [{"value": 1}] * 2])
def test_what_is_no_number_is_no_total(answer: Any) -> None:
    """Nothing is made a number by guess."""
    with pytest.raises(StructureError):
        from_wire(answer, Total)


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        (2, "2 Data Added"),
        (12, "12 items added"),
        (0, "0 Data Removed"),
        (1, "1 item(s) updated"),
        (5, 5),
        (None, "Successfully Inserted"),
        (None, ""),
        (None, "Added 5"),
    ],
)
def test_what_changes_touched_is_read_from_words(expected: int | None, answer: Any) -> None:
    """The number stands first, where there is one."""
    assert Affected(expected) == from_wire(answer, Affected)


@pytest.mark.parametrize("answer", [True, 1.5, [], {}])
def test_what_is_no_account_of_a_change(answer: Any) -> None:
    """Anything else is not understood."""
    with pytest.raises(StructureError):
        from_wire(answer, Affected)


@given(text=st.text(max_size=60), value=st.text(max_size=2000))
def test_any_text_is_taken_or_refused_at_its_field(text: str, value: str) -> None:
    """No text makes a register that breaks later."""
    register = made(variable=text, value=value, unit=text, group=text)

    if isinstance(register, InputError):
        assert register.path in {"variable", "unit", "group"}
    else:
        assert to_json(register)


# --- chunks --------------------------------------------------------------------------------------

FIRST = "2022-07-18T00:00:00.000+00:00"
LAST = "2022-07-24T23:59:59.999+00:00"


@pytest.mark.parametrize("names", [("from", "to"), ("from_date", "to_date")])
def test_a_chunks_ends_have_two_names(names: tuple[str, str]) -> None:
    """Sources disagree on what they are called; both are read."""
    wire = {"id": "1658102400_1658707199", names[0]: FIRST, names[1]: LAST, "amount": 1584}
    expected = Chunk(
        id="1658102400_1658707199",
        from_date=datetime(2022, 7, 18, tzinfo=UTC),
        to_date=datetime(2022, 7, 24, 23, 59, 59, 999_000, tzinfo=UTC),
        amount=1584,
    )

    assert expected == from_wire(wire, Chunk)


@pytest.mark.parametrize("amount", [{}, {"amount": None}])
def test_the_amount_may_be_unknown(amount: dict[str, None]) -> None:
    """The service does not always tell."""
    assert from_wire({"id": "c", "from": FIRST, "to": LAST, **amount}, Chunk).amount is None


def test_a_chunk_without_an_end_is_none() -> None:
    """Both ends are told by the one name that the model has."""
    with pytest.raises(StructureError, match=r"@ result\.to_date"):
        from_wire({"id": "c", "from": FIRST}, Chunk)


def test_backups_of_chunks_are_read_with_or_without_a_status() -> None:
    """Sources disagree on whether the status is told; what else there is is kept."""
    wire = {"chunk_id": "c", "file_address": "device/c.csv"}

    assert ChunkBackup(chunk_id="c", file_address="device/c.csv") == from_wire(wire, ChunkBackup)
    told = from_wire({**wire, "status": "scheduled", "job": 5}, ChunkBackup)
    assert ("scheduled", {"job": 5}) == (told.status, told.extra)
