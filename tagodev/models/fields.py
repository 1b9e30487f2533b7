"""What fields of several models have in common: converters, validators, two small classes.

The validators refuse what the service would refuse, so that a bad row is found before it costs a
request; each says which field and what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from tagodev.errors import InputError
from tagodev.hard_limits import MAX_PARAMETERS_PER_DEVICE, MAX_TAGS_PER_DEVICE
from tagodev.models.unset import UNSET, Unset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sized

__all__ = [
    "ConfigurationParameter",
    "Tag",
    "as_parameter_value",
    "as_tuple",
    "at_most",
    "boolean",
    "check_parameters",
    "check_tags",
    "not_blank",
    "text",
]


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


def as_tuple(value: Iterable[Any] | Unset) -> tuple[Any, ...] | Unset:
    """Turn any iterable into a tuple; `UNSET` passes."""
    return value if isinstance(value, Unset) else tuple(value)


def as_parameter_value(value: object) -> str:
    """Write a parameter's value as the text that the service keeps: 600 as ``"600"``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


@attrs.frozen
class Tag:
    """A tag: a key and a value, both text.

    Example:
        >>> Tag("client", "John")
        Tag(key='client', value='John')
    """

    key: str = attrs.field(validator=not_blank)
    """Not empty."""
    value: str = attrs.field(validator=text)
    """May be empty."""


@attrs.frozen
class ConfigurationParameter:
    """A configuration parameter: what a device is to be told, and whether it has been.

    Example:
        >>> ConfigurationParameter("check_rate", 600)
        ConfigurationParameter(key='check_rate', value='600', sent=False, id=UNSET)
    """

    key: str = attrs.field(validator=not_blank)
    """Not empty."""
    value: str = attrs.field(converter=as_parameter_value)
    """Text; numbers and booleans are written as the service keeps them."""
    sent: bool = attrs.field(default=False, kw_only=True, validator=boolean)
    """Whether the device has read it."""
    id: str | Unset = attrs.field(default=UNSET, kw_only=True)
    """The service's id of it; given, it edits that parameter instead of adding one."""


def check_tags(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Refuse more tags than a device holds (30), and what is no `Tag`."""
    at_most(MAX_TAGS_PER_DEVICE)(instance, attribute, value)
    _check_each(Tag, attribute, value)


def check_parameters(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Refuse more parameters than a device holds (60), and what is no `ConfigurationParameter`."""
    at_most(MAX_PARAMETERS_PER_DEVICE)(instance, attribute, value)
    _check_each(ConfigurationParameter, attribute, value)


def _check_each(cls: type, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is UNSET:
        return
    for index, item in enumerate(value):
        if not isinstance(item, cls):
            raise InputError(
                f"must be a {cls.__name__}, not {type(item).__name__}",
                path=f"{attribute.name}[{index}]",
            )
