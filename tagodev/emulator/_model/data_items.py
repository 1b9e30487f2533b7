"""Serialization of registers: from request bodies, and to JSON."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.validation import (
    NAME,
    VALUE,
    FieldError,
    Reader,
    form,
    is_number,
    or_null,
    parse_objects,
    read,
    read_new,
    refuse_if,
)
from tagodev.emulator._model.calendar import beginning, later
from tagodev.emulator._model.data_store import Point, Value
from tagodev.emulator._model.time import check_moment, iso, parse_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tagodev.emulator._model.store import Device

__all__ = ["Maker", "check_fit", "read_changes", "read_points", "write"]

# The figures of "Sending data" and "Resource limits" in the documentation; kB in their larger
# meaning, so that nothing is refused here that might pass there.
_MAX_BODY: Final = 200 * 1024
_MAX_VALUE: Final = 6 * 1024
_MAX_METADATA: Final = 10 * 1024
_MAX_REGISTERS: Final = 50_000
_MAX_CHANGES: Final = 25
_FORBIDDEN: Final = frozenset("*?!<>.-=$ ")
#: A timestamp from here on is in milliseconds: in seconds it would lie in the year 5138.
_MILLISECONDS_FROM: Final = 100_000_000_000


def _variable(value: Any) -> str:
    words: str = NAME(value)
    if not _FORBIDDEN.isdisjoint(words):
        raise FieldError(" must hold no space and none of * ? ! < > . - = $")
    return words.lower()


def _value(value: Any) -> Value:
    read_value: Value = VALUE(value)
    if isinstance(read_value, str) and len(read_value.encode()) > _MAX_VALUE:
        raise FieldError(" must have at most 6 kB")
    return read_value


def _time(value: Any) -> float:
    try:
        return round(_moment(value), 3)
    except (ValueError, TypeError, OverflowError):
        raise FieldError(" must be a date or a Unix timestamp") from None


def _moment(value: Any) -> float:
    if is_number(value):
        return check_moment(value / 1000 if value >= _MILLISECONDS_FROM else value)
    try:
        return parse_date(value)
    except ValueError:
        # As JavaScript writes one: "Thu, 09 Jan 2025 13:44:33 GMT".
        return check_moment(parsedate_to_datetime(value).timestamp())


def _location(value: Any) -> tuple[float, float]:
    if not isinstance(value, dict):
        raise FieldError(" must be an object with lat and lng, or a GeoJSON Point")
    pair = value.get("coordinates", [value.get("lng"), value.get("lat")])
    if str(value.get("type", "point")).lower() != "point":
        raise FieldError(".type must be Point")
    if not isinstance(pair, list) or len(pair) != 2 or not all(map(is_number, pair)):
        raise FieldError(" must have two numbers of degrees")
    lng, lat = pair
    if not (-180 <= lng <= 180 and -90 <= lat <= 90):
        raise FieldError(" must have lat from -90 to 90 and lng from -180 to 180")
    return lng, lat


def _metadata(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FieldError(" must be an object")
    if len(orjson.dumps(value)) > _MAX_METADATA:
        raise FieldError(" must have at most 10 kB")
    return value


_READERS: Final[Mapping[str, Reader]] = {
    "variable": _variable,
    "value": or_null(_value),
    "unit": or_null(
        form(
            "a text of at most 25 characters",
            lambda value: isinstance(value, str) and len(value) <= 25,
        )
    ),
    # The older name first: when both are sent the newer one wins.
    "serie": NAME,
    "group": NAME,
    "time": _time,
    "location": or_null(_location),
    "metadata": or_null(_metadata),
}


class Maker:
    """Creates the registers of one request, and collects problems.

    Args:
        now: when the request arrived, in seconds since the epoch.
        new_id: returns a unique id.
    """

    def __init__(self, now: float, new_id: Callable[[], str]) -> None:
        self._now = round(now, 3)
        self._new_id = new_id
        # What is sent together and names no group belongs together.
        self._group = new_id()
        self.problems: list[str] = []
        """A sentence for each fault found so far."""

    def make(self, item: Mapping[str, Any], where: str) -> Point | None:
        """Return the register that an object describes; None for an invalid one.

        Args:
            item: as sent.
            where: prefix of its problems.
        """
        values, problems = read_new(item, _READERS)
        if item.get("variable") is None:
            problems.append("variable is required")
        if problems:
            self.problems += [f"{where}{problem}" for problem in problems]
            return None
        group = values.pop("serie", self._group)
        usual = {"time": self._now, "group": group}
        return Point(id=self._new_id(), created_at=self._now, **{**usual, **values})


def read_points(raw: bytes, maker: Maker) -> list[Point]:
    """Parse a body that sends registers: an object, or an array of them.

    Raises:
        RefusedError: it is too long, or something in it is invalid.
    """
    if len(raw) > _MAX_BODY:
        raise RefusedError(400, "You have exceeded the maximum limit of Payload (200 kB)")
    points = [maker.make(item, where) for where, item in parse_objects(raw)]
    refuse_if(maker.problems)
    return [point for point in points if point is not None]


def read_changes(raw: bytes) -> list[tuple[str, dict[str, Any]]]:
    """Parse a body that edits registers: the id of each, and its new values.

    Raises:
        RefusedError: it names too many, or something in it is invalid.
    """
    items = parse_objects(raw)
    if len(items) > _MAX_CHANGES:
        message = "You have exceeded the maximum number of 25 items in a single request"
        raise RefusedError(400, message)
    changes: list[tuple[str, dict[str, Any]]] = []
    problems: list[str] = []
    for where, item in items:
        values, found = read(item, _READERS)
        if not isinstance(item.get("id"), str):
            found.append("id is required")
        problems += [f"{where}{problem}" for problem in found]
        if "serie" in values:
            values.setdefault("group", values.pop("serie"))
        changes.append((item.get("id", ""), values))
    refuse_if(problems)
    return changes


def check_fit(device: Device, points: Iterable[Point], now: float) -> None:
    """Check that a device can store new registers: its capacity and retention.

    Raises:
        RefusedError: it can't.
    """
    mutable: list[Point] = []
    chunked: list[Point] = []
    for point in points:
        (mutable if device.is_mutable(point.variable) else chunked).append(point)
    if mutable and _mutable_amount(device) + len(mutable) > _MAX_REGISTERS:
        message = f"The device has reached the limit of {_MAX_REGISTERS} data registers"
        raise RefusedError(400, message)
    if chunked:
        _check_times(device, chunked, now)


def _mutable_amount(device: Device) -> int:
    if device.type == "mutable":
        return len(device.data)
    series = device.data.variables()
    return sum(len(series[variable]) for variable in series if device.is_mutable(variable))


def _check_times(device: Device, points: Iterable[Point], now: float) -> None:
    """Check that each register belongs to a retained chunk."""
    period, retention = device.chunk_period, device.chunk_retention
    assert period is not None
    assert retention is not None
    first = beginning(later(now, period, -retention), period)
    end = later(beginning(now, "day"), "day", 2)
    if not all(first <= point.time < end for point in points):
        days = [iso(moment)[:10] for moment in (first, end - 1)]
        raise RefusedError(400, f"Time must be between {days[0]} and {days[1]}")


def write(point: Point, device: Device, *, details: bool) -> dict[str, Any]:
    """Return a register as the service returns it, without absent fields.

    Args:
        point: the register.
        device: its device.
        details: whether to include when it was received.
    """
    fields = {
        "id": point.id,
        "device": device.id,
        "variable": point.variable,
        "value": point.value,
        "unit": point.unit,
        "group": point.group,
        "time": iso(point.time),
        "location": point.location and {"type": "Point", "coordinates": list(point.location)},
        "metadata": point.metadata,
        "created_at": iso(point.created_at) if details else None,
    }
    return {name: value for name, value in fields.items() if value is not None}
