"""The routes of device tokens: create, list, delete."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from tagodev.emulator.bodies import TOKEN_READERS, read, refuse_if
from tagodev.emulator.listing import filters, matcher, order_of, ordered, paged
from tagodev.emulator.query import text, texts
from tagodev.emulator.refusal import RefusedError
from tagodev.emulator.routing import Call, Route
from tagodev.emulator.store import Token, bare
from tagodev.emulator.times import iso, parse_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ROUTES"]

_USUAL_FIELDS: Final = ("name", "token", "permission")
_FILTERS: Final = ("name", "token", "permission", "serie_number")

_FIELDS: Final[Mapping[str, Callable[[Token], Any]]] = {
    "token": attrgetter("text"),
    "device_id": attrgetter("device.id"),
    "network_id": attrgetter("device.network"),
    "name": attrgetter("name"),
    "permission": attrgetter("permission"),
    "serie_number": attrgetter("serial"),
    "last_authorization": lambda _: None,
    "expire_time": lambda token: None if token.expires is None else iso(token.expires),
    "created_at": lambda token: iso(token.created_at),
}
_ORDER_KEYS: Final[Mapping[str, Callable[[Token], Any]]] = {
    "name": attrgetter("name"),
    "permission": attrgetter("permission"),
    "serie_number": attrgetter("serial"),
    "last_authorization": _FIELDS["last_authorization"],
    "created_at": attrgetter("created_at"),
}


def _create(call: Call) -> dict[str, Any]:
    body = {name: value for name, value in call.body().items() if value is not None}
    values, problems = read(body, TOKEN_READERS)
    now = call.clock.now()
    expires = None
    words = values.get("expire_time", "never")
    if words != "never":
        try:
            expires = parse_moment(words, now=now, ahead=True)
        except ValueError:
            problems.append("expire_time must be a date, a time like 3 hours, or never")
    refuse_if(
        [*(f"{name} is required" for name in ("device", "name") if name not in body), *problems]
    )
    device = call.store.device(values["device"])
    serial = values.get("serie_number")
    call.store.check_serial(serial)
    permission = values.get("permission", "full")
    token = Token(call.store.new_token(), device, values["name"], permission, serial, expires, now)
    call.store.add_token(token)
    expiry = _FIELDS["expire_time"](token)
    # The sources disagree on the name of the expiry: both are given.
    return {
        "token": token.text,
        "permission": permission,
        "expire_time": expiry,
        "expire_date": expiry,
    }


def _list(call: Call) -> list[dict[str, Any]]:
    device = call.store.device(call.path[0])
    query = call.query()
    found = list(device.tokens.values())
    for name, value in filters(query, _FILTERS).items():
        pattern = text(value)
        if pattern is not None:
            found = _matching(found, _FIELDS[name], matcher(pattern))
    page = paged(ordered(found, order_of(query, "created_at,desc"), _ORDER_KEYS), query)
    wanted = texts(query.get("fields")) or _USUAL_FIELDS
    writers = [(name, write) for name, write in _FIELDS.items() if name in wanted]
    return [{name: write(token) for name, write in writers} for token in page]


def _matching(
    tokens: list[Token], get: Callable[[Token], str | None], matches: Callable[[str], bool]
) -> list[Token]:
    return [token for token in tokens if (value := get(token)) is not None and matches(value)]


def _delete(call: Call) -> str:
    token = call.store.tokens.get(bare(call.path[0]))
    if token is None:
        raise RefusedError(404, "Token Not Found")
    call.store.remove_token(token)
    return "Token Successfully Removed"


ROUTES: Final = (
    Route("POST", "/device/token", _create, status=201),
    Route("GET", "/device/token/:device_id", _list),
    Route("DELETE", "/device/token/:token", _delete),
)
