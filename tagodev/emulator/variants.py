"""Where sources are at odds or silent, the other way in which the service may behave.

An emulator does one thing (`tagodev.emulator` tells which); whoever wants to know whether his
program would stand the other one too asks for it by name, in the option ``variants``:

- ``profile-sends-data``: a profile token may send data by a device's id, as the SDKs' own
  documentation has it.
- ``parameters-by-key``: a parameter that is sent without an id edits the one of its key, where the
  device has one.
- ``own-data-counters``: data by a device's id is counted apart from ``/data``, at the same figures.
- ``names-from-3``: devices and tokens have names of at least 3 characters, as on TagoCore.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from tagodev.emulator.http.routing import RESOURCE_TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tagodev.emulator.http.routing import Route
    from tagodev.emulator.options import EmulatorOptions

__all__ = ["DATA_BY_ID", "name_problems", "varied"]

_BY_ID: Final = "/device/:device_id/data"
#: The counters of data by a device's id where it has its own, and those whose figures they have.
DATA_BY_ID: Final[Mapping[str, str]] = {
    f"{method} {_BY_ID}": f"{method} /data" for method in ("GET", "POST", "PUT", "DELETE")
}


def varied(routes: Iterable[Route], options: EmulatorOptions) -> Iterator[Route]:
    """Yield routes as the options' variants have them.

    Args:
        routes: as they usually are.
        options: how the emulator behaves.
    """
    for route in routes:
        yield _varied(route, options.variants)


def _varied(route: Route, variants: tuple[str, ...]) -> Route:
    if route.key == f"POST {_BY_ID}" and "profile-sends-data" in variants:
        route = attrs.evolve(route, open_to=RESOURCE_TOKENS)
    if route.key not in DATA_BY_ID or "own-data-counters" not in variants:
        return route
    by_query = {
        query: (*counters[:-1], route.key) for query, counters in route.counted_by_query.items()
    }
    return attrs.evolve(route, counted_as=(route.key,), counted_by_query=by_query)


def name_problems(values: Mapping[str, object], options: EmulatorOptions) -> Iterator[str]:
    """Check a name that is long enough for most.

    Args:
        values: fields that were sent and are right so far.
        options: how the emulator behaves.

    Returns:
        A sentence for each fault.
    """
    name = values.get("name")
    if "names-from-3" in options.variants and isinstance(name, str) and len(name) < 3:
        yield "name must be a text of 3 to 100 characters"
