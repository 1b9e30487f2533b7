"""Requests for data: routes and queries.

Data is available with a device's own token, or by the device's id.
The documented table of limits has the routes of the first only.
It is not known whether the service counts the second with them; counted as one, neither can exceed
the limit.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev._limits.routes import Route
from tagodev._models import UNSET, DataQuery, Unset
from tagodev._serialization.converter import to_wire
from tagodev.errors import InputError

if TYPE_CHECKING:
    from tagodev._secrets import Secret

__all__ = [
    "BY_ID",
    "OWN",
    "DataRoutes",
    "as_parameters",
    "check_choice",
    "check_text",
    "check_token",
]

#: The longest span of a sum or an average: a month, and the tolerance of TagoIO's TagoCore.
_WIDEST: Final = timedelta(days=1.1 * 31)
# A header value without white space; the service decides what a token may hold.
_TOKEN: Final = re.compile(r"[!-~]+")


@attrs.frozen(kw_only=True)
class DataRoutes:
    """The routes of data."""

    read: Route
    """Reads points or a number."""
    aggregate: Route
    """Reads by intervals; counts against this counter and against that of reading."""
    send: Route
    """Adds."""
    edit: Route
    """Changes."""
    delete: Route
    """Deletes."""


def _routes(template: str) -> DataRoutes:
    def route(method: str) -> Route:
        return Route(method, template, counted_as=f"{method} /data")

    read = route("GET")
    return DataRoutes(
        read=read,
        aggregate=Route("GET", template, counted_as="GET /data?query=aggregate", also=read),
        send=route("POST"),
        edit=route("PUT"),
        delete=route("DELETE"),
    )


#: For a device's own token.
OWN: Final = _routes("/data")
#: For a token of a profile or a network.
BY_ID: Final = _routes("/device/:device_id/data")


def as_parameters(
    query: DataQuery | None, mode: str | None, *, dated: bool = False
) -> dict[str, Any]:
    """Return the parameters of a request for data.

    Args:
        query: the registers; None for the service's default.
        mode: the service's name of a function of them; None to read them.
        dated: whether the service requires a start date.

    Raises:
        InputError: the query does not fit the mode, or its span is too long.
    """
    query = DataQuery() if query is None else query
    if dated and query.start_date is UNSET:
        raise InputError(f"is required for {mode}", path="start_date")
    if mode in ("avg", "sum"):
        _check_width(query)
    parameters: dict[str, Any] = to_wire(query)
    if mode is None:
        if not isinstance(query.ids, Unset) and query.qty is UNSET:
            # The service's default of 15 would return only some of the named registers.
            parameters["qty"] = len(query.ids)
        return parameters
    if query.skip is not UNSET:
        raise InputError(f"is not supported by {mode}", path="skip", hint="Remove skip")
    return {"query": mode, **parameters}


def _check_width(query: DataQuery) -> None:
    start, end = query.start_date, query.end_date
    if isinstance(start, datetime) and isinstance(end, datetime) and end - start > _WIDEST:
        raise InputError(
            f"{(end - start).days} days before end_date, but a sum or an average spans at most "
            "a month",
            path="start_date",
        )


def check_choice(path: str, value: str, choices: tuple[str, ...]) -> None:
    """Check that a value is one of the choices.

    Args:
        path: the argument's name.
        value: the value.
        choices: the valid values.

    Raises:
        InputError: it is not one of them.
    """
    if value not in choices:
        raise InputError(f"must be one of {', '.join(choices)}, not {value!r}", path=path)


def check_text(path: str, value: str) -> None:
    """Check that a value is text and not empty.

    Args:
        path: the argument's name.
        value: the value.

    Raises:
        InputError: it is not text, or is empty.
    """
    if not isinstance(value, str) or not value.strip():
        raise InputError("must be text and not empty", path=path)


def check_token(token: Secret, *, path: str = "token") -> None:
    """Check that a value can be sent as a token.

    Args:
        token: the value.
        path: the argument's name.

    Raises:
        InputError: it is empty, or holds invalid characters; the message does not repeat it.
    """
    if not _TOKEN.fullmatch(token.reveal()):
        raise InputError("must be a token: text without white space", path=path)
