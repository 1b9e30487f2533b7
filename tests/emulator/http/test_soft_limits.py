"""The emulator's soft limits: what one device may send and read, below the profile's limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tagodev.emulator import EmulatorOptions
from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.service import Service
from tests.emulator.support import DEVICE

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA = b'{"variable": "v", "value": 1}'


def service_with(rpm: Mapping[str, int], **options: Any) -> Service:
    """Return a service in one long window, in which devices have soft limits."""
    return Service(EmulatorOptions(minute=3600.0, device_rpm=rpm, **options))


def ask(service: Service, token: str, method: str, target: str, body: Any = None) -> Any:
    """Return what a request results in."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body or {})
    return service.answer(service.admit(method, target, {"token": token}), raw)


def is_limited(service: Service, token: str, method: str, target: str) -> bool:
    """Return whether a request is one too many."""
    try:
        ask(service, token, method, target, DATA)
    except RefusedError as refusal:
        if refusal.status != 429:
            raise
        return True
    return False


def test_each_device_is_limited_for_itself() -> None:
    """One device at its limit leaves the others theirs, and its own other direction."""
    service = service_with({"data_input": 2, "data_output": 3})
    first, second = [ask(service, service.token, "POST", "/device", DEVICE) for _ in range(2)]

    sent = [is_limited(service, first["token"], "POST", "/data") for _ in range(3)]
    assert [False, False, True] == sent
    assert not is_limited(service, second["token"], "POST", "/data")
    read = [is_limited(service, first["token"], "GET", "/data") for _ in range(4)]
    assert [False, False, False, True] == read


def test_device_is_limited_by_whatever_way_it_is_asked() -> None:
    """By its own token, by its id, and in an aggregate alike."""
    service = service_with({"data_output": 2})
    created = ask(service, service.token, "POST", "/device", DEVICE)
    by_id = f"/device/{created['device_id']}/data"

    assert not is_limited(service, service.token, "GET", by_id)
    aggregate = "/data?query=aggregate&interval=day&function=avg"
    assert not is_limited(service, created["token"], "GET", aggregate)
    assert is_limited(service, created["token"], "GET", "/data")
    assert is_limited(service, service.token, "GET", by_id)
    assert not is_limited(service, created["token"], "POST", "/data")


def test_refused_request_takes_nothing_from_the_profile() -> None:
    """What one device is refused is left for the others."""
    service = service_with({"data_input": 1}, limits={"POST /data": 2})
    first, second = [ask(service, service.token, "POST", "/device", DEVICE) for _ in range(2)]
    assert not is_limited(service, first["token"], "POST", "/data")
    assert is_limited(service, first["token"], "POST", "/data")

    assert not is_limited(service, second["token"], "POST", "/data")
    routes = service.stats()["routes"]
    assert (2, 2) == (routes["POST /data"]["limit"], routes["POST /data"]["accepted"])
    own = routes[f"POST /data?device={first['device_id']}"]
    assert (1, 1, 1) == (own["limit"], own["accepted"], own["rejected"])


def test_hard_limit_still_holds() -> None:
    """A device can't be allowed more than its profile has."""
    service = service_with({"data_input": 50}, limits={"POST /data": 1})
    created = ask(service, service.token, "POST", "/device", DEVICE)

    assert [False, True] == [
        is_limited(service, created["token"], "POST", "/data") for _ in range(2)
    ]


def test_soft_limits_are_told() -> None:
    """The device tells its own; the profile has the add-on that sets them."""
    rpm = {"data_input": 2}
    limited, free = service_with(rpm), service_with({})
    for service, told, tower in ((limited, rpm, True), (free, None, False)):
        device_id = ask(service, service.token, "POST", "/device", DEVICE)["device_id"]
        profile = ask(service, service.token, "GET", "/profile/current")
        assert told == ask(service, service.token, "GET", f"/device/{device_id}")["rpm"]
        assert (None, tower) == (profile["info"]["rpm"], profile["addons"]["control_tower"])


def test_unlimited_service_has_no_soft_limits_either() -> None:
    """The option that measures a machine's own rate switches these off too."""
    service = service_with({"data_input": 1}, unlimited=True)
    created = ask(service, service.token, "POST", "/device", DEVICE)

    assert not any(is_limited(service, created["token"], "POST", "/data") for _ in range(5))


@pytest.mark.parametrize(
    ("rpm", "told"),
    [
        ({"data": 5}, "device_rpm must be a mapping of data_input and data_output"),
        (["data_input"], "device_rpm must be a mapping of data_input and data_output"),
        ({"data_input": 0}, "data_input must be a whole number from 1"),
        ({"data_output": True}, "data_output must be a whole number from 1"),
    ],
)
def test_soft_limits_that_mean_nothing_are_refused(rpm: Any, told: str) -> None:
    """Each is a number of requests that a window can have."""
    with pytest.raises(ValueError, match=f"^{told}"):
        EmulatorOptions(device_rpm=rpm)
