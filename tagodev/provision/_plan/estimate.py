"""Estimates for a plan: requests, duration under the rate limits, and device capacity."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from tagodev._limits.forecast import forecast
from tagodev.hard_limits import DEVICE_CAPS
from tagodev.provision._plan.model import Cost, DeviceCapacity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tagodev.hard_limits import HardLimits
    from tagodev.provision._plan.model import PlannedStep

__all__ = ["costs_of", "device_capacity"]

#: Requests per second that one client reaches below the rate limits.
_RATE: Final = 200.0
#: Routes that the snapshot reads for each device that is deleted.
_READ: Final = (
    "GET /device/:device_id",
    "GET /device/:device_id/params",
    "GET /device/token/:device_id",
)


def costs_of(steps: Sequence[PlannedStep], limits: HardLimits) -> tuple[tuple[Cost, ...], float]:
    """Return the requests per route, and the minimum duration in seconds.

    Args:
        steps: the steps of a plan.
        limits: the rate limits.
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
    """Yield the requests of each phase; the requests of one phase are sent concurrently."""
    todo = [planned.step for planned in steps if planned.step is not None]
    deletions = sum(step.delete for step in todo)
    parameters = sum(bool(step.parameters) for step in todo)
    yield Counter(dict.fromkeys(_READ, deletions))
    yield Counter({"DELETE /device/:device_id": deletions})
    yield Counter(
        {
            # Tags are read first, to merge the changes.
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


def device_capacity(
    steps: Sequence[PlannedStep], used: int, max_devices: int | None, plan_name: str
) -> DeviceCapacity:
    """Return the device capacity of a profile and what a plan needs of it.

    Args:
        steps: the steps of the plan.
        used: number of devices.
        max_devices: maximum number of devices; None for that of the rate plan.
        plan_name: name of the rate plan.
    """
    made = sum(step.action == "create" for step in steps)
    gone = sum(step.action == "delete" for step in steps)
    cap = max_devices
    if cap is None:
        cap = next((most for name, most in DEVICE_CAPS.items() if name == plan_name), None)
        # A profile with more devices than its rate plan allows has another, unknown maximum.
        cap = None if cap is not None and used > cap else cap
    return DeviceCapacity(used=used, cap=cap, needed=made - gone)
