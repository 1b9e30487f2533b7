"""Tokens of networks, and service authorizations: create, list and delete."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeAlias, Unpack

from tagodev._limits.routes import Route
from tagodev._models import (
    NetworkToken,
    NetworkTokenCreated,
    ServiceToken,
    ServiceTokenCreated,
)
from tagodev._resources.listing import PAGE_SIZE, Listing, check_order, page_fetcher
from tagodev._resources.resource import Resource, removed
from tagodev._retry import Safety
from tagodev._secrets import Secret
from tagodev._serialization.converter import to_json, to_wire
from tagodev._signatures import strict

if TYPE_CHECKING:
    from tagodev._models import NetworkTokenCreate, ServiceTokenCreate
    from tagodev._session import CallOptions

__all__ = ["NetworkTokens", "ServiceTokens"]

# Inside the classes `list` is a method.
_NetworkPage: TypeAlias = list[NetworkToken]
_ServicePage: TypeAlias = list[ServiceToken]

_OF_NETWORK: Final = Route("GET", "/integration/network/token/:network_id")
_CREATE_OF_NETWORK: Final = Route("POST", "/integration/network/token")
_DELETE_OF_NETWORK: Final = Route("DELETE", "/integration/network/token/:token")
_OF_SERVICE: Final = Route("GET", "/serviceauth")
_CREATE_OF_SERVICE: Final = Route("POST", "/serviceauth")
_EDIT_OF_SERVICE: Final = Route("PUT", "/serviceauth/:token")
_DELETE_OF_SERVICE: Final = Route("DELETE", "/serviceauth/:token")

_FIELDS: Final = ("token", "name", "permission", "expire_time", "created_at")
_SERVICE_FIELDS: Final = (*_FIELDS, "verification_code")


@strict
class NetworkTokens(Resource):
    """The tokens of the profile's networks: ``tago.network_tokens``."""

    async def create(
        self, network_id: str, token: NetworkTokenCreate, **options: Unpack[CallOptions]
    ) -> NetworkTokenCreated:
        """Create a token of a network.

        Not idempotent: if the answer is lost, the error has ``may_have_acted`` set, and nothing is
        sent again.

        Args:
            network_id: the network, which must be the profile's own.
            token: the token's name, permission and time of expiry.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the network does not exist.
            RequestError: the request failed otherwise.

        Example:
            ```python
            ours = await tago.networks.create(NetworkCreate(name="Our LoRa"))
            made = await tago.network_tokens.create(ours.network, NetworkTokenCreate("server"))
            print(made.token.reveal())
            ```
        """
        body = to_json({"network": network_id, **to_wire(token)})
        return await self._call(
            NetworkTokenCreated, options, _CREATE_OF_NETWORK, safety=Safety.ONCE, body=body
        )

    def list(
        self,
        network_id: str,
        *,
        order_by: str = "created_at,desc",
        page_size: int = PAGE_SIZE,
        **options: Unpack[CallOptions],
    ) -> Listing[NetworkToken]:
        """List a network's tokens; nothing is sent before the result is iterated.

        Args:
            network_id: the network, which must be the profile's own.
            order_by: a field and ``asc`` or ``desc``.
            page_size: tokens per request, 1 to 10,000; default 1,000.
            options: ``priority``, ``max_wait`` and ``timeout`` of each page's call, see
                `CallOptions`.

        Raises:
            InputError: an argument is invalid.

        Example:
            ```python
            ours = await tago.networks.create(NetworkCreate(name="Our LoRa"))
            async for token in tago.network_tokens.list(ours.network):
                print(token.name, token.permission)
            ```
        """
        fetch = page_fetcher(
            self._session,
            _OF_NETWORK,
            _NetworkPage,
            options,
            ids=(network_id,),
            parameters={"fields": _FIELDS, "orderBy": check_order(order_by)},
        )
        return Listing(fetch, page_size, key=attrgetter("token"))

    async def delete(self, token: str | Secret, **options: Unpack[CallOptions]) -> None:
        """Delete a token of a network, which can then no longer use it.

        Args:
            token: the token itself.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the token does not exist, and no earlier attempt of this call with
                a lost answer can have deleted it.
            RequestError: the request failed otherwise.

        Example:
            ```python
            ours = await tago.networks.create(NetworkCreate(name="Our LoRa"))
            made = await tago.network_tokens.create(ours.network, NetworkTokenCreate("server"))
            await tago.network_tokens.delete(made.token)
            ```
        """
        token = Secret(token)
        await removed(
            self._call(
                object,
                options,
                _DELETE_OF_NETWORK,
                token.reveal(),
                safety=Safety.IDEMPOTENT,
                secrets=(token,),
            )
        )


