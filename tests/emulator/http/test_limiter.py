"""The emulator's hard limits: fixed windows aligned to the server's clock."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev.emulator import EmulatorOptions
from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.limiter import HardLimiter
from tagodev.emulator._http.service import Service
from tagodev.emulator._model.time import ServerClock


class FakeClock:
    """A clock that stands still until it is set."""

    def __init__(self, now: float = 600.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time it was set to."""
        return self.now


def limiter(clock: FakeClock, limit: int | None = 3, minute: float = 60.0) -> HardLimiter:
    """Return a limiter with one limit for every route."""
    return HardLimiter(lambda _: limit, minute, clock)


def test_limit_reached_means_wait_for_the_next_minute() -> None:
    """Whoever reaches the limit nine seconds into a minute is let in at the next one."""
    clock = FakeClock(609.0)
    limits = limiter(clock)

    assert [0, 0, 0, 51] == [limits.admit("POST /device") for _ in range(4)]
    clock.now = 659.99
    assert 1 == limits.admit("POST /device")
    clock.now = 660.0
    assert 0 == limits.admit("POST /device")


def test_window_does_not_begin_with_the_first_request() -> None:
    """Requests on both sides of a boundary fill two windows, however close they are."""
    clock = FakeClock(659.9)
    limits = limiter(clock)
    before = [limits.admit("POST /device") for _ in range(3)]
    clock.now = 660.1

    assert [0] * 6 == before + [limits.admit("POST /device") for _ in range(3)]


@pytest.mark.parametrize(
    ("now", "wait"), [(600.0, 60), (600.01, 60), (658.2, 2), (659.0, 1), (659.999, 1)]
)
def test_wait_is_rounded_up_to_whole_seconds(now: float, wait: int) -> None:
    """Whoever waits as long as told comes back in the next window."""
    clock = FakeClock(now)
    limits = limiter(clock, limit=1)
    limits.admit("GET /device")

    assert wait == limits.admit("GET /device")


def test_a_request_of_several_counters() -> None:
    """It takes from all of them or from none, and is turned away by those that are full only."""
    limits = limiter(FakeClock(), limit=2)
    limits.admit("a")
    assert [0, 60, 60] == [limits.admit("a", "b", "c") for _ in range(3)]
    assert 0 == limits.admit("b", "c")
    assert 60 == limits.admit("a", "b", "c")

    counted = {route: (count.accepted, count.rejected) for route, count in limits.counts().items()}
    assert {"a": (2, 3), "b": (2, 1), "c": (2, 1)} == counted
    assert (3, 3) == (limits.accepted, limits.rejected)


def test_rejected_requests_leave_the_window_as_it_is() -> None:
    """A window that turned many away still counts only those it let through."""
    clock = FakeClock()
    limits = limiter(clock, limit=2)
    for _ in range(50):
        limits.admit("GET /device")

    (count,) = limits.counts().values()
    assert (2, 48) == (count.accepted, count.rejected)
    assert [(600.0, 2, 48)] == [(w.start, w.accepted, w.rejected) for w in count.windows]


def test_routes_have_counters_of_their_own() -> None:
    """A full counter closes one route."""
    limits = limiter(FakeClock(), limit=1)

    assert 0 == limits.admit("GET /device")
    assert 0 == limits.admit("POST /device")
    assert limits.admit("GET /device") > 0


def test_no_limit_refuses_nothing_and_counts_everything() -> None:
    """Without a limit every request is let through and still counted."""
    limits = limiter(FakeClock(), limit=None)

    assert [0] * 100 == [limits.admit("GET /info") for _ in range(100)]
    (count,) = limits.counts().values()
    assert 100 == count.accepted


def test_only_the_latest_windows_are_remembered() -> None:
    """The history of a route is bounded; its totals are not."""
    clock = FakeClock()
    limits = limiter(clock, minute=1.0)
    for second in range(1500):
        clock.now = 600.0 + second
        limits.admit("GET /info")

    (count,) = limits.counts().values()
    assert (1000, 1500) == (len(count.windows), count.accepted)


def test_reset_opens_every_window() -> None:
    """After a reset no request has come yet."""
    limits = limiter(FakeClock(), limit=1)
    limits.admit("GET /info")
    limits.reset()

    assert {} == limits.counts()
    assert 0 == limits.admit("GET /info")


