"""What one request costs the client, beside aiohttp and orjson alone, and beside the official SDK.

All of them make the same exchange with the same server, which costs next to nothing and runs in a
process of its own; what is measured is the CPU time of this process.
The machine's moods hit all of them: they take turns in short rounds, and each one's best round
counts.

    python -m benchmarks.hot_path
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import orjson
from tagoio_sdk import Resources

from benchmarks.canned_server import DEVICE_ID
from benchmarks.machine import describe
from tagodev import Device, DeviceCreate, DeviceCreated, HardLimits, Tago
from tagodev.serde import from_wire, to_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ROUNDS: Final = 30
REQUESTS: Final = 400
AT_ONCE: Final = 16
TOKEN: Final = "p-3f1c9a52-7be4-4d06-9c11-5a8e20d7f6b3"
DEVICE: Final = DeviceCreate(name="Cold room 3")


async def _cost(exchange: Callable[[], Awaitable[Any]]) -> float:
    """Return the CPU time of one exchange, in microseconds."""
    numbers = iter(range(REQUESTS))

    async def worker() -> None:
        for _ in numbers:
            await exchange()

    gc.collect()
    began = time.process_time()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return (time.process_time() - began) / REQUESTS * 1e6


def _official(url: str) -> dict[str, float]:
    """Return the CPU time of one exchange by the official SDK, in microseconds."""
    settings: Any = {"token": TOKEN, "region": {"api": url, "sse": url}}
    sdk: Any = Resources(settings)
    body = orjson.loads(to_json(DEVICE))
    best: dict[str, float] = {}
    for _ in range(5):
        for name, call in (
            ("info", lambda: sdk.devices.info(DEVICE_ID)),
            ("create", lambda: sdk.devices.create(body)),
        ):
            began = time.process_time()
            for _ in range(50):
                call()  # type: ignore[no-untyped-call]  # (it ships no types)
            cost = (time.process_time() - began) / 50 * 1e6
            best[name] = min(best.get(name, cost), cost)
    return best


async def _measure(url: str) -> dict[str, dict[str, float]]:
    """Return the best cost of each exchange, by who makes it."""
    headers = {"Authorization": TOKEN}
    headers_with_body = {**headers, "Content-Type": "application/json"}
    plenty = HardLimits("plenty", {}, default=1_000_000_000)
    plain = {"name": DEVICE.name, "network": DEVICE.network, "connector": DEVICE.connector}
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        Tago(TOKEN, api=url, plan=plenty) as tago,
    ):

        async def bare_info() -> Any:
            async with session.get(f"{url}/device/{DEVICE_ID}", headers=headers) as response:
                return orjson.loads(await response.read())["result"]

        async def hook_info() -> Device:
            return from_wire(await bare_info(), Device)

        async def bare_create() -> Any:
            body = orjson.dumps({**plain, "type": "mutable"})
            async with session.post(f"{url}/device", data=body, headers=headers_with_body) as made:
                return orjson.loads(await made.read())["result"]

        async def hook_create() -> DeviceCreated:
            body = to_json(DEVICE)
            async with session.post(f"{url}/device", data=body, headers=headers_with_body) as made:
                return from_wire(orjson.loads(await made.read())["result"], DeviceCreated)

        exchanges: dict[str, dict[str, Callable[[], Awaitable[Any]]]] = {
            "info": {
                "bare": bare_info,
                "hook": hook_info,
                "tagodev": lambda: tago.devices.info(DEVICE_ID),
            },
            "create": {
                "bare": bare_create,
                "hook": hook_create,
                "tagodev": lambda: tago.devices.create(DEVICE),
            },
        }
        best: dict[str, dict[str, float]] = {what: {} for what in exchanges}
        for _ in range(ROUNDS):
            for what, by in exchanges.items():
                for who, exchange in by.items():
                    cost = await _cost(exchange)
                    best[what][who] = min(best[what].get(who, cost), cost)
        return best


def main() -> None:
    """Measure, and print costs and ratios."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.canned_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    with server:
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        best = asyncio.run(_measure(url))
        for what, cost in _official(url).items():
            best[what]["official SDK"] = cost
        server.stdin.close()
    print(describe())
    print(f"CPU a request, us, best of {ROUNDS} rounds of {REQUESTS}, {AT_ONCE} at once")
    for what, by in best.items():
        costs = ", ".join(f"{who} {cost:.0f}" for who, cost in by.items())
        print(f"  devices.{what}: {costs}")
        print(
            f"    tagodev / with the same hook {by['tagodev'] / by['hook']:.2f} (1.10 wanted), "
            f"/ bare {by['tagodev'] / by['bare']:.2f} (1.20), "
            f"official SDK / tagodev {by['official SDK'] / by['tagodev']:.1f} (7)"
        )


if __name__ == "__main__":
    main()