@strict
class ServiceTokens(Resource):
    """The service authorizations of the profile: ``tago.service_tokens``.

    With one, a network server or another external service finds and creates devices.
    """

    async def create(
        self, token: ServiceTokenCreate, **options: Unpack[CallOptions]
    ) -> ServiceTokenCreated:
        """Create a service authorization.

        Not idempotent: if the answer is lost, the error has ``may_have_acted`` set, and nothing is
        sent again.

        Args:
            token: its name, permission, time of expiry and verification code.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            ResourceLimitError: the plan allows no more service authorizations.
            RequestError: the request failed otherwise.

        Example:
            ```python
            made = await tago.service_tokens.create(ServiceTokenCreate("LoRa server"))
            print(made.token.reveal())
            ```
        """
        code = token.verification_code
        return await self._call(
            ServiceTokenCreated,
            options,
            _CREATE_OF_SERVICE,
            safety=Safety.ONCE,
            body=to_json(token),
            secrets=(code,) if isinstance(code, Secret) else (),
        )

    def list(
        self,
        *,
        order_by: str = "created_at,desc",
        page_size: int = PAGE_SIZE,
        **options: Unpack[CallOptions],
    ) -> Listing[ServiceToken]:
        """List the service authorizations; nothing is sent before the result is iterated.

        Args:
            order_by: a field and ``asc`` or ``desc``.
            page_size: authorizations per request, 1 to 10,000; default 1,000.
            options: ``priority``, ``max_wait`` and ``timeout`` of each page's call, see
                `CallOptions`.

        Raises:
            InputError: an argument is invalid.

        Example:
            ```python
            async for token in tago.service_tokens.list():
                print(token.name, token.permission)
            ```
        """
        parameters = {"fields": _SERVICE_FIELDS, "orderBy": check_order(order_by)}
        fetch = page_fetcher(
            self._session, _OF_SERVICE, _ServicePage, options, parameters=parameters
        )
        return Listing(fetch, page_size, key=attrgetter("token"))

    async def edit(
        self,
        token: str | Secret,
        verification_code: str | Secret | None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Change the verification code of a service authorization.

        Args:
            token: the authorization itself.
            verification_code: the new code; None removes it.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the authorization does not exist.
            RequestError: the request failed otherwise.

        Example:
            ```python
            made = await tago.service_tokens.create(ServiceTokenCreate("LoRa server"))
            await tago.service_tokens.edit(made.token, "1234")
            ```
        """
        token = Secret(token)
        code = None if verification_code is None else Secret(verification_code)
        del verification_code
        await self._call(
            object,
            options,
            _EDIT_OF_SERVICE,
            token.reveal(),
            safety=Safety.IDEMPOTENT,
            body=to_json({"verification_code": code}),
            secrets=(token,) if code is None else (token, code),
        )

    async def delete(self, token: str | Secret, **options: Unpack[CallOptions]) -> None:
        """Delete a service authorization; services can no longer use it.

        Args:
            token: the authorization itself.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the authorization does not exist, and no earlier attempt of this call
                with a lost answer can have deleted it.
            RequestError: the request failed otherwise.

        Example:
            ```python
            made = await tago.service_tokens.create(ServiceTokenCreate("LoRa server"))
            await tago.service_tokens.delete(made.token)
            ```
        """
        token = Secret(token)
        await removed(
            self._call(
                object,
                options,
                _DELETE_OF_SERVICE,
                token.reveal(),
                safety=Safety.IDEMPOTENT,
                secrets=(token,),
            )
        )