@given(
    limit=st.integers(1, 6),
    minute=st.sampled_from([1, 4, 60]),
    # Quarters of a second are exact in binary: the model may compare moments for equality.
    steps=st.lists(st.tuples(st.integers(0, 80), st.sampled_from("ab")), max_size=120),
)
def test_agrees_with_a_model_that_remembers_every_request(
    limit: int, minute: int, steps: list[tuple[int, str]]
) -> None:
    """A request passes exactly when fewer than the limit passed before it in the same minute."""
    clock = FakeClock(0.0)
    limits = limiter(clock, limit, float(minute))
    passed: Counter[tuple[str, int]] = Counter()
    quarters = 0
    for step, route in steps:
        quarters += step
        clock.now = quarters / 4
        number = quarters // (4 * minute)
        wait = limits.admit(route)
        if passed[route, number] < limit:
            passed[route, number] += 1
            assert 0 == wait
        else:
            left = 4 * minute - quarters % (4 * minute)
            assert max(1, -(-left // 4)) == wait
    for route, count in limits.counts().items():
        assert sum(n for (name, _), n in passed.items() if name == route) == count.accepted


def test_service_uses_the_plans_figures_and_its_own_clock() -> None:
    """Each plan's limit holds in windows of the offset clock."""
    clock = FakeClock(1_000_000_020.0 - 7.5)
    service = Service(EmulatorOptions(plan="free", clock_offset=7.5), ServerClock(7.5, clock))
    headers = {"token": service.token}
    for _ in range(10):
        service.admit("POST", "/device", headers)
    with pytest.raises(RefusedError, match=r"^Too many requests \(Retry-After: 60\)$") as caught:
        service.admit("POST", "/device", headers)

    assert (429, 60) == (caught.value.status, caught.value.retry_after)
    assert 1_000_000_020.0 == service.stats()["routes"]["POST /device"]["windows"][0]["start"]


def test_limit_of_ones_own_replaces_the_plans() -> None:
    """A route that is named has the figure that is given, the others that of the plan."""
    options = EmulatorOptions(plan="free", limits={"POST /device": 12})
    service = Service(options, ServerClock(0.0, FakeClock()))
    mine = {"token": service.token}
    for _ in range(12):
        service.admit("POST", "/device", mine)
    with pytest.raises(RefusedError, match="Too many requests"):
        service.admit("POST", "/device", mine)
    service.admit("GET", "/device", mine)

    routes = service.stats()["routes"]
    assert (12, 50) == (routes["POST /device"]["limit"], routes["GET /device"]["limit"])


def test_limits_survive_the_command_line() -> None:
    """A child process is told the same limits; the options can still be hashed."""
    options = EmulatorOptions(limits={"POST /device": 1000, "GET /data?query=aggregate": 7})
    assert options == EmulatorOptions.from_json(options.to_json())
    assert hash(options) == hash(EmulatorOptions.from_json(options.to_json()))


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"POST /devices": 5}, "not 'POST /devices'"),
        ({"POST /device": 0}, "not 0"),
        ({"POST /device": True}, "not True"),
        ({"POST /device": 1.5}, "not 1.5"),
        (["POST /device"], "must be a mapping"),
    ],
)
def test_limits_that_mean_nothing_are_refused(limits: Any, told: str) -> None:
    """A mistyped route would otherwise leave the plan's limit in force, unseen."""
    with pytest.raises(ValueError, match=told):
        EmulatorOptions(limits=limits)


def test_unlimited_service_refuses_nothing() -> None:
    """The option that measures a machine's own rate switches every limit off."""
    service = Service(EmulatorOptions(plan="free", unlimited=True))
    for _ in range(200):
        service.admit("POST", "/device", {"token": service.token})

    assert (None, 200) == (
        service.stats()["routes"]["POST /device"]["limit"],
        service.stats()["accepted"],
    )


def test_failures_count_but_strangers_do_not() -> None:
    """A request counts once its token is known, whatever is answered to it."""
    service = Service(EmulatorOptions())
    mine = {"token": service.token}
    with pytest.raises(RefusedError, match="Route Not Found"):
        service.admit("GET", "/nowhere", mine)
    with pytest.raises(RefusedError, match="Invalid token"):
        service.admit("GET", "/info", {"token": "unknown"})
    missing = service.admit("GET", "/device/0", mine)
    with pytest.raises(RefusedError, match="Device Not Found"):
        service.answer(missing, b"")

    assert ["GET /device/:device_id"] == list(service.stats()["routes"])


def test_a_full_window_is_told_before_a_missing_permission() -> None:
    """The limit is checked before the permission, so denied requests count too."""
    service = Service(EmulatorOptions(plan="free"))
    created = service.answer(
        service.admit("POST", "/device", {"token": service.token}), b'{"name": "d"}'
    )
    device = {"token": created["token"]}
    for _ in range(9):
        with pytest.raises(RefusedError, match="Authorization Denied"):
            service.admit("POST", "/device", device)

    with pytest.raises(RefusedError, match="Too many requests"):
        service.admit("POST", "/device", device)
