"""Converters, validators and small classes that several models share.

The validators refuse what the service would refuse, so that a bad row costs no request.
They apply to data that is sent.
Classes that are also read check only types: one stored tag without a key must not make a whole
page fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev._models.unset import UNSET, Unset
from tagodev.errors import InputError
from tagodev.hard_limits import MAX_PARAMETERS_PER_DEVICE, MAX_TAGS_PER_DEVICE

if TYPE_CHECKING:
    from collections.abc import Callable, Sized

__all__ = [
    "Answer",
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

#: A duration in the form of the service: ``1 day``, ``3 hours``.
_SPAN: Final = re.compile(r"[0-9]{1,9} *[A-Za-z]+")


def text(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Accept text or `UNSET`."""
    if value is not UNSET and not isinstance(value, str):
        raise InputError(f"must be text, not {type(value).__name__}", path=attribute.name)


def not_blank(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Accept text that is not blank, or `UNSET`."""
    text(instance, attribute, value)
    if isinstance(value, str) and not value.strip():
        raise InputError("must not be empty", path=attribute.name)


def boolean(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Accept true, false or `UNSET`."""
    if value is not UNSET and not isinstance(value, bool):
        raise InputError(f"must be true or false, not {value!r}", path=attribute.name)


def at_most(maximum: int) -> Callable[[object, attrs.Attribute[Any], Sized | Unset], None]:
    """Return a validator that accepts up to a number of items, or `UNSET`."""

    def check(_: object, attribute: attrs.Attribute[Any], value: Sized | Unset) -> None:
        if value is not UNSET and len(value) > maximum:
            raise InputError(
                f"has {len(value)} items, but a device can have at most {maximum}",
                path=attribute.name,
            )

    return check


def instance_of(
    cls: type, *, optional: bool = False
) -> Callable[[object, attrs.Attribute[Any], object], None]:
    """Return a validator that accepts instances of a class, and None if optional."""

    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if not (isinstance(value, cls) or (optional and value is None)):
            raise InputError(
                f"must be a {cls.__name__}, not {type(value).__name__}", path=attribute.name
            )

    return check


def moment(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Accept a datetime, a duration such as ``1 day``, or `UNSET`."""
    if value is UNSET or (isinstance(value, str) and _SPAN.fullmatch(value)):
        return
    if not isinstance(value, datetime) or value.tzinfo is not UTC:
        raise InputError(
            f"must be a datetime or a duration, not {value!r}",
            path=attribute.name,
            hint='Write a time, "2030-01-31T12:00:00Z", or a number and a unit, "30 days"',
        )


def as_moment(value: datetime | str | Unset) -> datetime | str | Unset:
    """Convert a datetime, or ISO 8601 text, to a datetime in UTC with milliseconds.

    This is the service's own precision. A datetime without a zone is taken as UTC; other values
    are returned unchanged, for `moment` to check.
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
        # Within hours of the first or the last year: no such time exists in UTC.
        return value
    return found.replace(microsecond=found.microsecond // 1000 * 1000)


def as_tuple(value: Iterable[Any] | Unset) -> tuple[Any, ...] | Unset:
    """Convert an iterable to a tuple; other values are returned unchanged."""
    if isinstance(value, Unset) or not isinstance(value, Iterable):
        return value
    return tuple(value)


# Not `tuple` itself: type checkers could not infer the type of the items.
def as_parameters(items: Iterable[ConfigurationParameter]) -> tuple[ConfigurationParameter, ...]:
    """Convert an iterable of parameters to a tuple."""
    return tuple(items)


def as_parameter_value(value: object) -> str:
    """Convert a parameter's value to the text that the service stores: 600 to ``"600"``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


@attrs.frozen(kw_only=True)
class Answer:
    """Base of the models that are read from the service."""

    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Fields of the answer that the model does not have."""


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
class ConfigurationParameter(Answer):
    """A configuration parameter of a device.

    Examples:
        >>> ConfigurationParameter("check_rate", 600)
        ConfigurationParameter(key='check_rate', value='600', sent=False, id=UNSET)
    """

    key: str = attrs.field(validator=text)
    """Not empty when it is sent."""
    value: str = attrs.field(converter=as_parameter_value)
    """Text; numbers and booleans are converted as the service stores them."""
    sent: bool = attrs.field(default=False, kw_only=True, validator=boolean)
    """Whether the device has read it."""
    id: str | Unset = attrs.field(default=UNSET, kw_only=True)
    """Id of the parameter; if set, that parameter is edited and none is added."""


@attrs.frozen(kw_only=True)
class SoftLimits(Answer):
    """Soft limits of a profile or a device, below the limits of its plan (Control Tower)."""

    data_input: int | None = None
    """Requests per minute that send data; None if there is no soft limit."""
    data_output: int | None = None
    """Requests per minute that read data; None if there is no soft limit."""


def check_tags(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Accept up to 30 instances of `Tag`, each with a key."""
    check_items(Tag, attribute, value)
    at_most(MAX_TAGS_PER_DEVICE)(instance, attribute, value)
    _check_keys(attribute, value)


def check_parameters(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Accept up to 60 instances of `ConfigurationParameter`, each with a key."""
    check_items(ConfigurationParameter, attribute, value)
    at_most(MAX_PARAMETERS_PER_DEVICE)(instance, attribute, value)
    _check_keys(attribute, value)


def check_items(cls: type, attribute: attrs.Attribute[Any], value: object) -> None:
    """Accept a tuple of instances of a class; report the index of the first other item."""
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
