"""``tagodev limits``: the documented limits, and what is known of the present window."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

import attrs
from cyclopts import Parameter

from tagodev.cli.exit_codes import Exit
from tagodev.cli.options.service import ServiceOptions
from tagodev.cli.output.console import clocks_apart, print_json, print_line, say
from tagodev.errors import ConfigurationError
from tagodev.hard_limits import DEFAULT_LIMIT, HARD_LIMITS, SOURCE, SOURCE_DATE, HardLimit

if TYPE_CHECKING:
    from tagodev.client import Tago
    from tagodev.limits.snapshot import ClockState, RouteState

__all__ = ["limits"]

_DEFAULTS: Final = ServiceOptions()


@attrs.frozen
class _Present:
    """What one request has told of the present window."""

    clock: ClockState
    states: dict[str, RouteState]


def limits(
    *,
    service: ServiceOptions = _DEFAULTS,
    json: Annotated[bool, Parameter(negative="", help="One JSON object as output.")] = False,
) -> int:
    """Print the table; with a token, look at the service's clock too."""
    present = _look(service)
    rows = [*HARD_LIMITS, DEFAULT_LIMIT]
    if json:
        print_json(_as_json(rows, present))
        return Exit.OK
    for line in _table(rows, present):
        print_line(line)
    return Exit.OK


def _look(service: ServiceOptions) -> _Present | None:
    try:
        client = service.client()
    except ConfigurationError as error:
        if service.token is None and "No token" in error.message:
            say("Without a token the service is not asked: this is the documentation alone")
            return None
        raise
    return asyncio.run(_ask(client))


async def _ask(client: Tago) -> _Present | None:
    async with client as tago:
        await tago.devices.list(fields=()).first()
        clock = tago.limits.clock()
        if clock is None:
            say("The service does not tell the time: requests go steadily, without windows")
            return None
        return _Present(clock, {state.route: state for state in tago.limits.snapshot()})


def _table(rows: list[HardLimit], present: _Present | None) -> list[str]:
    width = max(len(row.route) for row in rows)
    lines = [f"{'requests a minute':<{width}} {'free':>6} {'starter':>8} {'scale':>6}"]
    for row in rows:
        mark = "" if row.documented else " *"
        used = present.states.get(row.route) if present else None
        now = f"  {used.used} used by this command" if used else ""
        lines.append(
            f"{row.route:<{width}} {row.free:>6} {row.starter:>8} {row.scale:>6}{mark}{now}"
        )
    lines.append(f"* assumed: not in the documentation ({SOURCE}, {SOURCE_DATE})")
    if present is not None:
        clock = present.clock
        lines.append(
            f"The service's clock is {clocks_apart(clock.ahead, clock.uncertainty)}; "
            f"its next window begins in {clock.next_window_in:.1f} s. What others, and other "
            "commands, have used of this one is not told."
        )
    return lines


def _as_json(rows: list[HardLimit], present: _Present | None) -> dict[str, Any]:
    return {
        "source": SOURCE,
        "source_date": SOURCE_DATE,
        "routes": [attrs.asdict(row) for row in rows],
        "clock": attrs.asdict(present.clock) if present else None,
        "used": {name: state.used for name, state in present.states.items()} if present else {},
    }
