"""A profile that is put on another plan: its limits and caps change, what it holds stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tagodev.emulator import Emulator, EmulatorOptions, EmulatorProcess
from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.service import Service
from tests.emulator.support import DEVICE

if TYPE_CHECKING:
    from tagodev.hard_limits import Plan


def service(plan: Plan, **options: Any) -> Service:
    """Return a service on a plan, whose window does not end within a test."""
    return Service(EmulatorOptions(plan=plan, minute=3600.0, **options))


def ask(made: Service, method: str, path: str, body: Any = None) -> Any:
    """Ask with the profile's token; return the result, or the status of a refusal."""
    try:
        admitted = made.admit(method, path, {"token": made.token})
        return made.answer(admitted, b"" if body is None else json.dumps(body).encode())
    except RefusedError as refusal:
        return refusal.status


def test_limits_follow_at_once() -> None:
    """A window that was full for one plan has room for another, and is full again for the first."""
    made = service("free", max_devices=100)
    for _ in range(10):
        ask(made, "POST", "/device", DEVICE)
    assert 429 == ask(made, "POST", "/device", DEVICE)

    made.change_plan("starter")
    assert "token" in ask(made, "POST", "/device", DEVICE)
    assert (250, 11) == tuple(
        made.stats()["routes"]["POST /device"][name] for name in ("limit", "accepted")
    )
    made.change_plan("free")
    assert 429 == ask(made, "POST", "/device", DEVICE)


def test_caps_follow_and_devices_stay() -> None:
    """More devices than the new plan holds are no reason to lose one, nor to take another."""
    made = service("starter")
    for _ in range(7):
        ask(made, "POST", "/device", DEVICE)

    made.change_plan("free")
    assert 400 == ask(made, "POST", "/device", DEVICE)
    assert 7 == ask(made, "GET", "/profile/current/summary")["amount"]["device"]
    assert "free" == ask(made, "GET", "/profile/current")["account_plan"]
    assert {"plan": "free"} == ask(made, "GET", "/account/plan")


def test_a_reset_brings_the_first_plan_back() -> None:
    """Nobody else's test finds the plan that one has chosen."""
    made = service("starter")
    made.change_plan("free")
    made.reset()

    assert "starter" == made.stats()["plan"]
    for _ in range(7):
        assert "token" in ask(made, "POST", "/device", DEVICE)


async def test_with_devices_from_the_start() -> None:
    """An emulator whose stock is too large for the new plan keeps it, and a reset restores both."""
    async with Emulator(EmulatorOptions(plan="starter", devices=9)) as emulator:
        emulator.change_plan("free")
        assert ("free", 9) == tuple(emulator.stats()[name] for name in ("plan", "devices"))
        emulator.reset()
        assert ("starter", 9) == tuple(emulator.stats()[name] for name in ("plan", "devices"))
        emulator.change_plan("free")
        emulator.reset("p-another")
        assert ("starter", 9) == tuple(emulator.stats()[name] for name in ("plan", "devices"))


def test_in_a_process_of_its_own() -> None:
    """The plan is changed from outside, and another word is refused."""
    with EmulatorProcess() as emulator:
        emulator.change_plan("free")
        assert "free" == emulator.stats()["plan"]
        with pytest.raises(ValueError, match="plan must be free, starter or scale"):
            emulator.change_plan("enterprise")  # type: ignore[arg-type]
        assert "free" == emulator.stats()["plan"]
