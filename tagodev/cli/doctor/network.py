"""The way to a service, step by step: its name, its port, its certificate."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from ipaddress import ip_address
from typing import Final, TypeVar

import attrs
from yarl import URL

__all__ = ["Step", "walk_to"]

T = TypeVar("T")

#: Seconds for one step.
_PATIENCE: Final = 10.0


@attrs.frozen
class Step:
    """One step of the way."""

    name: str
    """``DNS``, ``TCP``, ``TLS`` or ``HTTP``."""
    works: bool
    """Whether it does."""
    told: str
    """What was found there, or what is wrong."""
    hint: str = ""
    """What to do about it."""


async def walk_to(address: str) -> list[Step]:
    """Go the way to a service up to its door; the last step is the first that does not work.

    Args:
        address: of the service.
    """
    url = URL(address)
    host, port = url.host or "", url.port or 0
    steps: list[Step] = []
    for walk in (_dns, _tcp, _tls) if url.scheme == "https" else (_dns, _tcp):
        steps.append(await walk(host, port))
        if not steps[-1].works:
            break
    return steps


async def _dns(host: str, port: int) -> Step:
    with contextlib.suppress(ValueError):
        ip_address(host)
        return Step("DNS", works=True, told="not needed for an IP address")
    try:
        loop = asyncio.get_running_loop()
        found = await asyncio.wait_for(loop.getaddrinfo(host, port), _PATIENCE)
    except OSError as error:
        hint = "Check the address, and whether this machine is online"
        return Step("DNS", False, f"{host}: {_reason(error)}", hint)
    addresses = {address[4][0] for address in found}
    return Step("DNS", works=True, told=f"{host} has {len(addresses)} addresses")


async def _tcp(host: str, port: int) -> Step:
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        await _connect(host, port, None)
    except OSError as error:
        hint = "Check the address and its port, and whether a firewall stands in between"
        return Step("TCP", False, f"{host}:{port}: {_reason(error)}", hint)
    return Step("TCP", works=True, told=f"connected in {(loop.time() - began) * 1000:.0f} ms")


async def _tls(host: str, port: int) -> Step:
    try:
        version = await _connect(host, port, ssl.create_default_context())
    except ssl.SSLCertVerificationError as error:
        hint = "Check this machine's date and its certificates; something may stand in between"
        return Step("TLS", False, f"{host}: {error.verify_message}", hint)
    except OSError as error:
        hint = "Something else than the service may answer there"
        return Step("TLS", False, f"{host}: {_reason(error)}", hint)
    return Step("TLS", works=True, told=f"{version}, and its certificate is good")


async def _connect(host: str, port: int, context: ssl.SSLContext | None) -> str:
    """Connect and leave again; return what was agreed on to keep others out, if anything was."""
    opening = asyncio.open_connection(host, port, ssl=context)
    _, writer = await asyncio.wait_for(opening, _PATIENCE)
    secured = writer.get_extra_info("ssl_object")
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return "" if secured is None else str(secured.version())


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing within {_PATIENCE:.0f} s"
    if isinstance(error, ssl.SSLError):
        return error.reason.replace("_", " ").lower()
    # Those of name look-ups have numbers, and texts, of their own.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)
