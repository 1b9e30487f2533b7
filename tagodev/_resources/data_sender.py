"""The sender of data to a device without its token.

The service refuses the route by the device's id to the tokens of profiles, and allows it to some
analyses. If it is refused, ``POST /data`` is used with a token of the device: one with write
permission is found in the list of its tokens, and cached.
A refusal (401, 403) means that nothing was stored, so the same body is then sent
by the other route.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from tagodev._models.data import Affected
from tagodev._resources.requests.data import BY_ID, OWN
from tagodev._resources.resource import Resource
from tagodev._retry import Safety
from tagodev.errors import AuthenticationError, PermissionDeniedError, ServiceError

if TYPE_CHECKING:
    from tagodev._models import DeviceToken
    from tagodev._resources.tokens import Tokens
    from tagodev._secrets import Secret
    from tagodev._session import CallOptions, Session

__all__ = ["DataSender"]

#: The most devices whose tokens are cached; the oldest entry is removed first.
_MAX_CACHED: Final = 10_000
_REFUSALS: Final = (AuthenticationError, PermissionDeniedError)


class DataSender(Resource):
    """Sends bodies of data to any device of a profile."""

    def __init__(self, session: Session, tokens: Tokens) -> None:
        """Initialize the sender; `Data` creates it.

        Args:
            session: the session that sends requests.
            tokens: lists a device's tokens.
        """
        super().__init__(session)
        self._tokens = tokens
        self._known: dict[str, Secret] = {}
        self._refused_by_id = False

    async def send(self, device_id: str, body: bytes, options: CallOptions) -> Affected:
        """Send one body by device id or with the device's token.

        Args:
            device_id: the device's id.
            body: JSON.
            options: the options of each request.

        Raises:
            RequestError: the request failed.
        """
        token = self._known.get(device_id)
        if token is not None:
            try:
                return await self.send_with(token, body, options)
            except _REFUSALS:
                # Deleted or expired meanwhile: the device may have another.
                self._known.pop(device_id, None)
        refusal: ServiceError | None = None
        if not self._refused_by_id:
            try:
                return await self._send_by_id(device_id, body, options)
            except _REFUSALS as error:
                refusal = error
        listed = True
        try:
            token = await self._find(device_id, options)
        except _REFUSALS:
            token, listed = None, False
        if token is not None:
            affected = await self.send_with(token, body, options)
            self._cache(device_id, token)
            return affected
        if refusal is None:
            # A refusal for another device may not apply to this one; otherwise the service's error
            # is raised.
            return await self._send_by_id(device_id, body, options)
        if listed:
            refusal.hint = (
                "Data is sent with a token of the device, and it has none with write permission: "
                "create one (tago.tokens.create)"
            )
        raise refusal

    async def send_with(self, token: Secret, body: bytes, options: CallOptions) -> Affected:
        """Send one body with a device's own token.

        Args:
            token: the device's token.
            body: JSON.
            options: the options of the request.

        Raises:
            RequestError: the request failed.
        """
        return await self._call(
            Affected, options, OWN.send, safety=Safety.ONCE, body=body, token=token
        )

    async def _send_by_id(self, device_id: str, body: bytes, options: CallOptions) -> Affected:
        return await self._call(
            Affected, options, BY_ID.send, device_id, safety=Safety.ONCE, body=body
        )

    async def _find(self, device_id: str, options: CallOptions) -> Secret | None:
        """Return a token of the device with write permission, or None if it has none."""
        async for token in self._tokens.list(device_id, **options):
            if _may_write(token):
                return token.token
        return None

    def _cache(self, device_id: str, token: Secret) -> None:
        # Later devices are not tried by id any more: each attempt would be counted.
        self._refused_by_id = True
        self._known[device_id] = token
        if len(self._known) > _MAX_CACHED:
            del self._known[next(iter(self._known))]


def _may_write(token: DeviceToken) -> bool:
    ended = token.expire_time is not None and token.expire_time <= datetime.now(UTC)
    return token.permission in ("full", "write") and not ended
