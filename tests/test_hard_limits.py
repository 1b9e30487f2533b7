"""The documented table, as data."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import TYPE_CHECKING, Any, get_args

import attrs
import pytest

from tagodev.emulator._routes import ROUTES
from tagodev.hard_limits import (
    DEFAULT_LIMIT,
    DEVICE_CAPS,
    HARD_LIMITS,
    MAX_PARAMETERS_PER_DEVICE,
    MAX_TAGS_PER_DEVICE,
    SOURCE,
    SOURCE_DATE,
    HardLimit,
    HardLimits,
    Plan,
)

if TYPE_CHECKING:
    from tagodev.emulator._http.routing import Route

STRICT = re.compile("/(integration|serviceauth|profile)")
KEY = attrgetter("key")
PLANS: tuple[Plan, ...] = get_args(Plan)
ROWS = pytest.mark.parametrize("row", HARD_LIMITS, ids=lambda row: row.route)


@pytest.mark.parametrize(
    ("route", "free", "starter", "scale"),
    [
        ("POST /device", 10, 250, 5000),
        ("DELETE /device/:device_id", 10, 250, 5000),
        ("GET /device", 50, 100, 500),
        ("GET /device/:device_id", 100, 1000, 5000),
        ("PUT /device/:device_id", 50, 250, 2000),
        ("GET /device/token/:device_id", 100, 1000, 5000),
        ("POST /device/token", 50, 250, 2000),
        ("DELETE /device/token/:token", 50, 250, 2000),
        ("GET /data", 250, 5000, 15_000),
        ("GET /data?query=aggregate", 5, 10, 100),
        ("POST /integration/network", 60, 100, 500),
        ("POST /serviceauth", 60, 100, 200),
    ],
)
def test_figures_of_the_documentation(route: str, free: int, starter: int, scale: int) -> None:
    """The figures that this package is built on are those that TagoIO publishes."""
    expected = [free, starter, scale]

    assert expected == [HardLimits.for_plan(plan).limit(route) for plan in PLANS]


def test_resource_limits_of_the_documentation() -> None:
    """What a profile and a device hold."""
    assert {"free": 5, "starter": 100, "scale": 10_000} == DEVICE_CAPS
    assert (30, 60) == (MAX_TAGS_PER_DEVICE, MAX_PARAMETERS_PER_DEVICE)


def test_source_and_date_are_given() -> None:
    """Each figure has a source."""
    assert SOURCE
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", SOURCE_DATE)


def test_routes_are_listed_once() -> None:
    """No route has two rows."""
    assert len(HARD_LIMITS) == len({row.route for row in HARD_LIMITS})


@ROWS
def test_rows_are_well_formed(row: HardLimit) -> None:
    """A row is a method and a template, and a larger plan accepts no less."""
    assert re.fullmatch(r"(GET|POST|PUT|DELETE) (/:?[a-z_]+)+(\?[a-z]+=[a-z]+)?", row.route)
    assert 0 < row.free <= row.starter <= row.scale


@ROWS
def test_assumed_rows_say_why(row: HardLimit) -> None:
    """A figure that is not documented says on what ground it stands."""
    assert row.documented or row.note


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.open_to and STRICT.match(route.template)], ids=KEY
)
def test_no_route_of_a_stricter_group_has_the_default(route: Route) -> None:
    """Of groups whose limits may be below the default, every route has a row."""
    assert {*route.counted_as} <= {row.route for row in HARD_LIMITS}


@pytest.mark.parametrize("plan", PLANS)
def test_routes_that_are_not_listed_take_the_default(plan: Plan) -> None:
    """An unknown route is held to the most careful common figures."""
    limits = HardLimits.for_plan(plan)

    assert DEFAULT_LIMIT.of(plan) == limits.limit("PATCH /somewhere")
    assert (plan, 60.0) == (limits.name, limits.minute)


@pytest.mark.parametrize("plan", ["enterprise", "", "Free", None, ("free",)])
def test_unknown_plans_are_refused(plan: Any) -> None:
    """A plan is one of three names."""
    with pytest.raises(ValueError, match="unknown plan"):
        HardLimits.for_plan(plan)


@pytest.mark.parametrize("minute", [0.5, 1, 60, 3600])
def test_minute_in_bounds(minute: float) -> None:
    """A window of half a second to an hour is one."""
    assert float(minute) == HardLimits.for_plan("free", minute=minute).minute


@pytest.mark.parametrize("minute", [0, -1, 0.49, 3601, float("nan"), float("inf")])
def test_minute_out_of_bounds(minute: float) -> None:
    """Any other is refused, with the bounds."""
    with pytest.raises(ValueError, match=r"from 0\.5 to 3600"):
        HardLimits.for_plan("free", minute=minute)


def test_override_changes_one_route_of_a_copy() -> None:
    """A contract of one's own changes its route and leaves everything else, and the original."""
    free = HardLimits.for_plan("free")
    ours = free.override("POST /device", 1200).override("GET /new", 7)

    assert (1200, 7) == (ours.limit("POST /device"), ours.limit("GET /new"))
    assert (10, 50) == (free.limit("POST /device"), free.limit("GET /new"))
    assert free.limit("GET /device") == ours.limit("GET /device")


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, None, "10"])
def test_odd_figures_are_refused(limit: Any) -> None:
    """A limit is a whole number of at least 1, wherever it is given."""
    with pytest.raises(ValueError, match="POST /device"):
        HardLimits.for_plan("free").override("POST /device", limit)
    with pytest.raises(ValueError, match="POST /device"):
        HardLimits("ours", {"POST /device": limit})
    with pytest.raises(ValueError, match="default"):
        HardLimits("ours", {}, default=limit)


def test_limits_can_not_be_changed() -> None:
    """What a scheduler was given stays what it is, also if the caller's dict changes."""
    figures = {"POST /device": 10}
    limits = HardLimits("ours", figures)
    figures["POST /device"] = 99

    assert 10 == limits.limit("POST /device")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        limits.minute = 1.0  # type: ignore[misc]
    with pytest.raises(TypeError):
        limits.per_route["POST /device"] = 99  # type: ignore[index]
    with pytest.raises(TypeError):
        DEVICE_CAPS["free"] = 99  # type: ignore[index]
