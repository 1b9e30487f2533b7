"""The base class of resources: the session, and how one request is built and sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from tagodev._query import encode_query
from tagodev._retry import Safety
from tagodev._session import CallRecord
from tagodev._signatures import strict
from tagodev._transport import Request
from tagodev.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Mapping

    from tagodev._limits.routes import Route
    from tagodev._secrets import Secret
    from tagodev._session import CallOptions, Session

__all__ = ["Resource", "removed"]

T = TypeVar("T")


@strict
class Resource:
    """Part of a client: the methods for one kind of object of the service."""

    def __init__(self, session: Session) -> None:
        """Initialize the resource; the client creates it.

        Args:
            session: the session that sends requests.
        """
        self._session = session

    def _call(
        self,
        cls: type[T],
        options: CallOptions,
        route: Route,
        *ids: str,
        safety: Safety = Safety.READ,
        parameters: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        secrets: tuple[Secret, ...] = (),
        token: Secret | None = None,
    ) -> Coroutine[Any, Any, T]:
        """Return the call of a route, to be awaited.

        A plain function, so that no traceback of the call has its frame, which may hold a token.

        Args:
            cls: the type of the result.
            options: the options of the call.
            route: the route.
            ids: values of the route's placeholders.
            safety: the effect of sending the request twice.
            parameters: the query.
            body: JSON.
            secrets: tokens among the ids and parameters.
            token: the token to send, if it is not the client's own.
        """
        try:
            path = route.path(*ids)
        finally:
            # Nor has a traceback of an invalid id.
            del ids
        if parameters and (query := encode_query(parameters)):
            path = f"{path}?{query}"
        request = Request(
            route=route, path=path, safety=safety, body=body, secrets=secrets, token=token
        )
        return self._session.call(request, cls, CallRecord.of(options))


async def removed(call: Awaitable[object]) -> None:
    """Await the removal of something; if an earlier attempt may have removed it, absence is fine.

    Raises:
        NotFoundError: it does not exist, and no attempt with a lost answer can have removed it.
    """
    try:
        await call
    except NotFoundError as error:
        if not error.may_have_acted:
            raise
