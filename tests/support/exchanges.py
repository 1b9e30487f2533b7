"""What goes through the transport, put down or put in place."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import pytest

from tagodev._transport import Answer, Request, Transport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

__all__ = ["Exchange", "exchanging", "recording"]

#: Brings the answer to a request.
Exchange: TypeAlias = "Callable[[Request], Awaitable[Answer]]"


@contextmanager
def exchanging(exchange: Exchange) -> Iterator[None]:
    """Let every transport bring what a function says, instead of sending anything."""

    async def instead(_: Transport, request: Request, __: float | None = None) -> Answer:
        return await exchange(request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transport, "exchange", instead)
        yield


@contextmanager
def recording() -> Iterator[list[tuple[Request, Answer]]]:
    """Put down each request that is sent, and its answer."""
    recorded: list[tuple[Request, Answer]] = []
    real = Transport.exchange

    async def noting(self: Transport, request: Request, seconds: float | None = None) -> Answer:
        answer = await real(self, request, seconds)
        recorded.append((request, answer))
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transport, "exchange", noting)
        yield recorded
