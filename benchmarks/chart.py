"""Draws ``docs/charts/windows.svg``: requests counted by a service, by window, for three clients.

The same job runs in virtual time against the same model of the service, with the same number of
workers:

- with tagodev's scheduler and its defaults;
- with ``AsyncLimiter(limit, 60)``, a full token bucket; refused requests are not retried;
- with tagodev's scheduler and ``pacing="steady"``, a bucket small enough never to be refused.

The drawing depends on the seed only.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from functools import partial
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

import attrs
from aiolimiter import AsyncLimiter

from benchmarks.simulation import CREATE, EPOCH, Service, latency
from tagodev import HardLimits
from tagodev._limits.clock import ServerClock
from tagodev._limits.core import Core
from tagodev._limits.pacing import LimiterPacer
from tagodev._limits.scheduler import Scheduler
from tagodev._limits.settings import Settings
from tagodev._limits.wait_queue import Priority
from tests.limits.jumping import run_virtually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from tagodev._limits.settings import Pacing

_MINUTE: Final = 60.0
_WORKERS: Final = 32
#: What the service's clock shows when the loop's clock shows 0: nothing that a client could know.
_OFFSET: Final = EPOCH - 90.4


@attrs.frozen(kw_only=True)
class Story:
    """Requests of one client, as counted by the service."""

    name: str
    """Who."""
    accepted: tuple[int, ...]
    """Accepted requests, window by window from the one in which the job began."""
    rejected: tuple[int, ...]
    """Refused requests, likewise."""
    began: float
    """When the job began, in windows since the first one opened."""
    makespan: float
    """Seconds from the start to the last answer."""


# --- the three clients -------------------------------------------------------------------------


class Exchange:
    """Requests in flight to a model of the service and back."""

    def __init__(self, limit: int, seed: int) -> None:
        """Start with an unused service."""
        self.service = Service(limit, _MINUTE)
        self._rng = random.Random(seed)
        self._loop = asyncio.get_running_loop()

    @property
    def server_time(self) -> float:
        """What the service's clock shows."""
        return self._loop.time() + _OFFSET

    async def send(self) -> tuple[bool, float]:
        """Send one request; return whether it was accepted, and the answer's ``Date``."""
        await asyncio.sleep(latency(self._rng))
        accepted, date = self.service.handle(self.server_time), float(floor(self.server_time))
        await asyncio.sleep(latency(self._rng))
        return accepted, date


def token_bucket(exchange: Exchange) -> Callable[[], Awaitable[None]]:
    """Return the worker's code for one row with a token bucket."""
    bucket = AsyncLimiter(exchange.service.limit, _MINUTE)

    async def do() -> None:
        await bucket.acquire()
        await exchange.send()

    return do


def scheduler(exchange: Exchange, pacing: Pacing) -> Callable[[], Awaitable[None]]:
    """Return the worker's code for one row with tagodev's scheduler."""
    limits = HardLimits("simulated", {CREATE.name: exchange.service.limit}, minute=_MINUTE)
    settings = Settings(limits, pacing=pacing, concurrency=_WORKERS)
    core = Core(
        settings,
        make_pacer=LimiterPacer,
        clock=ServerClock(suspended=lambda: 0.0),
    )
    turns = Scheduler(core)

    async def do() -> None:
        ticket = None
        while True:
            permit = await turns.acquire(CREATE, priority=Priority.BULK, ticket=ticket)
            accepted, date = await exchange.send()
            if accepted:
                turns.settle(permit, 200, date)
                return
            ticket = permit.ticket
            turns.throttle(permit, float(ceil(-exchange.server_time % _MINUTE)), date)

    return do


