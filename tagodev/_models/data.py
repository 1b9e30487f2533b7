"""Models for device data: registers to send, edits, registers read, and chunks.

Data to send is checked against the documented bounds (docs.tago.io: Sending data).
Data read is not: one register stored under other rules must not make a whole page fail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from math import isfinite
from typing import Any, Final, TypeAlias

import attrs
import orjson

from tagodev._models.fields import Answer, as_moment, not_blank, text
from tagodev._models.unset import UNSET, Unset
from tagodev.errors import InputError

__all__ = [
    "Affected",
    "AggregatePoint",
    "Chunk",
    "ChunkBackup",
    "DataBackup",
    "DataCreate",
    "DataEdit",
    "DataPoint",
    "DataValue",
    "Location",
    "Total",
    "check_moment",
]

#: Types of a register's value.
DataValue: TypeAlias = str | int | float | bool

_MAX_VARIABLE: Final = 100
_MAX_UNIT: Final = 25
_MAX_GROUP: Final = 100
# "6 kB" and "10 kB" in the documentation: the larger of the two meanings (1,024 bytes).
_MAX_VALUE: Final = 6 * 1024
_MAX_METADATA: Final = 10 * 1024
_FORBIDDEN: Final = frozenset("*?!<>.-=$")


# --- validators --------------------------------------------------------------------------------


def _at_most(maximum: int) -> Callable[[object, attrs.Attribute[Any], object], None]:
    """Return a validator that accepts text up to a length, or `UNSET`."""

    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        text(instance, attribute, value)
        if isinstance(value, str) and len(value) > maximum:
            raise InputError(
                f"has {len(value)} characters, but at most {maximum} are allowed",
                path=attribute.name,
            )

    return check


def _variable(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if isinstance(value, str):
        wrong = next((one for one in value if one in _FORBIDDEN or one.isspace()), None)
        if wrong is not None:
            raise InputError(
                f"contains {wrong!r}, which is not allowed in a variable name",
                path=attribute.name,
            )


def _value(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if isinstance(value, float) and not isfinite(value):
        raise InputError(f"must be a finite number, not {value}", path=attribute.name)
    if isinstance(value, str):
        size = len(value.encode("utf-8", "surrogatepass"))
        if size > _MAX_VALUE:
            raise InputError(
                f"has {size:,} bytes, but at most {_MAX_VALUE:,} are allowed", path=attribute.name
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
        problem = f"has {size:,} bytes, but at most {_MAX_METADATA:,} are allowed"
    raise InputError(problem, path=attribute.name)


def check_moment(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Accept a datetime, text or `UNSET`."""
    if isinstance(value, datetime):
        return
    if value is not UNSET and not isinstance(value, str):
        raise InputError(
            f"must be a datetime or text, not {type(value).__name__}",
            path=attribute.name,
            hint="Convert a Unix timestamp: datetime.fromtimestamp(seconds, tz=UTC)",
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


# --- requests ----------------------------------------------------------------------------------


@attrs.frozen
class Location:
    """A geographic location.

    Examples:
        >>> Location(35.77, -78.67)
        Location(lat=35.77, lng=-78.67)
    """

    lat: float = attrs.field(validator=_coordinate)
    """Latitude in degrees; -90 to 90 when sent."""
    lng: float = attrs.field(validator=_coordinate)
    """Longitude in degrees; -180 to 180 when sent."""


@attrs.frozen
class DataCreate:
    """A register to send: a variable and its value.

    Examples:
        >>> DataCreate("temperature", 21.5, unit="°C").value
        21.5

    Raises:
        InputError: a value that the service would refuse, with the path of the field.
    """

    variable: str = attrs.field(validator=[not_blank, _at_most(_MAX_VARIABLE), _variable])
    """At most 100 characters, no white space and none of ``*?!<>.-=$``.
    The service stores it in lower case."""
    value: DataValue | Unset = attrs.field(default=UNSET, validator=_value)
    """Text of at most 6 kB, a finite number, true or false."""
    unit: str | Unset = attrs.field(default=UNSET, kw_only=True, validator=_at_most(_MAX_UNIT))
    """At most 25 characters."""
    group: str | Unset = attrs.field(
        default=UNSET, kw_only=True, validator=[not_blank, _at_most(_MAX_GROUP)]
    )
    """Group of related registers: at most 100 characters. Default: the service generates one for
    the whole request."""
    time: datetime | str | Unset = attrs.field(
        default=UNSET, kw_only=True, converter=as_moment, validator=check_moment
    )
    """Time of the measurement: a datetime (UTC if it has no zone), or text that the service parses.
    Default: time of arrival."""
    location: Location | Unset | None = attrs.field(
        default=UNSET, kw_only=True, validator=_location
    )
    """Location of the measurement."""
    metadata: Mapping[str, Any] | Unset = attrs.field(
        default=UNSET, kw_only=True, validator=_metadata, hash=False
    )
    """Any JSON object of at most 10 kB."""


@attrs.frozen
class DataEdit:
    """Changes to a register; fields left out are kept.

    Examples:
        >>> DataEdit("6298fcc3e0b6840012bb6abf", value=27).value
        27

    Raises:
        InputError: a value that the service would refuse, with the path of the field.
    """

    id: str = attrs.field(validator=not_blank)
    """Id of the register."""
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
    """A datetime (UTC if it has no zone), or text that the service parses."""
    location: Location | Unset | None = attrs.field(
        default=UNSET, kw_only=True, validator=_location
    )
    """None removes it."""
    metadata: Mapping[str, Any] | Unset = attrs.field(
        default=UNSET, kw_only=True, validator=_metadata, hash=False
    )
    """An object of at most 10 kB as JSON."""


# --- answers -----------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class DataPoint(Answer):
    """A register read from the service."""

    id: str
    """24 hex digits."""
    variable: str
    """The variable, in lower case."""
    time: datetime
    """Time of the measurement, UTC."""
    value: DataValue | None = None
    """Text, a number, true or false; None if the register has no value."""
    unit: str | None = None
    """The value's unit."""
    group: str | None = None
    """Group of related registers; formerly ``serie``."""
    device: str | None = None
    """Id of the device that sent it."""
    location: Location | None = None
    """Location of the measurement."""
    metadata: Any = attrs.field(default=None, hash=False)
    """Metadata, usually an object."""
    created_at: datetime | None = None
    """Time of arrival at the service, UTC; only with `DataQuery.details`."""


@attrs.frozen
class AggregatePoint(Answer):
    """The aggregate of a variable over one interval."""

    time: datetime
    """Start of the interval, UTC."""
    value: float | None = None
    """Average, sum, minimum or maximum; None if the interval has no values."""


@attrs.frozen(kw_only=True)
class DataBackup(Answer):
    """The answer to a request for an export of data."""

    file_address: str
    """Path of the export in Files, placeholders resolved."""
    status: str | None = None
    """``scheduled``; None if the service does not report it."""


@attrs.frozen(kw_only=True)
class Chunk(Answer):
    """The data of one chunk period of an immutable device: a day, week, month or quarter.

    Fields follow TagoIO's OpenAPI file. One SDK names the two dates differently; both names are
    read.
    """

    id: str
    """First and last second as Unix timestamps: ``1658102400_1658707199``."""
    from_date: datetime
    """Start, UTC; ``from`` in the JSON."""
    to_date: datetime
    """End, UTC; ``to`` in the JSON."""
    amount: int | None = None
    """Number of registers; None if the service does not report it."""


@attrs.frozen(kw_only=True)
class ChunkBackup(DataBackup):
    """The answer to a request for an export of a chunk."""

    chunk_id: str
    """Id of the chunk."""


@attrs.frozen
class Total:
    """The answer to a count or a sum."""

    value: float | None
    """None if no register matches."""


@attrs.frozen
class Affected:
    """The number of registers that a change affected."""

    number: int | None
    """None if the answer contains no number."""
