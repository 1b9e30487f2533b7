"""Cost of one request for the client, compared with aiohttp and orjson, and with the official SDK.

All of them make the same exchange with the same minimal server in a separate process; the
CPU time of this process is measured.
To even out load on the machine they take turns in short rounds, and the median of each one's
rounds counts.

    python -m benchmarks.hot_path --uvloop
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import subprocess
import sys
import time
from importlib import import_module
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import orjson
from tagoio_sdk import Resources

from benchmarks.canned_server import DEVICE_ID
from benchmarks.machine import describe
from tagodev import Device, DeviceCreate, DeviceCreated, HardLimits, Tago
from tagodev._serialization.converter import from_wire, to_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

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
    costs: dict[str, list[float]] = {"info": [], "create": []}
    for _ in range(7):
        for name, call in (
            ("info", lambda: sdk.devices.info(DEVICE_ID)),
            ("create", lambda: sdk.devices.create(body)),
        ):
            began = time.process_time()
            for _ in range(50):
                call()  # type: ignore[no-untyped-call]  # (it ships no types)
            costs[name].append((time.process_time() - began) / 50 * 1e6)
    return {name: median(some) for name, some in costs.items()}


async def _measure(url: str, rounds: int) -> dict[str, dict[str, float]]:
    """Return the median cost of each exchange, by who makes it."""
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
        costs: dict[str, dict[str, list[float]]] = {
            what: {who: [] for who in by} for what, by in exchanges.items()
        }
        for _ in range(rounds):
            for what, by in exchanges.items():
                for who, exchange in by.items():
                    costs[what][who].append(await _cost(exchange))
        return {what: {who: median(some) for who, some in by.items()} for what, by in costs.items()}


def measure(rounds: int = ROUNDS, *, uvloop: bool = False) -> dict[str, dict[str, float]]:
    """Return what an exchange costs by who makes it, in microseconds, for each call.

    Args:
        rounds: how often each takes its turn.
        uvloop: whether all of them run on uvloop.
    """
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.canned_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    new_loop = import_module("uvloop").new_event_loop if uvloop else None
    with server, asyncio.Runner(loop_factory=new_loop) as runner:
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        costs = runner.run(_measure(url, rounds))
        for what, cost in _official(url).items():
            costs[what]["official SDK"] = cost
        server.stdin.close()
    return costs


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print costs and ratios."""
    options = _parse(arguments)
    print(describe())
    for uvloop in (False, True) if options.uvloop else (False,):
        print(
            f"CPU a request, us{', on uvloop' if uvloop else ''}, median of {options.rounds} "
            f"rounds of {REQUESTS}, {AT_ONCE} at once"
        )
        for what, by in measure(options.rounds, uvloop=uvloop).items():
            costs = ", ".join(f"{who} {cost:.0f}" for who, cost in by.items())
            print(f"  devices.{what}: {costs}")
            print(
                f"    tagodev / with the same hook {by['tagodev'] / by['hook']:.2f} (1.10 wanted), "
                f"/ bare {by['tagodev'] / by['bare']:.2f} (1.20), "
                f"official SDK / tagodev {by['official SDK'] / by['tagodev']:.1f} (7)"
            )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="hot_path", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"number of rounds (default {ROUNDS})"
    )
    parser.add_argument("--uvloop", action="store_true", help="measure on uvloop too")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
