"""What an ended process may have had counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.simulation import Unpaced
from tagodev import HardLimits
from tagodev._limits.clock import ServerClock
from tagodev._limits.core import Core
from tagodev._limits.routes import Route
from tagodev._limits.settings import Settings
from tagodev._limits.wait_queue import Priority
from tagodev._limits.window import prior_charges

if TYPE_CHECKING:
    from tagodev._limits.route_limiter import Permit

CREATE, EDIT = Route("POST", "/device"), Route("PUT", "/device/:device_id")
MINUTE = 60.0


def told(*spent: tuple[str, int, int], lost: int, last: int | None) -> set[tuple[str, int, int]]:
    """Return what is presumed."""
    return set(prior_charges(spent, lost, last, 2))


def test_what_was_granted_is_counted_where_it_was() -> None:
    """Of requests that all ended nothing else is presumed, nor where no window is known."""
    spent = ("a", 7, 3), ("a", 8, 2), ("b", 8, 1)

    assert set(spent) == told(*spent, lost=0, last=9)
    assert set(spent) == told(*spent, lost=2, last=None)


def test_what_saw_no_end_may_be_in_any_window_since() -> None:
    """Each route's lost ones are presumed from after its last window up to now."""
    spent = ("a", 7, 3), ("a", 6, 1), ("b", 8, 2)
    later = {("a", 8, 5), ("a", 9, 5), ("b", 9, 5)}

    assert {*spent, *later} == told(*spent, lost=5, last=9)


def test_nothing_stays_under_way_for_ever() -> None:
    """After two minutes what was lost has arrived, or never will."""
    assert {("a", 7, 3), ("a", 8, 5), ("a", 9, 5)} == told(("a", 7, 3), lost=5, last=9)
    assert {("a", 7, 3)} == told(("a", 7, 3), lost=5, last=10)


def test_it_holds_for_routes_in_use_and_for_those_to_come() -> None:
    """Prior charges count, whether the route was used before or is used later."""
    core = Core(
        Settings(HardLimits("small", {}, default=3, minute=MINUTE)),
        make_pacer=Unpaced,
        clock=ServerClock(suspended=lambda: 0.0),
    )
    # In the middle of window 10.
    now, date = 1000.0, 630.0

    def granted(route: Route) -> list[Permit]:
        """Return all that are free."""
        found = []
        while (permit := core.try_grant(route, Priority.INTERACTIVE, now)) is not None:
            found.append(permit)
        return found

    first = core.try_grant(CREATE, Priority.INTERACTIVE, now)
    assert first is not None
    core.settle(first, now + 0.1, 200, date)
    now += 0.2
    core.charge_prior([(CREATE.name, 10, 1), (EDIT.name, 10, 2), (EDIT.name, 9, 3)], 0, now)

    assert (1, 1) == (len(granted(CREATE)), len(granted(EDIT)))


def test_what_was_lost_takes_room_in_the_windows_since() -> None:
    """Requests without an end are presumed up to the window in which they may still arrive."""
    core = Core(
        Settings(HardLimits("small", {}, default=9, minute=MINUTE), transit_max=5.0),
        make_pacer=Unpaced,
        clock=ServerClock(fleet_slack=0.0, suspended=lambda: 0.0),
    )
    # Four seconds before the end of window 10.
    now, date = 1000.0, 656.0
    first = core.try_grant(CREATE, Priority.INTERACTIVE, now)
    assert first is not None
    core.settle(first, now, 200, date)
    core.charge_prior([(CREATE.name, 9, 3)], 2, now)
    windows = core._limiters[CREATE.name].windows

    assert [3, 1 + 2, 2, 0] == [windows.used(number) for number in range(9, 13)]


def test_without_a_clock_nothing_is_presumed_of_later_windows() -> None:
    """Only what was granted where it was."""
    core = Core(
        Settings(HardLimits("small", {}, default=9, minute=MINUTE)),
        make_pacer=Unpaced,
        clock=ServerClock(fleet_slack=0.0, suspended=lambda: 0.0),
    )
    first = core.try_grant(CREATE, Priority.INTERACTIVE, 1000.0)
    assert first is not None
    core.charge_prior([(CREATE.name, 9, 3)], 2, 1000.0)
    windows = core._limiters[CREATE.name].windows

    assert [3, 0, 0] == [windows.used(number) for number in range(9, 12)]
