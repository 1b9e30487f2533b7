"""Routes of device tokens: create, list, delete."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.pagination import Listing, getters
from tagodev.emulator._http.routing import Call, Route
from tagodev.emulator._http.validation import TOKEN_READERS, read_new, refuse_if
from tagodev.emulator._model.access_tokens import bare
from tagodev.emulator._model.store import Token
from tagodev.emulator._model.time import iso, iso_or_none, parse_moment
from tagodev.emulator._variants import name_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tagodev.emulator._model.access_tokens import AccessToken

__all__ = ["ROUTES", "created", "expiry"]

_FIELDS: Final[Mapping[str, Callable[[Token], Any]]] = {
    "token": attrgetter("text"),
    "device_id": attrgetter("device.id"),
    "network_id": attrgetter("device.network"),
    "serie_number": attrgetter("serial"),
    **getters("name", "permission", "verification_code", "last_authorization"),
    "expire_time": lambda token: iso_or_none(token.expires),
    "created_at": lambda token: iso(token.created_at),
}
_LISTING: Final = Listing(
    writers=_FIELDS,
    keys={
        "serie_number": attrgetter("serial"),
        **getters("name", "permission", "verification_code", "last_authorization", "created_at"),
    },
    filters=("name", "token", "permission", "serie_number", "verification_code"),
    order="created_at,desc",
    usual=("name", "token", "permission"),
)


def expiry(values: Mapping[str, Any], now: float, problems: list[str]) -> float | None:
    """Return the expiry of a token to create, None for never.

    Args:
        values: the fields that were sent; ``expire_time`` is used.
        now: the moment that a relative time refers to.
        problems: receives its problems.
    """
    words = values.get("expire_time", "never")
    if words == "never":
        return None
    try:
        return parse_moment(words, now=now, ahead=True)
    except ValueError:
        problems.append("expire_time must be a date, a time like 3 hours, or never")
        return None


def _create(call: Call) -> dict[str, Any]:
    values, problems = read_new(call.body(), TOKEN_READERS, "device", "name")
    now = call.clock.now()
    expires = expiry(values, now, problems)
    problems += name_problems(values, call.options.variants)
    refuse_if(problems)
    store = call.store
    device = store.device(values["device"])
    serial = store.new_serial(device.network, values.get("serie_number"))
    token = Token(
        text=store.new_token(),
        device=device,
        name=values["name"],
        permission=values.get("permission", "full"),
        serial=serial,
        expires=expires,
        created_at=now,
        verification_code=values.get("verification_code"),
    )
    store.add_token(token)
    return created(token)


def created(token: Token | AccessToken) -> dict[str, Any]:
    """Return the answer to a token's creation."""
    # The sources disagree on the name of the expiry: return both.
    expires = iso_or_none(token.expires)
    return {
        "token": token.text,
        "permission": token.permission,
        "expire_time": expires,
        "expire_date": expires,
    }


def _list(call: Call) -> list[dict[str, Any]]:
    device = call.store.device(call.path[0])
    return _LISTING.page(device.tokens.values(), call.query())


def _delete(call: Call) -> str:
    token = call.store.tokens.get(bare(call.path[0]))
    if token is None:
        raise RefusedError(404, "Token Not Found")
    call.store.remove_token(token)
    return "Token Successfully Removed"


ROUTES: Final = (
    Route("POST", "/device/token", _create, status=201),
    Route("GET", "/device/token/:device_id", _list, is_paged=True),
    Route("DELETE", "/device/token/:token", _delete),
)
