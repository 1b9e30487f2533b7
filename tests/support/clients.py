"""Clients for a server on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tagodev import HardLimits, RetryPolicy, Tago, TagoError

if TYPE_CHECKING:
    from collections.abc import Awaitable

__all__ = ["DEVICE_ID", "NO_WAIT", "PLENTY", "TOKEN", "client", "value_or_error"]

#: A made-up profile token, in the form that the service gives them.
TOKEN: Final = "p-3f1c9a52-7be4-4d06-9c11-5a8e20d7f6b3"
DEVICE_ID: Final = "67e1a2b3c4d5e6f708192a3b"
#: Limits that no test meets.
PLENTY: Final = HardLimits("plenty", {}, default=1_000_000)
#: Three attempts without waits between them.
NO_WAIT: Final = RetryPolicy(attempts=3, first_delay=0.0)


def client(url: str, **options: Any) -> Tago:
    """Return a client that is not slowed by limits or by waits before another attempt."""
    return Tago(
        options.pop("token", TOKEN),
        api=url,
        **{"plan": PLENTY, "retry": NO_WAIT, "timeout": 10.0, **options},
    )


async def value_or_error(call: Awaitable[Any]) -> Any:
    """Return what a call gives, or the `TagoError` that it raises; anything else passes."""
    try:
        return await call
    except TagoError as error:
        return error
