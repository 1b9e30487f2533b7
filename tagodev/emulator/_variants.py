"""Alternative behaviours of the emulator, where TagoIO's is undocumented or its sources contradict.

By default an emulator does what `tagodev.emulator` documents. To test a program against the
alternatives, name them in the option ``variants``:

- ``profile-sends-data``: a profile token may send data by a device's id, as in the SDKs'
  documentation.
- ``parameters-by-key``: a parameter that is sent without an id edits the one with its key, if the
  device has one.
- ``own-data-counters``: data by a device's id is counted apart from ``/data``, with the same
  limits.
- ``names-from-3``: names of devices and tokens have at least 3 characters, as on TagoCore.
- ``strict-create``: a device without network, connector or type is refused, as the reference
  says; by default the examples of the introduction, which have a name only, are accepted.
- ``strict-fields``: a name in ``fields`` that the list does not document is refused, such as
  ``rpm`` of devices; by default it is ignored.
- ``strict-edits``: an edit of a device, network or connector is refused if it has a field that
  can't be edited, such as ``rpm``; by default the field is ignored.
- ``no-result``: answers that only confirm have no ``result``, as those of TagoCore: on each route
  in turn nothing but ``status``, and ``message`` beside it.
- ``odd-values``: values have other forms than the reference's; see
  `tagodev.emulator._http.answers`.
- ``serials-repeat``: several tokens of a profile may have the same serial number; the newest one
  is resolved. By default the second is refused.
- ``no-info``: there is no route ``/info``.
- ``unknown-plan``: the name of the rate plan is ``enterprise``, as on an installation of one's own;
  the limits are those of the option ``plan``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.query import texts
from tagodev.emulator._http.routing import RESOURCE_TOKENS
from tagodev.emulator._http.validation import CONNECTOR_READERS, DEVICE_READERS, NETWORK_READERS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from tagodev.emulator._http.routing import Call, Handler, Route

__all__ = ["DATA_BY_ID", "name_problems", "varied"]

_BY_ID: Final = "/device/:device_id/data"
#: Separate counters of data by a device's id, and the counters whose limits they have.
DATA_BY_ID: Final[Mapping[str, str]] = {
    f"{method} {_BY_ID}": f"{method} /data" for method in ("GET", "POST", "PUT", "DELETE")
}

_TOKEN_FIELDS: Final = frozenset({"name", "token", "permission", "expire_time", "created_at"})
_NETWORK_FIELDS: Final = frozenset({"id", *NETWORK_READERS, "created_at", "updated_at"})
_CONNECTOR_FIELDS: Final = frozenset({"id", "public", *CONNECTOR_READERS, "created_at"})
#: The names in ``fields`` that the variant ``strict-fields`` accepts.
_LISTED: Final[Mapping[str, frozenset[str]]] = {
    "GET /device": frozenset(
        {
            *("id", "name", "description", "type", "active", "visible", "tags", "bucket"),
            *("network", "connector", "profile", "created_at", "updated_at", "last_input"),
        }
    ),
    "GET /device/token/:device_id": _TOKEN_FIELDS
    | {"device_id", "network_id", "serie_number", "last_authorization"},
    "GET /integration/network": _NETWORK_FIELDS,
    "GET /integration/network/:network_id": _NETWORK_FIELDS,
    "GET /integration/connector": _CONNECTOR_FIELDS | {"updated_at"},
    "GET /integration/connector/:connector_id": _CONNECTOR_FIELDS | {"updated_at"},
    "GET /integration/network/token/:network_id": _TOKEN_FIELDS,
    "GET /serviceauth": _TOKEN_FIELDS | {"verification_code", "last_authorization"},
    "GET /profile/:profile_id/token": _TOKEN_FIELDS,
}
#: The fields that the variant ``strict-edits`` accepts.
_EDITABLE: Final[Mapping[str, frozenset[str]]] = {
    "PUT /device/:device_id": frozenset(DEVICE_READERS) - {"type", "chunk_period", "serie_number"},
    "PUT /integration/network/:network_id": frozenset(NETWORK_READERS),
    "PUT /integration/connector/:connector_id": frozenset(CONNECTOR_READERS),
}


def varied(routes: Iterable[Route], variants: Collection[str]) -> Iterator[Route]:
    """Yield routes with the changes of variants.

    Args:
        routes: the default routes.
        variants: the names of the variants.
    """
    for route in routes:
        if route.key == "GET /info" and "no-info" in variants:
            continue
        changes: dict[str, Any] = {}
        if route.key in _LISTED and "strict-fields" in variants:
            changes["handler"] = _checked(
                route.handler, _requested_fields, _LISTED[route.key], "Invalid field: {}"
            )
        if route.key in _EDITABLE and "strict-edits" in variants:
            changes["handler"] = _checked(
                route.handler, _sent_fields, _EDITABLE[route.key], "{} can't be edited"
            )
        if route.key == f"POST {_BY_ID}" and "profile-sends-data" in variants:
            changes["open_to"] = RESOURCE_TOKENS
        if route.key in DATA_BY_ID and "own-data-counters" in variants:
            changes["counted_as"] = (route.key,)
            changes["counted_by_query"] = {
                query: (*counters[:-1], route.key)
                for query, counters in route.counted_by_query.items()
            }
        yield attrs.evolve(route, **changes)


def _requested_fields(call: Call) -> Iterable[str]:
    return texts(call.query().get("fields"))


def _sent_fields(call: Call) -> Iterable[str]:
    return call.body()


def _checked(
    handler: Handler,
    names_in: Callable[[Call], Iterable[str]],
    allowed: Collection[str],
    message: str,
) -> Handler:
    """Return a handler that refuses requests with a name that is not allowed."""

    def checked(call: Call) -> Any:
        problems = [message.format(name) for name in names_in(call) if name not in allowed]
        if problems:
            raise RefusedError(400, "; ".join(problems))
        return handler(call)

    return checked


def name_problems(values: Mapping[str, object], variants: Collection[str]) -> Iterator[str]:
    """Yield a sentence if a name is too short for the variant ``names-from-3``.

    Args:
        values: valid fields of the request.
        variants: the names of the variants.
    """
    name = values.get("name")
    if "names-from-3" in variants and isinstance(name, str) and len(name) < 3:
        yield "name must be a text of 3 to 100 characters"
