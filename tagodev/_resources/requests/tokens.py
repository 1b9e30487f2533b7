"""Requests of bulk runs about tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from tagodev._limits.routes import Route
from tagodev._models import DeviceToken, TokenCreated
from tagodev._query import encode_query
from tagodev._retry import Safety
from tagodev._serialization.converter import to_json, to_wire
from tagodev._transport import Request
from tagodev.errors import NotFoundError

if TYPE_CHECKING:
    from tagodev._models import TokenCreate
    from tagodev._secrets import Secret
    from tagodev._session import CallRecord, Session

__all__ = ["TokenRequests"]

_Tokens: TypeAlias = list[DeviceToken]

_CREATE: Final = Route("POST", "/device/token")
_LIST: Final = Route("GET", "/device/token/:device_id")
_DELETE: Final = Route("DELETE", "/device/token/:token")
#: More tokens than any device is known to have.
_MANY: Final = 1000
_FIELDS: Final = ("token", "name", "permission", "serie_number", "created_at")


class TokenRequests:
    """Creates, lists and deletes tokens for bulk runs."""

    def __init__(self, session: Session) -> None:
        """Initialize the requests.

        Args:
            session: the session that sends requests.
        """
        self._session = session

    async def create_token(
        self, device_id: str, token: TokenCreate, record: CallRecord
    ) -> TokenCreated:
        """Create a token."""
        body = to_json({"device": device_id, **to_wire(token)})
        request = Request(route=_CREATE, path=_CREATE.path(), safety=Safety.ONCE, body=body)
        return await self._session.call(request, TokenCreated, record)

    async def delete_token(self, token: Secret, record: CallRecord) -> None:
        """Delete a token; one that is already gone counts as deleted."""
        request = Request(
            route=_DELETE,
            path=_DELETE.path(token.reveal()),
            safety=Safety.IDEMPOTENT,
            secrets=(token,),
        )
        try:
            await self._session.call(request, object, record)
        except NotFoundError:
            return

    async def tokens(self, device_id: str, record: CallRecord) -> list[DeviceToken]:
        """Return the tokens of a device, the oldest first."""
        parameters = {"page": 1, "amount": _MANY, "fields": _FIELDS, "orderBy": "created_at,asc"}
        path = f"{_LIST.path(device_id)}?{encode_query(parameters)}"
        request = Request(route=_LIST, path=path, safety=Safety.READ)
        return await self._session.call(request, _Tokens, record)
