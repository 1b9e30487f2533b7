"""``tagodev network token`` and ``service-token``: tokens of networks, service authorizations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from cyclopts import App

import tagodev
from tagodev._cli.exit_codes import Exit
from tagodev._cli.options.confirmation import ConfirmationOptions, Preview
from tagodev._cli.options.integrations import find_own, select_token
from tagodev._cli.options.service import ServiceOptions
from tagodev._cli.output.console import print_json, print_line, print_message
from tagodev._cli.output.table import (
    JsonOption,
    OutputOptions,
    TokensOption,
    record_of,
    show_record,
)
from tagodev._cli.output.text import clean

if TYPE_CHECKING:
    from tagodev import NetworkToken, ServiceToken, Tago

__all__ = ["network_token_app", "service_token_app"]

_GONE: Final = "A deleted token can't be restored: services that use it lose access."
_KNOWN: Final = ("name", "token", "permission", "expire_time", "created_at")
_KNOWN_SERVICE: Final = (*_KNOWN, "verification_code")

network_token_app: Final = App(name="token", help="List, create and delete tokens of networks.")
service_token_app: Final = App(name="service-token")


# --- networks ------------------------------------------------------------------------------------


@network_token_app.command(
    name="list", help_epilogue="Example: tagodev network token list 'Our LoRa'"
)
def list_network_tokens(
    network: str,
    /,
    *,
    show_tokens: TokensOption = False,
    output: OutputOptions = OutputOptions(),
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """List the tokens of a network of your profile.

    Tokens are masked unless you give --show-tokens.

    Args:
        network: Id or unique name.
    """
    columns = output.columns(_KNOWN, people=_KNOWN)

    async def fetch(tago: Tago) -> list[NetworkToken]:
        found = await find_own(tago.networks, network, "network")
        return await tago.network_tokens.list(found.id).collect()

    output.show(service.run(fetch), columns, noun="tokens", reveal=show_tokens)


@network_token_app.command(
    name="create",
    help_epilogue="Example: tagodev network token create 'Our LoRa' server --expires '30 days'",
)
def create_network_token(
    network: str,
    name: str,
    /,
    *,
    permission: Literal["full", "write", "read"] = "full",
    expires: str | None = None,
    show_tokens: TokensOption = False,
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """Create a token for a network of your profile.

    Args:
        network: Id or unique name.
        permission: Permission of the token.
        expires: Expiry: a time, or '30 days' from now; default: never.
    """
    token = tagodev.NetworkTokenCreate(name, permission, **_expiry(expires))

    async def create(tago: Tago) -> tagodev.NetworkTokenCreated:
        found = await find_own(tago.networks, network, "network")
        return await tago.network_tokens.create(found.id, token)

    created = record_of(service.run(create), ("token", "network"), reveal=show_tokens)
    show_record({"name": name, **created}, json=json)
    if not show_tokens:
        _print_how(f"network token list {created['network'] or 'NETWORK'}")


@network_token_app.command(
    name="delete", help_epilogue="Example: tagodev network token delete 'Our LoRa' server --yes"
)
def delete_network_token(
    network: str,
    token: str,
    /,
    *,
    confirmation: ConfirmationOptions = ConfirmationOptions(),
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> Exit | None:
    """Delete a token of a network of your profile.

    Args:
        network: Id or unique name.
        token: Its name or its first characters, at least four.
    """

    async def fetch(tago: Tago) -> NetworkToken:
        found = await find_own(tago.networks, network, "network")
        tokens = await tago.network_tokens.list(found.id).collect()
        return select_token(tokens, token, of="the network")

    found = service.run(fetch)
    code = _confirm(found, confirmation, json=json)
    if code is None:
        service.run(lambda tago: tago.network_tokens.delete(found.token))
        _print_deleted(found, json=json)
    return code


# --- service authorizations ----------------------------------------------------------------------


@service_token_app.command(name="list", help_epilogue="Example: tagodev service-token list")
def list_service_tokens(
    *,
    show_tokens: TokensOption = False,
    output: OutputOptions = OutputOptions(),
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """List the service authorizations of your profile.

    Tokens and verification codes are masked unless you give --show-tokens.
    """
    columns = output.columns(_KNOWN_SERVICE, people=_KNOWN)
    found = service.run(lambda tago: tago.service_tokens.list().collect())
    output.show(found, columns, noun="service tokens", reveal=show_tokens)


@service_token_app.command(
    name="create", help_epilogue="Example: tagodev service-token create 'LoRa server'"
)
def create_service_token(
    name: str,
    /,
    *,
    permission: Literal["full", "write", "read"] = "full",
    expires: str | None = None,
    verification_code: str | None = None,
    show_tokens: TokensOption = False,
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """Create a service authorization.

    Args:
        permission: Permission of the authorization.
        expires: Expiry: a time, or '30 days' from now; default: never.
        verification_code: Additional parameter with which a middleware is verified.
    """
    code = {} if verification_code is None else {"verification_code": verification_code}
    token = tagodev.ServiceTokenCreate(name, permission, **_expiry(expires), **code)
    created = service.run(lambda tago: tago.service_tokens.create(token))
    record = record_of(created, ("token",), reveal=show_tokens)
    show_record({"name": name, **record}, json=json)
    if not show_tokens:
        _print_how("service-token list")


@service_token_app.command(
    name="delete", help_epilogue="Example: tagodev service-token delete 'LoRa server' --yes"
)
def delete_service_token(
    token: str,
    /,
    *,
    confirmation: ConfirmationOptions = ConfirmationOptions(),
    json: JsonOption = False,
    service: ServiceOptions = ServiceOptions(),
) -> Exit | None:
    """Delete a service authorization.

    Args:
        token: Its name or its first characters, at least four.
    """

    async def fetch(tago: Tago) -> ServiceToken:
        tokens = await tago.service_tokens.list().collect()
        return select_token(tokens, token, of="the profile")

    found = service.run(fetch)
    code = _confirm(found, confirmation, json=json)
    if code is None:
        service.run(lambda tago: tago.service_tokens.delete(found.token))
        _print_deleted(found, json=json)
    return code


# --- both ----------------------------------------------------------------------------------------


def _expiry(expires: str | None) -> dict[str, Any]:
    return {} if expires is None else {"expire_time": expires}


def _print_how(command: str) -> None:
    print_message(f"Show the full token: tagodev {command} --show-tokens")


def _confirm(token: NetworkToken, confirmation: ConfirmationOptions, *, json: bool) -> Exit | None:
    preview = Preview(
        verb="delete",
        count=1,
        items=[(token.name or "", str(token.token))],
        noun="token",
        warning=_GONE,
        fields=("name", "token"),
    )
    return preview.confirm(confirmation, json=json)


def _print_deleted(token: NetworkToken, *, json: bool) -> None:
    if json:
        print_json({"deleted": record_of(token, ("name", "token"))})
    else:
        print_line(f"deleted {clean(token.name or '')} {token.token}")
