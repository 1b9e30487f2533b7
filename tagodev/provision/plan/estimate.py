"""What a plan takes: requests, time under the limits, and room for devices."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from tagodev.hard_limits import DEVICE_CAPS
from tagodev.limits.forecast import forecast
from tagodev.provision.plan.model import Cost, DeviceCapacity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tagodev.hard_limits import HardLimits
    from tagodev.provision.plan.model import PlannedStep

__all__ = ["costs_of", "room"]

#: Requests a second that one client reaches while nothing limits it, for estimates.
_RATE: Final = 200.0
#: What is read of a device before it is deleted, so that it can be put back.
_READ: Final = (
    "GET /device/:device_id",
    "GET /device/:device_id/params",
    "GET /device/token/:device_id",
)


def costs_of(steps: Sequence[PlannedStep], limits: HardLimits) -> tuple[tuple[Cost, ...], float]:
    """Return the requests of each route, and the seconds that all of them take at least.

    Args:
        steps: of a plan.
        limits: what the service takes.
    """
    total: Counter[str] = Counter()
    seconds = 0.0
    for requests in _phases(steps):
        total.update(requests)
        seconds += max(
            (_seconds(number, limits.limit(route), limits) for route, number in requests.items()),
            default=0.0,
        )
    costs = (Cost(route, number, limits.limit(route)) for route, number in total.items() if number)
    return tuple(costs), seconds


def _phases(steps: Sequence[PlannedStep]) -> Iterator[Counter[str]]:
    """Yield what is sent, in the order in which it is; requests of one phase go side by side."""
    todo = [planned.step for planned in steps if planned.step is not None]
    deletions = sum(step.delete for step in todo)
    parameters = sum(bool(step.parameters) for step in todo)
    yield Counter(dict.fromkeys(_READ, deletions))
    yield Counter({"DELETE /device/:device_id": deletions})
    yield Counter(
        {
            # Tags are read first, and merged with what is written.
            "GET /device/:device_id": sum(step.tags is not None for step in todo),
            "PUT /device/:device_id": sum(
                not (step.edit is None and step.tags is None) for step in todo
            ),
            "GET /device/:device_id/params": parameters,
            "POST /device/:device_id/params": parameters,
        }
    )
    yield Counter({"POST /device": sum(step.create is not None for step in todo)})


def _seconds(number: int, limit: int, limits: HardLimits) -> float:
    return forecast(
        number,
        limit=limit,
        window_seconds=limits.minute,
        free=limit,
        next_window_in=limits.minute,
        rate=_RATE,
    )


def room(
    steps: Sequence[PlannedStep], used: int, max_devices: int | None, plan_name: str
) -> DeviceCapacity:
    """Return the room for devices that there is, and that a plan needs.

    Args:
        steps: of the plan.
        used: devices that there are.
        max_devices: how many there may be; None for as many as the service's plan says.
        plan_name: the name of the service's plan.
    """
    made = sum(step.action == "create" for step in steps)
    gone = sum(step.action == "delete" for step in steps)
    cap = max_devices
    if cap is None:
        cap = next((most for name, most in DEVICE_CAPS.items() if name == plan_name), None)
        # A profile that holds more than its plan allows has another cap, which nobody tells.
        cap = None if cap is not None and used > cap else cap
    return DeviceCapacity(used=used, cap=cap, needed=made - gone)
