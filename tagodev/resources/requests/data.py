"""What requests for data are made of: their routes, and their queries.

Data is reached by a device's own token, or by the device's id.
The documented table of limits has the routes of the first only.
Whether the service counts the second with them is not known; taken as one counter, neither can
exceed it.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev.errors import InputError
from tagodev.limits.routes import Route
from tagodev.models import UNSET, DataQuery, Unset
from tagodev.serialization.converter import to_wire

if TYPE_CHECKING:
    from tagodev.secrets import Secret

__all__ = [
    "BY_ID",
    "OWN",
    "DataRoutes",
    "as_parameters",
    "check_choice",
    "check_text",
    "check_token",
]

#: The widest span of a sum or an average: a month, and what TagoIO's own TagoCore adds to it.
_WIDEST: Final = timedelta(days=1.1 * 31)
# A header value without white space; what exactly tokens hold is the service's affair.
_TOKEN: Final = re.compile(r"[!-~]+")


@attrs.frozen(kw_only=True)
class DataRoutes:
    """By what data is reached."""

    read: Route
    """Reads, and answers with a number."""
    aggregate: Route
    """Reads by intervals; it has a counter of its own, and takes from that of reading too."""
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
#: For a token that opens more than one device.
BY_ID: Final = _routes("/device/:device_id/data")


def as_parameters(
    query: DataQuery | None, mode: str | None, *, dated: bool = False
) -> dict[str, Any]:
    """Return the parameters of a request for data.

    Args:
        query: which registers; None for those that the service chooses.
        mode: the service's word for what to do with them; None to read them.
        dated: whether the service asks for a start date.

    Raises:
        InputError: the query does not go with the mode, or spans too much for it.
    """
    query = DataQuery() if query is None else query
    if dated and query.start_date is UNSET:
        raise InputError(f"{mode} needs it", path="start_date")
    if mode in ("avg", "sum"):
        _check_width(query)
    parameters: dict[str, Any] = to_wire(query)
    if mode is None:
        if not isinstance(query.ids, Unset) and query.qty is UNSET:
            # Whoever names twenty registers does not mean the first fifteen of them.
            parameters["qty"] = len(query.ids)
        return parameters
    if query.skip is not UNSET:
        raise InputError(f"{mode} passes nothing over", path="skip", hint="Leave it out")
    return {"query": mode, **parameters}


def _check_width(query: DataQuery) -> None:
    start, end = query.start_date, query.end_date
    if isinstance(start, datetime) and isinstance(end, datetime) and end - start > _WIDEST:
        raise InputError(
            f"{(end - start).days} days before end_date, but a sum or an average spans a month "
            "at most",
            path="start_date",
        )


def check_choice(path: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse what is none of the service's words.

    Args:
        path: which argument it is.
        value: what was given.
        choices: the words.

    Raises:
        InputError: it is none of them.
    """
    if value not in choices:
        raise InputError(f"must be one of {', '.join(choices)}, not {value!r}", path=path)


def check_text(path: str, value: str) -> None:
    """Refuse what is no text, or empty.

    Args:
        path: which argument it is.
        value: what was given.

    Raises:
        InputError: it is.
    """
    if not isinstance(value, str) or not value.strip():
        raise InputError("must be text that is not empty", path=path)


def check_token(token: Secret, *, path: str = "token") -> None:
    """Refuse what can't be sent as a token.

    Args:
        token: as it was given.
        path: which argument it is.

    Raises:
        InputError: it is empty, or holds characters that no token has; it is not repeated.
    """
    if not _TOKEN.fullmatch(token.reveal()):
        raise InputError("must be a token: text without white space", path=path)
