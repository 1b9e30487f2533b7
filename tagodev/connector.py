"""The connector: connections to the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp

from tagodev.errors import ConnectError

if TYPE_CHECKING:
    from aiohttp import ClientRequest, ClientTimeout
    from aiohttp.connector import Connection

__all__ = ["Connector"]


class Connector(aiohttp.TCPConnector):
    """Connects to the service, and drops connections that received something while they were idle.

    Otherwise aiohttp would take what a service sent unasked for the answer to the next request.
    """

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Any],
        timeout: ClientTimeout,  # noqa: ASYNC109  (aiohttp's signature)
    ) -> Connection:
        """Return a connection on which nothing has been received that was not asked for."""
        for _ in range(self.limit + 1):
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if protocol is None or not protocol.should_close:
                return connection
            connection.close()
        raise ConnectError("No connection: the server sends answers before any request")
