"""Tokens of devices: create, list and delete."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeAlias, Unpack

from tagodev.errors import NotFoundError
from tagodev.limits.routes import Route
from tagodev.models import DeviceToken, TokenCreated
from tagodev.query import encode_query
from tagodev.resources.listing import PAGE_SIZE, Listing
from tagodev.retry import Safety
from tagodev.secrets import Secret
from tagodev.serde import to_json, to_wire
from tagodev.session import CallRecord
from tagodev.transport import Request

if TYPE_CHECKING:
    from tagodev.models import TokenCreate
    from tagodev.session import CallOptions, Session

__all__ = ["Tokens"]

_CREATE: Final = Route("POST", "/device/token")
_LIST: Final = Route("GET", "/device/token/:device_id")
_DELETE: Final = Route("DELETE", "/device/token/:token")

_FIELDS: Final = (
    "token",
    "device_id",
    "name",
    "permission",
    "serie_number",
    "last_authorization",
    "expire_time",
    "created_at",
)
# Inside the class `list` is a method.
_Page: TypeAlias = list[DeviceToken]


class Tokens:
    """The tokens of devices: ``tago.tokens``."""

    def __init__(self, session: Session) -> None:
        """Work through a session; `Tago` makes this.

        Args:
            session: the door to the service.
        """
        self._session = session

    async def create(
        self, device_id: str, token: TokenCreate, **options: Unpack[CallOptions]
    ) -> TokenCreated:
        """Make a token for a device.

        Not idempotent: if the answer is lost, the error has ``may_have_acted`` set, and nothing is
        sent again.

        Args:
            device_id: the device that the token opens.
            token: what to make.
            options: ``lane``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            RequestError: it failed.
        """
        body = to_json({"device": device_id, **to_wire(token)})
        request = Request(route=_CREATE, path=_CREATE.path(), safety=Safety.ONCE, body=body)
        return await self._session.call(request, TokenCreated, CallRecord(**options))

    def list(
        self, device_id: str, *, page_size: int = PAGE_SIZE, **options: Unpack[CallOptions]
    ) -> Listing[DeviceToken]:
        """List a device's tokens; nothing is sent before the result is iterated.

        Args:
            device_id: which device.
            page_size: tokens a request, 1 to 10,000; default 1,000.
            options: ``lane``, ``max_wait`` and ``timeout`` of each page's call, as `CallOptions`
                says.
        """
        return Listing(partial(self._page, device_id, options), page_size, key=attrgetter("token"))

    async def _page(self, device_id: str, options: CallOptions, number: int, size: int) -> _Page:
        query = encode_query({"page": number, "amount": size, "fields": _FIELDS})
        path = f"{_LIST.path(device_id)}?{query}"
        request = Request(route=_LIST, path=path, safety=Safety.READ)
        return await self._session.call(request, _Page, CallRecord(**options))

    async def delete(self, token: str | Secret, **options: Unpack[CallOptions]) -> None:
        """Delete a token; the device can no longer use it.

        Args:
            token: the token itself.
            options: ``lane``, ``max_wait`` and ``timeout`` of this call, as `CallOptions` says.

        Raises:
            NotFoundError: no such token, and it was not an earlier attempt of this call whose
                answer was lost that removed it.
            RequestError: it failed otherwise.
        """
        token = Secret(token)
        request = Request(
            route=_DELETE,
            path=_DELETE.path(token.reveal()),
            safety=Safety.IDEMPOTENT,
            secrets=(token,),
        )
        try:
            await self._session.call(request, object, CallRecord(**options))
        except NotFoundError as error:
            if not error.may_have_acted:
                raise
