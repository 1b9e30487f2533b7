"""Alternative behaviours of the emulator, where TagoIO's is undocumented or its sources contradict.

By default an emulator does what `tagodev.emulator` documents. To test a program against the
alternatives, name them in the option ``variants``:

- ``profile-sends-data``: a profile token may send data by a device's id, as in the SDKs'
  documentation.
- ``parameters-by-key``: a parameter that is sent without an id edits the one with its key, if the
  device has one.
- ``own-data-counters``: data by a device's id is counted apart from ``/data``, with the same
  limits.
- ``names-from-3``: names of devices and tokens have at least 3 characters, as on TagoCore.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev.emulator._http.routing import RESOURCE_TOKENS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from tagodev.emulator._http.routing import Route

__all__ = ["DATA_BY_ID", "name_problems", "varied"]

_BY_ID: Final = "/device/:device_id/data"
#: Separate counters of data by a device's id, and the counters whose limits they have.
DATA_BY_ID: Final[Mapping[str, str]] = {
    f"{method} {_BY_ID}": f"{method} /data" for method in ("GET", "POST", "PUT", "DELETE")
}


def varied(routes: Iterable[Route], variants: Collection[str]) -> Iterator[Route]:
    """Yield routes with the changes of variants.

    Args:
        routes: the default routes.
        variants: the names of the variants.
    """
    for route in routes:
        changes: dict[str, Any] = {}
        if route.key == f"POST {_BY_ID}" and "profile-sends-data" in variants:
            changes["open_to"] = RESOURCE_TOKENS
        if route.key in DATA_BY_ID and "own-data-counters" in variants:
            changes["counted_as"] = (route.key,)
            changes["counted_by_query"] = {
                query: (*counters[:-1], route.key)
                for query, counters in route.counted_by_query.items()
            }
        yield attrs.evolve(route, **changes)


def name_problems(values: Mapping[str, object], variants: Collection[str]) -> Iterator[str]:
    """Yield a sentence if a name is too short for the variant ``names-from-3``.

    Args:
        values: valid fields of the request.
        variants: the names of the variants.
    """
    name = values.get("name")
    if "names-from-3" in variants and isinstance(name, str) and len(name) < 3:
        yield "name must be a text of 3 to 100 characters"
