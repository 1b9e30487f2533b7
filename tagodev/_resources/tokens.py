"""Tokens of devices: create, list, find by name, resolve and delete."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeAlias, Unpack

from tagodev._bulk.operations.tokens import IssueTokens, RotateTokens
from tagodev._limits.routes import Route
from tagodev._models import DeviceToken, TokenInfo
from tagodev._resources.listing import (
    PAGE_SIZE,
    Listing,
    check_fields,
    check_order,
    field_names,
    page_fetcher,
)
from tagodev._resources.requests.tokens import TokenRequests
from tagodev._resources.resource import Resource, removed
from tagodev._retry import Safety
from tagodev._secrets import Secret, redact
from tagodev._serialization.converter import to_wire
from tagodev._session import CallRecord
from tagodev._signatures import strict
from tagodev.errors import AmbiguousMatchError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tagodev._bulk.input import Many
    from tagodev._bulk.options import RunKeywords
    from tagodev._bulk.run import BulkRun
    from tagodev._bulk.run_factory import RunFactory
    from tagodev._models import DeviceTokenCreate, Rotation, TokenCreate, TokenCreated, TokenFilter
    from tagodev._session import CallOptions, Session

__all__ = ["TOKEN_FIELDS", "Tokens"]

_LIST: Final = Route("GET", "/device/token/:device_id")
_DELETE: Final = Route("DELETE", "/device/token/:token")
_INFO: Final = Route("GET", "/info")
_RESOLVE: Final = Route("GET", "/integration/network/resolve/:serial")
# It is not documented whether the two share a counter: counted as one, neither can exceed it.
_RESOLVE_ALONE: Final = Route(
    "GET",
    "/integration/network/resolve/:serial/:authorization",
    counted_as="GET /integration/network/resolve/:serial",
)

#: Names of tokens that an error lists.
_MAX_NAMES: Final = 10
#: Fields that a list returns by default.
TOKEN_FIELDS: Final = field_names(DeviceToken)
# Inside the class `list` is a method.
_Page: TypeAlias = list[DeviceToken]


@strict
class Tokens(Resource):
    """The tokens of devices: ``tago.tokens``."""

    def __init__(self, session: Session, runs: RunFactory) -> None:
        """Initialize the resource; `Tago` creates it.

        Args:
            session: the session that sends requests.
            runs: creates bulk runs.
        """
        super().__init__(session)
        self._runs = runs
        self._requests = TokenRequests(session)

    async def create(
        self, device_id: str, token: TokenCreate, **options: Unpack[CallOptions]
    ) -> TokenCreated:
        """Create a token of a device.

        Not idempotent: if the answer is lost, the error has ``may_have_acted`` set, and nothing is
        sent again.

        Args:
            device_id: the device.
            token: the token's name, permission and serial number.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed.

        Example:
            ```python
            made = await tago.tokens.create(device_id, TokenCreate("gateway", "write"))
            print(made.token.reveal())
            ```
        """
        return await self._requests.create_token(device_id, token, CallRecord.of(options))

    def list(
        self,
        device_id: str,
        *,
        filter: TokenFilter | None = None,  # noqa: A002  (the service's own word)
        fields: Iterable[str] = TOKEN_FIELDS,
        order_by: str = "created_at,desc",
        page_size: int = PAGE_SIZE,
        **options: Unpack[CallOptions],
    ) -> Listing[DeviceToken]:
        """List a device's tokens; nothing is sent before the result is iterated.

        Args:
            device_id: the device's id.
            filter: the tokens' filter; None for all.
            fields: fields to return besides the token itself.
            order_by: a field and ``asc`` or ``desc``. Fields that the service is known to order
                by: ``created_at`` (default, the newest first), ``name``, ``permission``,
                ``serie_number`` and ``last_authorization``.
            page_size: tokens per request, 1 to 10,000; default 1,000.
            options: ``priority``, ``max_wait`` and ``timeout`` of each page's call, see
                `CallOptions`.

        Raises:
            InputError: an argument is invalid.

        Example:
            ```python
            async for token in tago.tokens.list(device_id):
                print(token.name, token.permission)
            ```
        """
        parameters = {
            "fields": check_fields(("token",), fields),
            "filter": to_wire(filter) if filter is not None else None,
            "orderBy": check_order(order_by),
        }
        fetch = page_fetcher(
            self._session, _LIST, _Page, options, ids=(device_id,), parameters=parameters
        )
        return Listing(fetch, page_size, key=attrgetter("token"))

    async def find(self, device_id: str, name: str, **options: Unpack[CallOptions]) -> DeviceToken:
        """Return the token of a device that has a name.

        Args:
            device_id: the device's id.
            name: the token's name, exactly.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            InputError: no token of the device has the name; the hint lists their names.
            AmbiguousMatchError: several have it.
            RequestError: the request failed.

        Example:
            ```python
            token = await tago.tokens.find(device_id, "Default")
            print(token.permission)
            ```
        """
        # Not by the service's filter, which ignores case and treats * as a wildcard.
        tokens = await self.list(device_id, **options).collect()
        found = [token for token in tokens if token.name == name]
        if len(found) > 1:
            raise AmbiguousMatchError(
                f"{len(found)} tokens of the device have this name",
                candidates=tuple(str(token.token) for token in found),
            )
        if not found:
            # A name is the service's text, in which anything may be repeated.
            known = redact(", ".join(repr(token.name) for token in tokens[:_MAX_NAMES]))
            raise InputError(
                f"none of the device's {len(tokens)} tokens has this name",
                path="name",
                hint=f"The device has: {known}" if known else "",
            )
        return found[0]

    async def info(self, **options: Unpack[CallOptions]) -> TokenInfo:
        """Return information on the token of this client.

        Args:
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            AuthenticationError: the service does not know the token.
            RequestError: the request failed otherwise.

        Example:
            ```python
            print((await tago.tokens.info()).type)
            ```
        """
        return await self._call(TokenInfo, options, _INFO)

    async def resolve(
        self,
        serial: str,
        authorization: str | Secret | None = None,
        **options: Unpack[CallOptions],
    ) -> Secret:
        """Return the token of the device with a serial number; needs a network's token.

        Args:
            serial: the serial number of the device's token: letters, digits, dashes and
                underscores.
            authorization: the service authorization that the device was added with. Without one,
                the newest device of any profile with the serial number is used.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the serial number does not exist.
            RequestError: the request failed otherwise.

        Example:
            ```python
            token = await network.tokens.resolve("0004A30B001C0530")
            ```
        """
        secrets = tuple(Secret(part) for part in (serial, authorization) if part is not None)
        del serial, authorization
        route = _RESOLVE if len(secrets) == 1 else _RESOLVE_ALONE
        return await self._call(
            Secret, options, route, *(secret.reveal() for secret in secrets), secrets=secrets
        )

    async def delete(self, token: str | Secret, **options: Unpack[CallOptions]) -> None:
        """Delete a token; the device can no longer use it.

        Args:
            token: the token itself.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the token does not exist, and no earlier attempt of this call with
                a lost answer can have deleted it.
            RequestError: the request failed otherwise.

        Example:
            ```python
            made = await tago.tokens.create(device_id, TokenCreate("gateway", "write"))
            await tago.tokens.delete(made.token)
            ```
        """
        token = Secret(token)
        await removed(
            self._call(
                object, options, _DELETE, token.reveal(), safety=Safety.IDEMPOTENT, secrets=(token,)
            )
        )

    def create_many(
        self, orders: Many[DeviceTokenCreate] | None, **run: Unpack[RunKeywords]
    ) -> BulkRun[DeviceTokenCreate]:
        """Create many tokens.

        In a journalled run a token whose answer was lost is identified by its name.

        Args:
            orders: the devices and their new tokens; None: the items of the journal.
            run: ``journal``, ``on_error``, ``max_failures``, ``ordered``, ``settle`` and
                ``patience``, see `RunKeywords`.

        Raises:
            BulkStoppedError: the run ended early.
            JournalError: the journal belongs to another input, or is in use.

        Example:
            ```python
            orders = [DeviceTokenCreate(device_id, TokenCreate("gateway", "write"))]
            async with tago.tokens.create_many(orders, journal="gateways.journal") as run:
                async for outcome in run:
                    print(outcome)
            ```
        """
        return self._runs.create(IssueTokens(self._requests), orders, run)

    def rotate_many(
        self,
        rotations: Many[Rotation] | None,
        *,
        allow_gap: bool = False,
        **run: Unpack[RunKeywords],
    ) -> BulkRun[Rotation]:
        """Replace many tokens, each with a new one of the same name and permission.

        The new token is created, and recorded if the run has a journal, before the old one is
        deleted.

        Args:
            rotations: the devices and their tokens; None: the items of the journal.
            allow_gap: whether the old token may be deleted before the new one is created, if the
                service refuses a second token with its serial number. Default: such an item
                fails.
            run: as for `create_many`.

        Raises:
            BulkStoppedError: the run ended early.
            JournalError: the journal belongs to another input, or is in use.

        Example:
            ```python
            report = await tago.tokens.rotate_many(
                [Rotation(device_id)], journal="rotation.journal", allow_gap=True
            )
            ```
        """
        return self._runs.create(RotateTokens(self._requests, allow_gap=allow_gap), rotations, run)
