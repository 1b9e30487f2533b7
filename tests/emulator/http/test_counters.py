"""Requests that share a counter with another route, or take from two."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev.emulator import EmulatorOptions
from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.limiter import HardLimiter
from tagodev.emulator._http.service import Service

AGGREGATE = "GET /data?query=aggregate"


def service(**limits: int) -> tuple[Service, str, str]:
    """Return a service with a device, the device's token and its id."""
    made = Service(EmulatorOptions(limits={**limits}))
    created = made.answer(made.admit("POST", "/device", {"token": made.token}), b'{"name": "d"}')
    return made, created["token"], created["device_id"]


def asked(made: Service, token: str, *requests: str) -> list[bool]:
    """Send requests, and tell which of them were not turned away with 429."""
    passed = []
    for request in requests:
        method, target = request.split(" ", 1)
        try:
            made.admit(method, target, {"token": token})
        except RefusedError as refusal:
            passed.append(refusal.status != 429)
        else:
            passed.append(True)
    return passed


def counts(made: Service) -> dict[str, tuple[int, int]]:
    """Return accepted and rejected of each counter of data and chunks."""
    return {
        name: (route["accepted"], route["rejected"])
        for name, route in made.stats()["routes"].items()
        if "data" in name or "chunk" in name
    }


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_data_by_id_is_counted_with_data(method: str) -> None:
    """The device and the profile take from one counter of each method."""
    made, device, device_id = service(**{f"{method} /data": 2})

    assert [True] == asked(made, device, f"{method} /data")
    assert [True, False] == asked(made, made.token, *[f"{method} /device/{device_id}/data"] * 2)
    assert [False] == asked(made, device, f"{method} /data?qty=1")
    assert {f"{method} /data": (2, 2)} == counts(made)


def test_denied_sending_is_counted_with_data_too() -> None:
    """A profile token that tries to send has asked nevertheless."""
    made, device, device_id = service(**{"POST /data": 1})

    assert [True, False] == asked(made, made.token, *[f"POST /device/{device_id}/data"] * 2)
    assert [False] == asked(made, device, "POST /data")


def test_aggregate_takes_from_two_counters() -> None:
    """An aggregate counts as one and as any other reading of data."""
    made, device, device_id = service(**{AGGREGATE: 2, "GET /data": 3})
    by_id = f"GET /device/{device_id}/data?qty=5&query=aggregate"

    assert [True, True, False] == asked(made, device, *["GET /data?query=aggregate"] * 3)
    assert {AGGREGATE: (2, 1), "GET /data": (2, 0)} == counts(made)
    assert [True, False] == asked(made, device, "GET /data", "GET /data?query=count")
    assert [False] == asked(made, made.token, by_id)
    assert {AGGREGATE: (2, 2), "GET /data": (3, 2)} == counts(made)


def test_full_reading_leaves_the_aggregates_alone() -> None:
    """Turned away by one counter, a request takes from neither."""
    made, device, _ = service(**{AGGREGATE: 5, "GET /data": 1})

    assert [True, False] == asked(made, device, "GET /data", "GET /data?query=aggregate")
    assert {AGGREGATE: (0, 0), "GET /data": (1, 1)} == counts(made)


def test_both_names_of_a_chunks_export_have_one_counter() -> None:
    """The older name of the route counts with the newer one."""
    backup = "POST /device/:device_id/chunk/backup"
    made, _, device_id = service(**{backup: 2})
    requests = [f"POST /device/{device_id}/chunk/{name}" for name in ("copy", "backup", "copy")]

    assert [True, True, False] == asked(made, made.token, *requests)
    assert {backup: (2, 1)} == counts(made)


def test_totals_count_each_request_once() -> None:
    """A request that took from two counters was one request."""
    made, device, _ = service(**{AGGREGATE: 1, "GET /data": 2})
    asked(made, device, *["GET /data?query=aggregate"] * 3)

    stats: dict[str, Any] = made.stats()
    # One more created the device.
    assert (2, 2) == (stats["accepted"], stats["rejected"])
    made.reset()
    assert (0, 0) == (made.stats()["accepted"], made.stats()["rejected"])


@given(
    limits=st.fixed_dictionaries({name: st.integers(1, 5) for name in "abc"}),
    requests=st.lists(st.sets(st.sampled_from("abc"), min_size=1), max_size=30),
)
def test_all_counters_or_none(limits: dict[str, int], requests: list[set[str]]) -> None:
    """A request passes when every counter it takes from has room, and then takes from each."""
    limiter = HardLimiter(limits.get, 60.0, lambda: 0.0)
    used = dict.fromkeys(limits, 0)
    for routes in requests:
        fits = all(used[route] < limits[route] for route in routes)
        assert fits is (limiter.admit(*routes) == 0)
        for route in routes if fits else ():
            used[route] += 1

    told = {route: count.accepted for route, count in limiter.counts().items()}
    assert {route: used[route] for route in told} == told
    assert len(requests) == limiter.accepted + limiter.rejected
