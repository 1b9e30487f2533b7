"""Scenarios of the comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from benchmarks.emulated import CREATE
from tagodev import HardLimits
from tagodev.emulator import EmulatorOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["QUICK", "SCENARIOS", "Scenario"]

_INFO: Final = "GET /device/:device_id"
_EDIT: Final = "PUT /device/:device_id"


@attrs.frozen(kw_only=True)
class Scenario:
    """A job, its service, and other clients of the profile."""

    key: str
    """Its name in the results."""
    title: str
    """What it is called in print."""
    limits: Mapping[str, int]
    """What the service accepts in a window, by route; the rest is as on the Scale plan."""
    minute: float
    """A window's length in seconds."""
    rows: int
    """Devices to make."""
    phase: float = 0.4
    """Part of a window that is over when a rival begins."""
    mixed: bool = False
    """Whether each device is also read and edited."""
    faults: Mapping[str, float] = attrs.field(factory=dict)
    """What goes wrong with creations, and how often."""
    slow_seconds: float = 0.5
    """Seconds by which an answer is late that is slow."""
    neighbour: float = 0.0
    """The part of the limit of creations that another client asks for in each window."""
    journal: bool = False
    """Whether a rival that can keep a journal does."""

    @property
    def limit(self) -> int:
        """Creations per window that the service accepts."""
        return self.limits[CREATE]

    @property
    def hard_limits(self) -> HardLimits:
        """The service's limits, for our own requests."""
        left = self.limit - round(self.limit * self.neighbour)
        limits = HardLimits.for_plan("scale", self.minute)
        for route, limit in {**self.limits, CREATE: left}.items():
            limits = limits.override(route, limit)
        return limits

    def emulator(self, seed: int) -> EmulatorOptions:
        """Return the options of the service."""
        return EmulatorOptions(
            minute=self.minute,
            limits=dict(self.limits),
            max_devices=100 * (self.rows + self.limit),
            faults={f"{CREATE}:{fault}": chance for fault, chance in self.faults.items()},
            slow_seconds=self.slow_seconds,
            seed=seed,
        )


def _at_the_limit(windows: float, limit: int, minute: float) -> Scenario:
    return Scenario(
        key=f"create-{windows:g}",
        title=f"create at the limit, {windows:g} windows",
        limits={CREATE: limit},
        minute=minute,
        rows=round(limit * windows),
    )


def _lost_answers(rows: int) -> Scenario:
    return Scenario(
        key="lost-answers",
        title="lost answers",
        # So that nothing but the answers is scarce.
        limits={CREATE: 100_000},
        minute=10.0,
        rows=rows,
        faults={"reset-before": 0.05, "reset-after-commit": 0.05, "http-502-html": 0.03},
        journal=True,
    )


def _scenarios(*, limit: int, minute: float, longest: float, lost: int) -> Sequence[Scenario]:
    return (
        _at_the_limit(0.5, limit, minute),
        _at_the_limit(4.5, limit, minute),
        # In the shortest windows that all rivals know: it takes longer than all others together.
        _at_the_limit(longest, limit, 1.0),
        Scenario(
            key="mixed-routes",
            title="mixed routes: create, read, edit",
            limits={CREATE: limit // 2, _INFO: limit, _EDIT: limit * 3 // 4},
            minute=minute,
            rows=limit * 5 // 4,
            mixed=True,
        ),
        Scenario(
            key="hostile-network",
            title="hostile network: resets, slow answers",
            limits={CREATE: limit},
            minute=minute,
            rows=limit * 5 // 2,
            faults={"reset-before": 0.03, "reset-after-commit": 0.03, "slow": 0.05},
            journal=True,
        ),
        Scenario(
            key="neighbour",
            title="another client takes 30 % of the limit",
            limits={CREATE: limit},
            minute=minute,
            rows=limit * 9 // 2,
            neighbour=0.3,
        ),
        _lost_answers(lost),
    )


#: All of them, as they are measured.
SCENARIOS: Final = _scenarios(limit=200, minute=2.0, longest=40.5, lost=1000)
#: The same in small, to see that everything runs.
QUICK: Final = _scenarios(limit=50, minute=1.0, longest=9.5, lost=100)