async def run_job(
    name: str,
    make: Callable[[Exchange], Callable[[], Awaitable[None]]],
    options: argparse.Namespace,
) -> Story:
    """Run a job and return the service's counts."""
    exchange = Exchange(options.limit, options.seed)
    await asyncio.sleep((options.phase * _MINUTE - exchange.server_time) % _MINUTE)
    began = exchange.server_time
    do = make(exchange)
    rows = iter(range(options.requests))

    async def work() -> None:
        for _ in rows:
            await do()

    async with asyncio.TaskGroup() as workers:
        for _ in range(_WORKERS):
            workers.create_task(work())
    service, first = exchange.service, floor(began / _MINUTE)
    numbers = range(first, max(*service.accepted, *service.rejected, first) + 1)
    return Story(
        name=name,
        accepted=tuple(service.accepted.get(number, 0) for number in numbers),
        rejected=tuple(service.rejected.get(number, 0) for number in numbers),
        began=began / _MINUTE - first,
        makespan=exchange.server_time - began,
    )


def run_all(options: argparse.Namespace) -> list[Story]:
    """Run all three, each in a separate virtual time."""
    clients: dict[str, Callable[[Exchange], Callable[[], Awaitable[None]]]] = {
        "tagodev": partial(scheduler, pacing="aligned"),
        f"token bucket: AsyncLimiter({options.limit}, 60)": token_bucket,
        'steady bucket: tagodev with pacing="steady"': partial(scheduler, pacing="steady"),
    }
    return [run_virtually(run_job(name, make, options)) for name, make in clients.items()]


# --- the drawing -------------------------------------------------------------------------------

_WIDTH: Final = 800
_LEFT: Final = 56
_RIGHT: Final = 784
_TOP: Final = 92
_PANEL: Final = 130
_GAP: Final = 62
_ACCEPTED: Final = "#0072B2"
_REJECTED: Final = "#D55E00"
_INK: Final = "#222222"
_FAINT: Final = "#d9d9d9"
_STYLE: Final = (
    "text{font:14px 'DejaVu Sans',Verdana,sans-serif;fill:#222}"
    ".head{font-size:17px;font-weight:bold}.name{font-weight:bold}.small{font-size:12px}"
    ".end{text-anchor:end}.middle{text-anchor:middle}.refused{fill:#a84700;font-weight:bold}"
)


@attrs.frozen(kw_only=True)
class Scale:
    """Coordinates of windows and requests in the drawing."""

    windows: int
    """Windows from left to right."""
    highest: int
    """Requests that fill a panel."""

    def x(self, window: float) -> float:
        """Return the x coordinate of a moment, given in windows."""
        return _LEFT + (_RIGHT - _LEFT) * window / self.windows

    def height(self, requests: float) -> float:
        """Return the height of a number of requests."""
        return _PANEL * requests / self.highest


def draw(stories: Sequence[Story], limit: int, requests: int) -> str:
    """Return the drawing as SVG."""
    windows = max(len(story.accepted) for story in stories)
    most = max(
        sum(counted)
        for story in stories
        for counted in zip(story.accepted, story.rejected, strict=True)
    )
    scale = Scale(windows=windows, highest=max(most, limit) * 11 // 10)
    bottom = _TOP + len(stories) * _PANEL + (len(stories) - 1) * _GAP
    parts = [*_frame(bottom + 48, limit, requests)]
    for nth, story in enumerate(stories):
        parts += _panel(story, scale, limit, _TOP + nth * (_PANEL + _GAP))
    parts += _time_axis(scale, bottom)
    return "\n".join([*parts, "</svg>", ""])


def _frame(height: int, limit: int, requests: int) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" role="img" aria-labelledby="title">'
    )
    yield f'<title id="title">{requests} requests at {limit} a minute, by three clients</title>'
    yield f"<style>{_STYLE}</style>"
    yield (
        '<defs><pattern id="refused" width="6" height="6" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><rect width="6" height="6" fill="{_REJECTED}"/>'
        '<rect width="2" height="6" fill="#ffffff" fill-opacity="0.55"/></pattern></defs>'
    )
    yield f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>'
    head = f"{requests:,} requests at a limit of {limit} a minute: what the service counts"
    yield _text(_LEFT, 28, head, "head")
    yield f'<rect x="{_LEFT}" y="42" width="14" height="14" fill="{_ACCEPTED}"/>'
    yield _text(_LEFT + 20, 54, "accepted")
    yield f'<rect x="{_LEFT + 110}" y="42" width="14" height="14" fill="url(#refused)"/>'
    yield _text(_LEFT + 130, 54, "rejected (429)")
    yield _line(_LEFT + 256, 49, _LEFT + 284, 49, dashed=True)
    yield _text(_LEFT + 290, 54, "the limit")
    yield f'<path d="{_marker(_LEFT + 382, 54)}" fill="{_INK}"/>'
    yield _text(_LEFT + 394, 54, "the job begins")


