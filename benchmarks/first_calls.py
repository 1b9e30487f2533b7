"""The first calls of a client, against bare aiohttp.

    python -m benchmarks.first_calls

A service on this machine answers after 50 ms. Each round opens a new client, or a new session of
aiohttp, makes k calls at once and waits for all of them; the ledger is new each time.
The table shows the median of the rounds, which alternate, and their ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from email.utils import formatdate
from statistics import median
from typing import TYPE_CHECKING, Final

import aiohttp

from benchmarks.machine import describe
from tagodev import HardLimits, Tago
from tagodev._limits.ledger.memory import MemoryLedger

if TYPE_CHECKING:
    from collections.abc import Sequence

_LATENCY: Final = 0.05
_CONNECTIONS: Final = 128
_DEVICE: Final = "5f5a8f3351d4db99c40deec4"
_BODY: Final = b'{"status":true,"result":{"id":"%s","name":"x","active":true,"visible":true}}' % (
    _DEVICE.encode()
)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.readuntil(b"\r\n\r\n"):
        await asyncio.sleep(_LATENCY)
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Date: {formatdate(usegmt=True)}\r\nContent-Length: {len(_BODY)}\r\n\r\n"
        )
        writer.write(head.encode() + _BODY)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await _serve(reader, writer)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _bare(url: str, calls: int) -> float:
    connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def call() -> None:
            async with session.get(f"{url}/device/{_DEVICE}") as response:
                await response.json()

        began = time.perf_counter()
        await asyncio.gather(*(call() for _ in range(calls)))
        return time.perf_counter() - began


async def _ours(url: str, calls: int) -> float:
    limits = HardLimits("first calls", {}, default=max(calls, 100))
    ledger = MemoryLedger()
    async with Tago("p-x", api=url, plan=limits, ledger=ledger, concurrency=_CONNECTIONS) as tago:
        began = time.perf_counter()
        await asyncio.gather(*(tago.devices.info(_DEVICE) for _ in range(calls)))
        return time.perf_counter() - began


async def _measure(calls: int, rounds: int) -> tuple[float, float]:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0, backlog=1024)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    bare, ours = [], []
    for _ in range(rounds):
        bare.append(await _bare(url, calls))
        ours.append(await _ours(url, calls))
    server.close()
    return median(bare), median(ours)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the table."""
    parser = argparse.ArgumentParser(prog="first_calls", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--rounds", type=int, default=15, help="rounds a row (default 15)")
    options = parser.parse_args(arguments)
    print(describe("aiohttp"), flush=True)
    print(f"{'calls':>6} {'aiohttp, ms':>12} {'tagodev, ms':>12} {'ratio':>6}")
    for calls in (1, 5, 32, 100):
        bare, ours = asyncio.run(_measure(calls, options.rounds))
        print(f"{calls:>6} {1000 * bare:>12.1f} {1000 * ours:>12.1f} {ours / bare:>6.2f}")


if __name__ == "__main__":
    main()
