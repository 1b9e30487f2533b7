"""The query for data to read, to aggregate or to delete.

Parameters follow TagoIO's OpenAPI file and the official SDKs, with the plural names that both
accept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

import attrs

from tagodev._models.data import DataValue, check_moment
from tagodev._models.fields import as_moment, boolean
from tagodev._models.unset import UNSET, Unset
from tagodev.errors import InputError

__all__ = ["MAX_QTY", "Aggregation", "Comparison", "DataQuery", "Interval", "PointMode"]

#: Maximum registers per request, as the official tools check.
MAX_QTY: Final = 10_000

#: Which register of each variable: by time, by time of arrival, or by value.
PointMode: TypeAlias = Literal[
    "last_item",
    "first_item",
    "last_value",
    "first_value",
    "last_location",
    "first_location",
    "last_insert",
    "first_insert",
    "min",
    "max",
]
#: Aggregate of the values of an interval.
Aggregation: TypeAlias = Literal["avg", "sum", "min", "max"]
#: Length of an interval.
Interval: TypeAlias = Literal["minute", "hour", "day", "month", "quarter", "year"]
#: Comparison of a value: greater, greater or equal, less, less or equal, equal, not equal.
Comparison: TypeAlias = Literal["gt", "gte", "lt", "lte", "eq", "ne"]

_ORDINATIONS: Final = ("ascending", "descending")


def _count(maximum: int | None) -> Callable[[object, attrs.Attribute[Any], object], None]:
    """Return a validator that accepts a number of registers, or `UNSET`."""

    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value is UNSET:
            return
        if type(value) is not int or value < 0 or (maximum is not None and value > maximum):
            bounds = "at least 0" if maximum is None else f"from 0 to {maximum:,}"
            raise InputError(
                f"must be a whole number, {bounds}, not {value!r}", path=attribute.name
            )

    return check


def _ordination(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not UNSET and value not in _ORDINATIONS:
        raise InputError(f"must be {' or '.join(_ORDINATIONS)}, not {value!r}", path=attribute.name)


def _as_list(value: Iterable[Any] | DataValue | Unset) -> tuple[Any, ...] | Unset:
    """Convert an iterable, or a single value, to a tuple."""
    if isinstance(value, Unset):
        return value
    if isinstance(value, str) or not isinstance(value, Iterable):
        return (value,)
    return tuple(value)


def _as_bound(value: datetime | str | Unset) -> datetime | str | Unset:
    # The service parses a date alone: as a start it is the begin of the day, as an end its end.
    if isinstance(value, str) and len(value) <= len("2026-03-01"):
        return value
    return as_moment(value)


def _texts(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    _values(_, attribute, value)
    for index, one in enumerate(() if value is UNSET else value):
        if not isinstance(one, str) or not one.strip():
            raise InputError(
                f"must be text that is not empty, not {one!r}", path=f"{attribute.name}[{index}]"
            )


def _values(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is UNSET:
        return
    if not value:
        # An empty list would be sent as no condition: a deletion would delete everything.
        raise InputError("must not be empty", path=attribute.name, hint="Leave it out to match all")
    for index, one in enumerate(value):
        if not isinstance(one, (str, int, float, bool)):
            raise InputError(
                f"must be text, a number, true or false, not {type(one).__name__}",
                path=f"{attribute.name}[{index}]",
            )


@attrs.frozen(kw_only=True)
class DataQuery:
    """A query for registers.

    All conditions must match; a list matches any of its items. A list has at most 20 items; a
    single item may be given without a list.

    Examples:
        >>> DataQuery(variables="temperature", start_date="1 day", qty=100).variables
        ('temperature',)

    Raises:
        InputError: a value that the service would refuse, with the path of the field.
    """

    variables: tuple[str, ...] | Unset = attrs.field(
        default=UNSET, converter=_as_list, validator=_texts
    )
    """Variables."""
    groups: tuple[str, ...] | Unset = attrs.field(
        default=UNSET, converter=_as_list, validator=_texts
    )
    """Groups."""
    ids: tuple[str, ...] | Unset = attrs.field(default=UNSET, converter=_as_list, validator=_texts)
    """Ids of registers; not for immutable devices."""
    values: tuple[DataValue, ...] | Unset = attrs.field(
        default=UNSET, converter=_as_list, validator=_values
    )
    """Values."""
    qty: int | Unset = attrs.field(default=UNSET, validator=_count(MAX_QTY))
    """Maximum number of registers, 0 to 10,000; per variable if there are several. Default: the
    number of `ids`, or else the service's default of 15."""
    skip: int | Unset = attrs.field(default=UNSET, validator=_count(None))
    """Number of registers to skip; default: 0."""
    ordination: str | Unset = attrs.field(default=UNSET, validator=_ordination)
    """Order by time, ``ascending`` or ``descending`` (default: newest first)."""
    start_date: datetime | str | Unset = attrs.field(
        default=UNSET, converter=_as_bound, validator=check_moment
    )
    """Start: a datetime (UTC if it has no zone), or text that the service parses, such as
    ``"2026-03-01"``, or ``"1 day"`` ago."""
    end_date: datetime | str | Unset = attrs.field(
        default=UNSET, converter=_as_bound, validator=check_moment
    )
    """End, inclusive; a date includes the whole day. Do not give a duration: sources disagree on
    whether it counts backwards or forwards."""
    details: bool | Unset = attrs.field(default=UNSET, validator=boolean)
    """Whether to include the time of arrival (`DataPoint.created_at`)."""
