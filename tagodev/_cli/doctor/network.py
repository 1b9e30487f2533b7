"""Connection checks: DNS, TCP and TLS."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from ipaddress import ip_address
from typing import Final, TypeVar

import attrs
from yarl import URL

__all__ = ["Step", "check_connection"]

T = TypeVar("T")

#: Seconds for one step.
_TIMEOUT: Final = 10.0


@attrs.frozen
class Step:
    """One step of a connection."""

    name: str
    """``DNS``, ``TCP``, ``TLS`` or ``HTTP``."""
    works: bool
    """Whether the step succeeded."""
    detail: str
    """The result or the error."""
    hint: str = ""
    """What to do after an error."""


async def check_connection(address: str) -> list[Step]:
    """Connect to a service, and return the steps up to the first that fails.

    Args:
        address: the address of the service.
    """
    url = URL(address)
    host, port = url.host or "", url.port or 0
    steps: list[Step] = []
    for step in (_dns, _tcp, _tls) if url.scheme == "https" else (_dns, _tcp):
        steps.append(await step(host, port))
        if not steps[-1].works:
            break
    return steps


async def _dns(host: str, port: int) -> Step:
    with contextlib.suppress(ValueError):
        ip_address(host)
        return Step("DNS", works=True, detail="not needed for an IP address")
    try:
        loop = asyncio.get_running_loop()
        found = await asyncio.wait_for(loop.getaddrinfo(host, port), _TIMEOUT)
    except OSError as error:
        hint = "Check the address and the network connection of this machine"
        return Step("DNS", False, f"{host}: {_reason(error)}", hint)
    count = len({address[4][0] for address in found})
    return Step(
        "DNS", works=True, detail=f"{host} resolves to {count} address{'' if count == 1 else 'es'}"
    )


async def _tcp(host: str, port: int) -> Step:
    loop = asyncio.get_running_loop()
    started = loop.time()
    try:
        await _connect(host, port, None)
    except OSError as error:
        hint = "Check the address, its port, and any firewall"
        return Step("TCP", False, f"{host}:{port}: {_reason(error)}", hint)
    return Step("TCP", works=True, detail=f"connected in {(loop.time() - started) * 1000:.0f} ms")


async def _tls(host: str, port: int) -> Step:
    try:
        version = await _connect(host, port, ssl.create_default_context())
    except ssl.SSLCertVerificationError as error:
        hint = "Check this machine's date and certificates, and any proxy that intercepts TLS"
        return Step("TLS", False, f"{host}: {error.verify_message}", hint)
    except OSError as error:
        hint = "Check the address: another server may answer there"
        return Step("TLS", False, f"{host}: {_reason(error)}", hint)
    return Step("TLS", works=True, detail=f"{version}, certificate valid")


async def _connect(host: str, port: int, context: ssl.SSLContext | None) -> str:
    """Connect and disconnect; return the TLS version, if any."""
    opening = asyncio.open_connection(host, port, ssl=context)
    _, writer = await asyncio.wait_for(opening, _TIMEOUT)
    secured = writer.get_extra_info("ssl_object")
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return "" if secured is None else str(secured.version())


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {_TIMEOUT:.0f} s"
    if isinstance(error, ssl.SSLError):
        return error.reason.replace("_", " ").lower()
    # DNS errors have their own numbers, below 0, and texts.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)
