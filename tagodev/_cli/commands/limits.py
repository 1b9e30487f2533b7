"""``tagodev limits``: print the documented limits, and the state of the current window."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import attrs
from cyclopts import App

from tagodev._cli.options.service import ServiceOptions
from tagodev._cli.output.console import clock_difference, print_json, print_line, print_message
from tagodev._cli.output.table import JsonOption
from tagodev.errors import ConfigurationError
from tagodev.hard_limits import DEFAULT_LIMIT, HARD_LIMITS, SOURCE, SOURCE_DATE, HardLimit

if TYPE_CHECKING:
    from tagodev._client import Tago
    from tagodev._limits.snapshot import ClockState, RouteState

__all__ = ["app", "limits"]

app: Final = App(name="limits", help_epilogue="Example: tagodev limits --plan scale")


@attrs.frozen
class _CurrentWindow:
    """The service's clock and the routes' usage, known from one request."""

    clock: ClockState
    states: dict[str, RouteState]


@app.default
def limits(
    *,
    service: ServiceOptions = ServiceOptions(),
    json: JsonOption = False,
) -> None:
    """Print each route's requests per minute, by rate plan.

    With a token, it also lists one device to compare the service's clock with this machine's.
    """
    window = _current_window(service)
    rows = [*HARD_LIMITS, DEFAULT_LIMIT]
    if json:
        print_json(_as_json(rows, window))
    else:
        print_line("\n".join(_table(rows, window)))


def _current_window(service: ServiceOptions) -> _CurrentWindow | None:
    try:
        client = service.client()
    except ConfigurationError as error:
        if service.token is None and "No token" in error.message:
            print_message("No token: these are the documented limits, without the service's clock")
            return None
        raise
    return asyncio.run(_fetch(client))


async def _fetch(client: Tago) -> _CurrentWindow | None:
    async with client as tago:
        await tago.devices.list(fields=()).first()
        clock = tago.limits.clock()
        if clock is None:
            print_message(
                "The service's clock is unknown: requests are spaced evenly, without windows"
            )
            return None
        return _CurrentWindow(clock, {state.route: state for state in tago.limits.snapshot()})


def _table(rows: list[HardLimit], window: _CurrentWindow | None) -> list[str]:
    width = max(len(row.route) for row in rows)
    lines = [f"{'requests a minute':<{width}} {'free':>6} {'starter':>8} {'scale':>6}"]
    for row in rows:
        mark = "" if row.documented else " *"
        used = window.states.get(row.route) if window else None
        now = f"  {used.used} used by this command" if used else ""
        lines.append(
            f"{row.route:<{width}} {row.free:>6} {row.starter:>8} {row.scale:>6}{mark}{now}"
        )
    lines.append(f"* assumed: not in the documentation ({SOURCE}, {SOURCE_DATE})")
    if window is not None:
        clock = window.clock
        lines.append(
            f"The service's clock is {clock_difference(clock.ahead, clock.uncertainty)}; "
            f"its next window begins in {clock.next_window_in:.1f} s. Requests of other clients "
            "and commands in this window are not shown."
        )
    return lines


def _as_json(rows: list[HardLimit], window: _CurrentWindow | None) -> dict[str, Any]:
    return {
        "source": SOURCE,
        "source_date": SOURCE_DATE,
        "routes": [attrs.asdict(row) for row in rows],
        "clock": attrs.asdict(window.clock) if window else None,
        "used": {name: state.used for name, state in window.states.items()} if window else {},
    }
