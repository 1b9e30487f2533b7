"""Data of devices as it is sent, changed and read.

What is sent is checked against the documented bounds (docs.tago.io: Sending data).
What is read is not: a register that was kept under other rules must not make the whole page
unreadable on which it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from math import isfinite
from typing import Any, Final, TypeAlias

import attrs
import orjson

from tagodev.errors import InputError
from tagodev.models.fields import as_moment, not_blank, text
from tagodev.models.unset import UNSET, Unset

__all__ = [
    "Affected",
    "AggregatePoint",
    "DataBackup",
    "DataCreate",
    "DataEdit",
    "DataPoint",
    "DataValue",
    "Location",
    "Total",
    "check_moment",
]

#: What a register's value may be.
DataValue: TypeAlias = str | int | float | bool

_MAX_VARIABLE: Final = 100
_MAX_UNIT: Final = 25
_MAX_GROUP: Final = 100
# "6 kB" and "10 kB" in the documentation: taken at the larger of their two meanings, since what
# is refused here can't be sent at all.
_MAX_VALUE: Final = 6 * 1024
_MAX_METADATA: Final = 10 * 1024
_FORBIDDEN: Final = frozenset("*?!<>.-=$")


# --- validators --------------------------------------------------------------------------------


def _at_most(maximum: int) -> Callable[[object, attrs.Attribute[Any], object], None]:
    """Return a validator that refuses what is no text, and longer text; `UNSET` passes."""

    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        text(instance, attribute, value)
        if isinstance(value, str) and len(value) > maximum:
            raise InputError(
                f"{len(value)} characters, but at most {maximum} are kept", path=attribute.name
            )

    return check


def _variable(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if isinstance(value, str):
        wrong = next((one for one in value if one in _FORBIDDEN or one.isspace()), None)
        if wrong is not None:
            raise InputError(f"holds {wrong!r}, which no variable may", path=attribute.name)


def _value(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if isinstance(value, float) and not isfinite(value):
        raise InputError(f"{value} is no number that JSON has a form for", path=attribute.name)
    if isinstance(value, str):
        size = len(value.encode("utf-8", "surrogatepass"))
        if size > _MAX_VALUE:
            raise InputError(
                f"{size:,} bytes, but at most {_MAX_VALUE:,} are kept", path=attribute.name
            )
    elif value is not UNSET and not isinstance(value, (bool, int, float)):
        raise InputError(
            f"must be text, a number, true or false, not {type(value).__name__}",
            path=attribute.name,
        )


def _metadata(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is UNSET:
        return
    if not isinstance(value, Mapping):
        raise InputError(f"must be an object, not {type(value).__name__}", path=attribute.name)
    try:
        size = len(orjson.dumps(dict(value)))
    except orjson.JSONEncodeError as error:
        problem = str(error)
    else:
        if size <= _MAX_METADATA:
            return
        problem = f"{size:,} bytes, but at most {_MAX_METADATA:,} are kept"
    raise InputError(problem, path=attribute.name)


def check_moment(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Refuse what is neither a moment nor text; `UNSET` passes."""
    if isinstance(value, datetime):
        return
    if value is not UNSET and not isinstance(value, str):
        raise InputError(
            f"must be a moment, or text, not {type(value).__name__}",
            path=attribute.name,
            hint="Of a Unix timestamp make one: datetime.fromtimestamp(seconds, tz=UTC)",
        )
    not_blank(instance, attribute, value)


