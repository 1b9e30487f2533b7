"""Tags: list the keys in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Unpack

from tagodev.limits.routes import Route
from tagodev.retry import Safety
from tagodev.session import CallRecord
from tagodev.signatures import strict
from tagodev.transport import Request

if TYPE_CHECKING:
    from tagodev.session import CallOptions, Session

__all__ = ["Tags"]

_KEYS: Final = Route("GET", "/tags/keys/:type")


@strict
class Tags:
    """The tags that a profile uses: ``tago.tags``."""

    def __init__(self, session: Session) -> None:
        """Initialize the resource; `Tago` creates it.

        Args:
            session: the session that sends requests.
        """
        self._session = session

    async def keys(self, type: str = "device", **options: Unpack[CallOptions]) -> list[str]:  # noqa: A002  (the service's own word)
        """Return the keys of all tags in use on one type of resource.

        Args:
            type: ``device`` (default), ``dashboard``, ``action``, ``analysis`` and so on, in upper
                or lower case. Sent in lower case, as by the official SDKs; the OpenAPI file writes
                ``Device``.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed.

        Example:
            ```python
            print(await tago.tags.keys("device"))
            ```
        """
        request = Request(route=_KEYS, path=_KEYS.path(type.lower()), safety=Safety.READ)
        return await self._session.call(request, list[str], CallRecord.of(options))
