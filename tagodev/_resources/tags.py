"""Tags: list the keys in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Unpack

from tagodev._limits.routes import Route
from tagodev._resources.resource import Resource
from tagodev._signatures import strict

if TYPE_CHECKING:
    from tagodev._session import CallOptions

__all__ = ["Tags"]

_KEYS: Final = Route("GET", "/tags/keys/:type")


@strict
class Tags(Resource):
    """The tags that a profile uses: ``tago.tags``."""

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
        return await self._call(list[str], options, _KEYS, type.lower())