def _panel(story: Story, scale: Scale, limit: int, top: float) -> Iterator[str]:
    bottom = top + _PANEL
    yield _text(_LEFT, top - 10, story.name, "name")
    yield _text(_RIGHT, top - 10, _sum_up(story), "end")
    for requests in (0, limit // 2, limit):
        y = bottom - scale.height(requests)
        yield f'<path d="M{_LEFT} {y:.1f}H{_RIGHT}" stroke="{_FAINT}"/>'
        yield _text(_LEFT - 8, y + 4, str(requests), "small end")
    for number, counted in enumerate(zip(story.accepted, story.rejected, strict=True)):
        yield from _bar(scale, number, *counted, bottom)
    y = bottom - scale.height(limit)
    yield _line(_LEFT, y, _RIGHT, y, dashed=True)
    yield _line(_LEFT, bottom, _RIGHT, bottom)
    yield f'<path d="{_marker(scale.x(story.began), bottom + 11)}" fill="{_INK}"/>'


def _bar(scale: Scale, number: int, accepted: int, rejected: int, bottom: float) -> Iterator[str]:
    x, width = scale.x(number) + 3, scale.x(number + 1) - scale.x(number) - 6
    y = bottom - scale.height(accepted)
    if accepted:
        yield _rect(x, y, width, scale.height(accepted), _ACCEPTED)
    if rejected:
        # However few they are, they are seen.
        height = max(scale.height(rejected), 3)
        yield _rect(x, y - height, width, height, "url(#refused)")
        yield _text(x + width / 2, y - height - 4, str(rejected), "small middle refused")


def _time_axis(scale: Scale, bottom: float) -> Iterator[str]:
    for window in range(scale.windows + 1):
        x = scale.x(window)
        yield f'<path d="M{x:.1f} {bottom}v5" stroke="{_INK}"/>'
        yield _text(x, bottom + 24, str(window), "small middle")
    middle = (_LEFT + _RIGHT) / 2
    yield _text(middle, bottom + 42, "minutes of the service's clock: one bar a window", "middle")


def _text(x: float, y: float, text: str, classes: str = "") -> str:
    chosen = f' class="{classes}"' if classes else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{chosen}>{escape(text)}</text>'


def _rect(x: float, y: float, width: float, height: float, fill: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>'
    )


def _line(x: float, y: float, to_x: float, to_y: float, *, dashed: bool = False) -> str:
    dashes = ' stroke-width="2" stroke-dasharray="7 4"' if dashed else ""
    return f'<path d="M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}" stroke="{_INK}"{dashes}/>'


def _marker(x: float, y: float) -> str:
    return f"M{x:.1f} {y - 10:.1f}l5 10h-10z"


def _sum_up(story: Story) -> str:
    minutes, seconds = divmod(round(story.makespan), 60)
    done, refused = sum(story.accepted), sum(story.rejected)
    return f"{done:,} done in {minutes} min {seconds:02} s, {refused} rejected"


# --- the program -------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the three clients, print the counts, and draw them."""
    options = _parse(arguments)
    stories = run_all(options)
    for story in stories:
        print(f"{story.name}: {_sum_up(story)}")
        print(f"  accepted {' '.join(map(str, story.accepted))}")
        print(f"  rejected {' '.join(map(str, story.rejected))}")
    options.out.write_text(draw(stories, options.limit, options.requests), encoding="utf-8")
    print(f"drawn: {options.out}")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="chart", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--requests", type=int, default=2625, help="total number of requests (default 2625)"
    )
    parser.add_argument("--limit", type=int, default=250, help="requests per window (default 250)")
    parser.add_argument(
        "--phase", type=float, default=0.4, help="elapsed part of a window at the start"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of all delays (default 1)")
    parser.add_argument(
        "--out", type=Path, default=Path("docs/charts/windows.svg"), help="output file"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
