"""The same creations by tagodev, by a plain token bucket and by the official SDK.

Each makes its devices on a fresh emulator with the limits of a plan, begun at the same phase of a
window:

- *tagodev*: ``create_many``;
- *token bucket*: 32 workers with aiohttp and ``AsyncLimiter(limit, minute)``, the usual way to keep
  a limit; what is refused is not tried again;
- *official SDK*: ``tagoio-sdk`` in a loop, as its examples have it; it raises on a 429 and goes on
  with the next device.

*Rejected* is what the service counted; *lost* are devices that were asked for and of which the
caller does not hold the token in the end.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
import warnings
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import aiohttp
import attrs
import orjson
from aiolimiter import AsyncLimiter

from benchmarks.emulated import (
    CREATE,
    device_specs,
    ideal_makespan,
    unlimited_rate,
    wait_for_phase,
)
from benchmarks.machine import describe
from tagodev import Created, HardLimits, Tago
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tagodev.serde import to_wire

with warnings.catch_warnings():
    # Whatever the SDK and its dependencies deprecate while they are imported.
    warnings.simplefilter("ignore")
    from tagoio_sdk import Resources
    from tagoio_sdk.infrastructure.api_request import TagoIORequestError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    # Makes the devices and returns the ids of those whose token it got.
    Maker = Callable[["Job"], Awaitable[set[str]]]

_WORKERS: Final = 32
#: Devices that one page of a list holds.
_PAGE: Final = 10_000


@attrs.frozen(kw_only=True)
class Job:
    """What each of them has to do, and where."""

    devices: int
    """Devices to make."""
    limits: HardLimits
    """What the service accepts."""
    url: str
    """The emulator's address."""
    token: str = attrs.field(repr=False)
    """The emulator's token."""

    def bodies(self) -> Iterator[dict[str, Any]]:
        """Yield the devices as JSON objects, for those who know no models."""
        return map(to_wire, device_specs(self.devices))


@attrs.frozen(kw_only=True)
class Outcome:
    """How one of them fared."""

    name: str
    """Who."""
    makespan: float
    """Seconds from the first request to the last answer."""
    ideal: float
    """Seconds that a greedy client needs from the same start."""
    rejected: int
    """Requests that the service answered with 429."""
    lost: int
    """Devices whose token the caller does not hold."""

    @property
    def ratio(self) -> float:
        """Makespan through ideal."""
        return self.makespan / self.ideal


# --- the three ---------------------------------------------------------------------------------


async def with_tagodev(job: Job) -> set[str]:
    """Make the devices with tagodev."""
    known = set()
    async with (
        Tago(job.token, api=job.url, plan=job.limits) as tago,
        tago.devices.create_many(device_specs(job.devices)) as run,
    ):
        async for outcome in run:
            if isinstance(outcome, Created) and outcome.result.token:
                known.add(outcome.result.device_id)
    return known


async def with_token_bucket(job: Job) -> set[str]:
    """Make the devices with workers that share a token bucket."""
    bucket = AsyncLimiter(job.limits.limit(CREATE), job.limits.minute)
    bodies = job.bodies()
    known: set[str] = set()

    async def work(session: aiohttp.ClientSession) -> None:
        for body in bodies:
            await bucket.acquire()
            async with session.post("/device", json=body) as response:
                answer = await response.json()
            if answer["status"]:
                known.add(answer["result"]["device_id"])

    headers = {"Authorization": job.token}
    async with (
        aiohttp.ClientSession(job.url, headers=headers) as session,
        asyncio.TaskGroup() as workers,
    ):
        for _ in range(_WORKERS):
            workers.create_task(work(session))
    return known


async def with_official_sdk(job: Job) -> set[str]:
    """Make the devices with the official SDK, which blocks: in a thread of its own."""
    return await asyncio.to_thread(_loop_of_official_sdk, job)


def _loop_of_official_sdk(job: Job) -> set[str]:
    os.environ["TAGOIO_API"] = job.url
    resources: Any = Resources({"token": job.token, "region": "env"})
    known: set[str] = set()
    for body in job.bodies():
        try:
            known.add(resources.devices.create(body)["device_id"])
        except TagoIORequestError:
            continue
    return known


