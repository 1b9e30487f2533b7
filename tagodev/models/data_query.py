"""Which data to read, to count with, or to delete.

The parameters are those of TagoIO's OpenAPI file and of the official SDKs' types, in their plural
names, which both understand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

import attrs

from tagodev.errors import InputError
from tagodev.models.data import DataValue, check_moment
from tagodev.models.fields import as_moment, boolean
from tagodev.models.unset import UNSET, Unset

__all__ = ["MAX_QTY", "Aggregation", "Comparison", "DataQuery", "Interval", "PointMode"]

#: Registers that one request gives at most, by the official tools' own checks.
MAX_QTY: Final = 10_000

#: Which registers of each variable, by its time, by when the service took it, or by its value.
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
#: What the values of an interval are made into.
Aggregation: TypeAlias = Literal["avg", "sum", "min", "max"]
#: How long an interval is.
Interval: TypeAlias = Literal["minute", "hour", "day", "month", "quarter", "year"]
#: How a value is compared: greater, greater or equal, less, less or equal, equal, not equal.
Comparison: TypeAlias = Literal["gt", "gte", "lt", "lte", "eq", "ne"]

_ORDINATIONS: Final = ("ascending", "descending")


def _count(maximum: int | None) -> Callable[[object, attrs.Attribute[Any], object], None]:
    """Return a validator that refuses what is no number of registers; `UNSET` passes."""

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
    """Turn any iterable into a tuple, and one single value into a tuple of it."""
    if isinstance(value, Unset):
        return value
    if isinstance(value, str) or not isinstance(value, Iterable):
        return (value,)
    return tuple(value)


def _as_bound(value: datetime | str | Unset) -> datetime | str | Unset:
    # A date alone is the service's to read: as a start it means the day's first moment, as an end
    # its last one.
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
        # On the wire an empty list is no condition at all: a deletion would take everything.
        raise InputError("must not be empty", path=attribute.name, hint="Leave it out to mean all")
    for index, one in enumerate(value):
        if not isinstance(one, (str, int, float, bool)):
            raise InputError(
                f"must be text, a number, true or false, not {type(one).__name__}",
                path=f"{attribute.name}[{index}]",
            )


@attrs.frozen(kw_only=True)
class DataQuery:
    """Which registers; all conditions must hold, and each list takes any one of its items.

    A list holds at most 20 items; a single one may be given by itself.

    Examples:
        >>> DataQuery(variables="temperature", start_date="1 day", qty=100).variables
        ('temperature',)

    Raises:
        InputError: a value that the service would refuse, with the path of the field.
    """

    variables: tuple[str, ...] | Unset = attrs.field(
        default=UNSET, converter=_as_list, validator=_texts
    )
    """Only of these variables."""
    groups: tuple[str, ...] | Unset = attrs.field(
        default=UNSET, converter=_as_list, validator=_texts
    )
    """Only of these groups."""
    ids: tuple[str, ...] | Unset = attrs.field(default=UNSET, converter=_as_list, validator=_texts)
    """Only these registers; not for immutable devices."""
    values: tuple[DataValue, ...] | Unset = attrs.field(
        default=UNSET, converter=_as_list, validator=_values
    )
    """Only with one of these values."""
    qty: int | Unset = attrs.field(default=UNSET, validator=_count(MAX_QTY))
    """How many at most, 0 to 10,000; of each variable, where several are named. Left out: as many
    as `ids` names, or else the service's own 15."""
    skip: int | Unset = attrs.field(default=UNSET, validator=_count(None))
    """How many to pass over first; left out: none."""
    ordination: str | Unset = attrs.field(default=UNSET, validator=_ordination)
    """By time, ``ascending`` or ``descending``; left out: ``descending``, the newest first."""
    start_date: datetime | str | Unset = attrs.field(
        default=UNSET, converter=_as_bound, validator=check_moment
    )
    """Only from then on: a moment (without a zone: UTC), or text for the service to read, such as
    ``"2026-03-01"``, or ``"1 day"`` for so long ago."""
    end_date: datetime | str | Unset = attrs.field(
        default=UNSET, converter=_as_bound, validator=check_moment
    )
    """Only until then, the moment included; a date means its whole day. Give no span of time here:
    whether it counts back from now or ahead, sources do not agree."""
    details: bool | Unset = attrs.field(default=UNSET, validator=boolean)
    """Whether to tell when each register was made (`DataPoint.created_at`)."""