def _coordinate(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise InputError(f"must be a number of degrees, not {value!r}", path=attribute.name)


def _location(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is UNSET or value is None:
        return
    if not isinstance(value, Location):
        raise InputError(f"must be a Location, not {type(value).__name__}", path=attribute.name)
    for name, degrees, bound in (("lat", value.lat, 90), ("lng", value.lng, 180)):
        if not -bound <= degrees <= bound:
            raise InputError(
                f"must be from -{bound} to {bound} degrees, not {degrees:g}",
                path=f"{attribute.name}.{name}",
            )


# --- what is sent ------------------------------------------------------------------------------


@attrs.frozen
class Location:
    """A place on the globe.

    Examples:
        >>> Location(35.77, -78.67)
        Location(lat=35.77, lng=-78.67)
    """

    lat: float = attrs.field(validator=_coordinate)
    """Degrees north of the equator; from -90 to 90 when it is sent."""
    lng: float = attrs.field(validator=_coordinate)
    """Degrees east of Greenwich; from -180 to 180 when it is sent."""


@attrs.frozen
class DataCreate:
    """One register to be sent: a variable, and what it is now.

    Examples:
        >>> DataCreate("temperature", 21.5, unit="°C").value
        21.5

    Raises:
        InputError: a value that the service would refuse, with the path of the field.
    """

    variable: str = attrs.field(validator=[not_blank, _at_most(_MAX_VARIABLE), _variable])
    """What is measured: at most 100 characters, no white space and none of ``*?!<>.-=$``.
    The service keeps it in lower case."""
    value: DataValue | Unset = attrs.field(default=UNSET, validator=_value)
    """Text of at most 6 kB, a finite number, true or false."""
    unit: str | Unset = attrs.field(default=UNSET, kw_only=True, validator=_at_most(_MAX_UNIT))
    """At most 25 characters."""
    group: str | Unset = attrs.field(
        default=UNSET, kw_only=True, validator=[not_blank, _at_most(_MAX_GROUP)]
    )
    """What belongs together: at most 100 characters. Left out, the service makes one up, the same
    for all of a request."""
    time: datetime | str | Unset = attrs.field(
        default=UNSET, kw_only=True, converter=as_moment, validator=check_moment
    )
    """When it was so: a moment (without a zone: UTC), or text for the service to read. Left out:
    when it arrives."""
    location: Location | Unset | None = attrs.field(
        default=UNSET, kw_only=True, validator=_location
    )
    """Where it was so."""
    metadata: Mapping[str, Any] | Unset = attrs.field(
        default=UNSET, kw_only=True, validator=_metadata, hash=False
    )
    """Whatever else is to be kept with it: an object of at most 10 kB as JSON."""


@attrs.frozen
class DataEdit:
    """What to change in a register; a field that is not given stays as it is.

    Examples:
        >>> DataEdit("6298fcc3e0b6840012bb6abf", value=27).value
        27

    Raises:
        InputError: a value that the service would refuse, with the path of the field.
    """

    id: str = attrs.field(validator=not_blank)
    """Which register."""
    value: DataValue | Unset = attrs.field(default=UNSET, validator=_value)
    """Text of at most 6 kB, a finite number, true or false."""
    variable: str | Unset = attrs.field(
        default=UNSET, kw_only=True, validator=[not_blank, _at_most(_MAX_VARIABLE), _variable]
    )
    """At most 100 characters, no white space and none of ``*?!<>.-=$``."""
    unit: str | Unset = attrs.field(default=UNSET, kw_only=True, validator=_at_most(_MAX_UNIT))
    """At most 25 characters."""
    group: str | Unset = attrs.field(
        default=UNSET, kw_only=True, validator=[not_blank, _at_most(_MAX_GROUP)]
    )
    """At most 100 characters."""
    time: datetime | str | Unset = attrs.field(
        default=UNSET, kw_only=True, converter=as_moment, validator=check_moment
    )
    """A moment (without a zone: UTC), or text for the service to read."""
    location: Location | Unset | None = attrs.field(
        default=UNSET, kw_only=True, validator=_location
    )
    """None for nowhere."""
    metadata: Mapping[str, Any] | Unset = attrs.field(
        default=UNSET, kw_only=True, validator=_metadata, hash=False
    )
    """An object of at most 10 kB as JSON."""


# --- what is read ------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class DataPoint:
    """A register as the service gives it."""

    id: str
    """24 hex digits."""
    variable: str
    """What was measured, in lower case."""
    time: datetime
    """When it was so, UTC."""
    value: DataValue | None = None
    """Text, a number, true or false; None where the register has none."""
    unit: str | None = None
    """The value's unit."""
    group: str | None = None
    """What it was sent together with; once called ``serie``."""
    device: str | None = None
    """Id of the device that sent it."""
    location: Location | None = None
    """Where it was so."""
    metadata: Any = attrs.field(default=None, hash=False)
    """Whatever was kept with it: an object, as a rule."""
    created_at: datetime | None = None
    """When the service took it, UTC; told where `DataQuery.details` asks for it."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""


@attrs.frozen
class AggregatePoint:
    """What a variable comes to in one interval."""

    time: datetime
    """When the interval begins, UTC."""
    value: float | None = None
    """The average, sum, least or greatest value in it; None where there was none."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, kw_only=True, repr=False, hash=False)
    """Whatever else the service said."""


@attrs.frozen(kw_only=True)
class DataBackup:
    """What the service says of an export of data that it has been asked for."""

    file_address: str
    """Where in Files it will be, the placeholders filled in."""
    status: str | None = None
    """``scheduled``, where the service says so."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""


@attrs.frozen
class Total:
    """The number that a question for one is answered with."""

    value: float | None
    """None where there is nothing to count with."""


@attrs.frozen
class Affected:
    """What the service says of a change: how many registers it touched, in words or as a number."""

    number: int | None
    """None where the words hold no number."""
