"""What fields of several models have in common: converters, validators, a few small classes.

The validators refuse what the service would refuse, so that a bad row is found before it costs a
request; each says which field and what to do.
They stand on what is sent.
A class that is read as well checks its types only: a tag that is stored without a key must not
make the whole page unreadable on which it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev.errors import InputError
from tagodev.hard_limits import MAX_PARAMETERS_PER_DEVICE, MAX_TAGS_PER_DEVICE
from tagodev.models.unset import UNSET, Unset

if TYPE_CHECKING:
    from collections.abc import Callable, Sized

__all__ = [
    "ConfigurationParameter",
    "SoftLimits",
    "Tag",
    "as_moment",
    "as_parameter_value",
    "as_parameters",
    "as_tuple",
    "at_most",
    "boolean",
    "check_items",
    "check_parameters",
    "check_tags",
    "instance_of",
    "moment",
    "not_blank",
    "text",
]

#: A span of time in the service's words: ``1 day``, ``3 hours``.
_SPAN: Final = re.compile(r"[0-9]{1,9} *[A-Za-z]+")


def text(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Refuse what is not text; `UNSET` passes."""
    if value is not UNSET and not isinstance(value, str):
        raise InputError(f"must be text, not {type(value).__name__}", path=attribute.name)


def not_blank(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Refuse what is not text, and text that is empty or white space; `UNSET` passes."""
    text(instance, attribute, value)
    if isinstance(value, str) and not value.strip():
        raise InputError("must not be empty", path=attribute.name)


def boolean(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Refuse what is neither true nor false; `UNSET` passes."""
    if value is not UNSET and not isinstance(value, bool):
        raise InputError(f"must be true or false, not {value!r}", path=attribute.name)


def at_most(maximum: int) -> Callable[[object, attrs.Attribute[Any], Sized | Unset], None]:
    """Return a validator that refuses more than so many items; `UNSET` passes."""

    def check(_: object, attribute: attrs.Attribute[Any], value: Sized | Unset) -> None:
        if value is not UNSET and len(value) > maximum:
            raise InputError(
                f"{len(value)} items, but a device holds at most {maximum}", path=attribute.name
            )

    return check


def instance_of(
    cls: type, *, optional: bool = False
) -> Callable[[object, attrs.Attribute[Any], object], None]:
    """Return a validator that refuses what is not of a class, but for None where it is optional."""

    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if not (isinstance(value, cls) or (optional and value is None)):
            raise InputError(
                f"must be a {cls.__name__}, not {type(value).__name__}", path=attribute.name
            )

    return check


def moment(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Refuse what is neither a moment nor a span of time such as ``1 day``; `UNSET` passes."""
    if value is UNSET or (isinstance(value, str) and _SPAN.fullmatch(value)):
        return
    if not isinstance(value, datetime) or value.tzinfo is not UTC:
        raise InputError(
            f"must be a moment or a span of time, not {value!r}",
            path=attribute.name,
            hint='Give a datetime, "2030-01-31T12:00:00Z", or a whole number and a unit: "30 days"',
        )


def as_moment(value: datetime | str | Unset) -> datetime | str | Unset:
    """Turn a moment, as it is or as ISO 8601 text, into one in UTC and to the millisecond.

    That is how the service writes it, so that what was sent is what comes back.
    A moment without a zone is taken for UTC; what is none is left to `moment` to judge.
    """
    found = value
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            return value
    if not isinstance(found, datetime):
        return found
    try:
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        # Within hours of the first or the last year: there is no such moment in UTC.
        return value
    return found.replace(microsecond=found.microsecond // 1000 * 1000)


def as_tuple(value: Iterable[Any] | Unset) -> tuple[Any, ...] | Unset:
    """Turn any iterable into a tuple; `UNSET` passes, and what is none is left to be refused."""
    if isinstance(value, Unset) or not isinstance(value, Iterable):
        return value
    return tuple(value)


# Not `tuple` itself: type checkers would refuse every caller's items for want of their type.
def as_parameters(items: Iterable[ConfigurationParameter]) -> tuple[ConfigurationParameter, ...]:
    """Turn any iterable of parameters into a tuple."""
    return tuple(items)


def as_parameter_value(value: object) -> str:
    """Write a parameter's value as the text that the service keeps: 600 as ``"600"``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


@attrs.frozen
class Tag:
    """A tag: a key and a value, both text.

    Examples:
        >>> Tag("client", "John")
        Tag(key='client', value='John')
    """

    key: str = attrs.field(validator=text)
    """Not empty when it is sent."""
    value: str = attrs.field(validator=text)
    """May be empty."""


@attrs.frozen
class ConfigurationParameter:
    """A configuration parameter: what a device is to be told, and whether it has been.

    Examples:
        >>> ConfigurationParameter("check_rate", 600)
        ConfigurationParameter(key='check_rate', value='600', sent=False, id=UNSET)
    """

    key: str = attrs.field(validator=text)
    """Not empty when it is sent."""
    value: str = attrs.field(converter=as_parameter_value)
    """Text; numbers and booleans are written as the service keeps them."""
    sent: bool = attrs.field(default=False, kw_only=True, validator=boolean)
    """Whether the device has read it."""
    id: str | Unset = attrs.field(default=UNSET, kw_only=True)
    """The service's id of it; given, it edits that parameter instead of adding one."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, kw_only=True, repr=False, hash=False)
    """Whatever else the service said."""


@attrs.frozen(kw_only=True)
class SoftLimits:
    """What a profile or a device may send and read below its plan's limits (Control Tower)."""

    data_input: int | None = None
    """Requests a minute that send data; None where there is no soft limit."""
    data_output: int | None = None
    """Requests a minute that read data; None where there is no soft limit."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""


def check_tags(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Refuse more tags than a device holds (30), what is no `Tag`, and one without a key."""
    check_items(Tag, attribute, value)
    at_most(MAX_TAGS_PER_DEVICE)(instance, attribute, value)
    _check_keys(attribute, value)


def check_parameters(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Refuse more parameters than a device holds (60), and the like of what `check_tags` does."""
    check_items(ConfigurationParameter, attribute, value)
    at_most(MAX_PARAMETERS_PER_DEVICE)(instance, attribute, value)
    _check_keys(attribute, value)


def check_items(cls: type, attribute: attrs.Attribute[Any], value: object) -> None:
    """Refuse what is no list of such items, with the index of the first that is none."""
    if value is UNSET:
        return
    if not isinstance(value, tuple):
        raise InputError(f"must be a list, not {type(value).__name__}", path=attribute.name)
    for index, item in enumerate(value):
        if not isinstance(item, cls):
            raise InputError(
                f"must be a {cls.__name__}, not {type(item).__name__}",
                path=f"{attribute.name}[{index}]",
            )


def _check_keys(
    attribute: attrs.Attribute[Any], value: tuple[Tag | ConfigurationParameter, ...] | Unset
) -> None:
    for index, item in enumerate(() if isinstance(value, Unset) else value):
        if not item.key.strip():
            raise InputError("must not be empty", path=f"{attribute.name}[{index}].key")
