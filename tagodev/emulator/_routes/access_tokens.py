"""Routes of network tokens, authorizations and profile tokens."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from tagodev.emulator._http.errors import RefusedError, check_cap
from tagodev.emulator._http.pagination import Listing, getters
from tagodev.emulator._http.routing import NO_TOKEN, PROFILE_ONLY, Call, Route
from tagodev.emulator._http.validation import ACCESS_TOKEN_READERS, read, read_new, refuse_if
from tagodev.emulator._model.access_tokens import AccessToken, TokenKind, bare
from tagodev.emulator._model.time import iso, iso_or_none
from tagodev.emulator._routes.networks import own_network
from tagodev.emulator._routes.profile import ACCOUNT_EMAIL, check_profile
from tagodev.emulator._routes.tokens import created, expiry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tagodev.hard_limits import Plan

__all__ = ["ACCESS_TOKEN_FIELDS", "ROUTES"]

#: How many authorizations a profile may have (docs.tago.io: Resource limits).
_AUTHORIZATION_CAPS: Final[Mapping[Plan, int]] = {"free": 10, "starter": 50, "scale": 200}

#: Serializers by field; only lists return the token itself.
ACCESS_TOKEN_FIELDS: Final[Mapping[str, Callable[[AccessToken], Any]]] = {
    **getters("name", "permission", "verification_code", "ref_id"),
    "type": attrgetter("kind"),
    # What a device's token has, and these never have.
    "serie_number": lambda _: None,
    "last_authorization": lambda token: iso_or_none(token.last_authorization),
    "expire_time": lambda token: iso_or_none(token.expires),
    "created_at": lambda token: iso(token.created_at),
    "created_by": lambda _: None,
}
_LISTING: Final[Listing[AccessToken]] = Listing(
    writers={"token": attrgetter("text"), **ACCESS_TOKEN_FIELDS},
    keys={
        **getters("name", "permission", "verification_code", "created_at"),
        "serie_number": lambda _: None,
    },
    filters=("name", "token", "permission", "verification_code"),
    order="created_at,desc",
    usual=("name", "token", "permission"),
)


def _page(call: Call, kind: TokenKind, ref_id: str) -> list[dict[str, Any]]:
    return _LISTING.page(call.store.keyring.of(kind, ref_id), call.query())


def _read(call: Call, *required: str) -> dict[str, Any]:
    """Return the fields of a token to create."""
    values, problems = read_new(call.body(), ACCESS_TOKEN_READERS, *required)
    values["expires"] = expiry(values, call.clock.now(), problems)
    refuse_if(problems)
    return values


def _add(
    call: Call, kind: TokenKind, text: str, ref_id: str, values: Mapping[str, Any]
) -> AccessToken:
    token = AccessToken(
        text,
        kind,
        ref_id,
        values["name"],
        call.clock.now(),
        permission=values.get("permission", "full"),
        expires=values.get("expires"),
        verification_code=values.get("verification_code"),
    )
    return call.store.keyring.add(token)


def _find(call: Call, kind: TokenKind, text: str) -> AccessToken:
    token = call.store.keyring.get(bare(text))
    if token is None or token.kind != kind:
        raise RefusedError(404, "Token Not Found")
    return token


def _list_network(call: Call) -> list[dict[str, Any]]:
    return _page(call, "network", own_network(call, call.path[0]).id)


def _create_network(call: Call) -> dict[str, str]:
    values = _read(call, "network", "name")
    network = own_network(call, values["network"])
    token = _add(call, "network", f"n-{call.store.new_token()}", network.id, values)
    return {"token": token.text, "name": token.name, "network": network.id}


def _delete_network(call: Call) -> str:
    token = _find(call, "network", call.path[0])
    own_network(call, token.ref_id)
    call.store.keyring.remove(token)
    return "Token Successfully Removed"


def _list_authorizations(call: Call) -> list[dict[str, Any]]:
    return _page(call, "authorization", call.store.profile)


def _create_authorization(call: Call) -> dict[str, str]:
    values = _read(call, "name")
    store, most = call.store, _AUTHORIZATION_CAPS[call.options.plan]
    known = sum(1 for _ in store.keyring.of("authorization", store.profile))
    check_cap(known + 1, most, "Device service authorization")
    token = _add(call, "authorization", store.new_authorization(), store.profile, values)
    answer = {"token": token.text, "name": token.name, "profile": store.profile}
    if token.verification_code is not None:
        answer["additional_parameters"] = token.verification_code
    return answer


def _edit_authorization(call: Call) -> str:
    token = _find(call, "authorization", call.path[0])
    values, problems = read(call.body(), ACCESS_TOKEN_READERS)
    refuse_if(problems)
    token.verification_code = values.get("verification_code")
    return "Authorization Code Successfully Updated"


def _delete_authorization(call: Call) -> str:
    call.store.keyring.remove(_find(call, "authorization", call.path[0]))
    return "Token Successfully Removed"


def _list_profile(call: Call) -> list[dict[str, Any]]:
    check_profile(call)
    return _page(call, "profile", call.store.profile)


def _create_profile(call: Call) -> dict[str, Any]:
    check_profile(call)
    values = _read(call, "name")
    token = _add(call, "profile", f"p-{call.store.new_token()}", call.store.profile, values)
    return created(token)


def _delete_profile(call: Call) -> str:
    check_profile(call)
    call.store.keyring.remove(_find(call, "profile", call.path[1]))
    return "Token Successfully Removed"


def _sign_in(call: Call) -> dict[str, Any]:
    """Create a profile token for the account's address; any password is accepted."""
    values = _read(call, "name")
    body = call.body()
    for name in ("email", "password", "profile_id"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise RefusedError(400, f"{name} is required")
    if body["email"] != ACCOUNT_EMAIL or body["profile_id"] != call.store.profile:
        raise RefusedError(401, "Authorization Denied")
    token = _add(call, "profile", f"p-{call.store.new_token()}", call.store.profile, values)
    return {
        "created_by": call.store.account,
        "name": token.name,
        "permission": token.permission,
        "profile": call.store.profile,
        "token": token.text,
    }


_NETWORK: Final = "/integration/network/token"
_PROFILE: Final = "/profile/:profile_id/token"

ROUTES: Final = (
    Route("POST", _NETWORK, _create_network, open_to=PROFILE_ONLY),
    Route("GET", f"{_NETWORK}/:network_id", _list_network, open_to=PROFILE_ONLY, is_paged=True),
    Route("DELETE", f"{_NETWORK}/:token", _delete_network, open_to=PROFILE_ONLY),
    Route("GET", "/serviceauth", _list_authorizations, is_paged=True),
    Route("POST", "/serviceauth", _create_authorization),
    Route("PUT", "/serviceauth/:token", _edit_authorization),
    Route("DELETE", "/serviceauth/:token", _delete_authorization),
    Route("GET", _PROFILE, _list_profile, open_to=PROFILE_ONLY, is_paged=True),
    Route("POST", _PROFILE, _create_profile, open_to=PROFILE_ONLY),
    Route("DELETE", f"{_PROFILE}/:token", _delete_profile, open_to=PROFILE_ONLY),
    Route("POST", "/account/profile/token", _sign_in, open_to=NO_TOKEN),
)