# --- measuring ---------------------------------------------------------------------------------


async def compare(options: argparse.Namespace) -> tuple[float, list[Outcome]]:
    """Return this machine's rate without limits, and how each of them fared."""
    limits = HardLimits.for_plan(options.plan, options.minute)
    rate = await unlimited_rate()
    makers: Mapping[str, Maker] = {
        "tagodev": with_tagodev,
        "token bucket": with_token_bucket,
        "official SDK": with_official_sdk,
    }
    measure = partial(_measure, options, limits, rate)
    return rate, [await measure(name, make) for name, make in makers.items()]


async def _measure(
    options: argparse.Namespace, limits: HardLimits, rate: float, name: str, make: Maker
) -> Outcome:
    emulated = EmulatorOptions(
        plan=options.plan, minute=options.minute, max_devices=options.devices
    )
    async with EmulatorProcess(emulated) as emulator:
        job = Job(devices=options.devices, limits=limits, url=emulator.url, token=emulator.token)
        began = await wait_for_phase(limits.minute, options.phase)
        clock = time.monotonic()
        known = await make(job)
        makespan = time.monotonic() - clock
        stats = await asyncio.to_thread(emulator.stats)
        held = await _ids_held(job)
    return Outcome(
        name=name,
        makespan=makespan,
        ideal=ideal_makespan(job.devices, limits, rate, began),
        rejected=stats["rejected"],
        lost=job.devices - len(known & held),
    )


async def _ids_held(job: Job) -> set[str]:
    """Return the ids of all devices that the emulator holds."""
    ids: set[str] = set()
    async with aiohttp.ClientSession(headers={"Authorization": job.token}) as session:
        for page in count(1):
            query = urlencode({"page": page, "amount": _PAGE})
            async with session.get(f"{job.url}/device?{query}") as response:
                found = (await response.json())["result"]
            ids.update(device["id"] for device in found)
            if len(found) < _PAGE:
                break
    return ids


# --- the program -------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the comparison and print it."""
    options = _parse(arguments)
    with_what = describe("aiohttp", "aiolimiter", "tagoio-sdk")
    rate, outcomes = asyncio.run(compare(options))
    if options.json:
        _print_json(options, with_what, rate, outcomes)
    else:
        _print_table(options, with_what, rate, outcomes)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="compare_creates",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--devices", type=int, default=1000, help="how many (default 1000)")
    parser.add_argument(
        "--plan", choices=("free", "starter", "scale"), default="starter", help="whose limits"
    )
    parser.add_argument(
        "--minute", type=float, default=6.0, help="a window's length in seconds (default 6)"
    )
    parser.add_argument(
        "--phase", type=float, default=0.5, help="part of a window that is over at the start"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(arguments)


def _print_json(
    options: argparse.Namespace, with_what: str, rate: float, outcomes: Sequence[Outcome]
) -> None:
    answer = {
        "measured_with": with_what,
        "devices": options.devices,
        "plan": options.plan,
        "minute_s": options.minute,
        "phase": options.phase,
        "rate_without_limits": round(rate, 1),
        "outcomes": [{**attrs.asdict(one), "ratio": one.ratio} for one in outcomes],
    }
    print(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())


def _print_table(
    options: argparse.Namespace, with_what: str, rate: float, outcomes: Sequence[Outcome]
) -> None:
    limit = HardLimits.for_plan(options.plan).limit(CREATE)
    print(with_what)
    print(
        f"{options.devices} devices, limit {limit} a window of {options.minute:g} s "
        f"({options.plan}), begun when {options.phase:.0%} of a window were over; "
        f"{rate:.0f} a second without limits\n"
    )
    print(f"{'':>14} {'makespan, s':>12} {'ideal, s':>9} {'ratio':>6} {'rejected':>9} {'lost':>6}")
    for one in outcomes:
        print(
            f"{one.name:>14} {one.makespan:>12.2f} {one.ideal:>9.2f} {one.ratio:>6.2f} "
            f"{one.rejected:>9} {one.lost:>6}"
        )


if __name__ == "__main__":
    main()
