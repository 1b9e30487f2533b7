"""Output of a plan as text and JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from tagodev._bulk.operations.apply_steps import MANAGED_TAG
from tagodev._cli.output.console import print_line, print_message
from tagodev._cli.output.streams import allows_colour
from tagodev._cli.output.text import clean, duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagodev.provision._plan.model import Action, Change, Plan, PlannedStep

__all__ = ["plan_json", "plan_lines", "show_plan"]

_SIGNS: Final[dict[Action, str]] = {"create": "+", "change": "~", "delete": "-", "blocked": "!"}
#: Terminal colours: green, yellow, red, magenta.
_COLOURS: Final = {"+": "\x1b[32m", "~": "\x1b[33m", "-": "\x1b[31m", "!": "\x1b[35m"}
_RESET: Final = "\x1b[0m"
_TODO: Final[tuple[Action, ...]] = ("create", "change", "delete")
#: Steps to show without ``--all``.
SHOWN: Final = 50
#: Characters of a value to show.
_LONGEST: Final = 60


def show_plan(plan: Plan, plan_name: str, *, everything: bool = False, aside: bool = False) -> None:
    """Print a plan as text, in colour on a terminal.

    Args:
        plan: the plan.
        plan_name: the rate plan of the estimate.
        everything: whether to show every step.
        aside: whether to print to standard error, since the output is JSON.
    """
    stream = sys.stderr if aside else sys.stdout
    coloured = stream.isatty() and allows_colour()
    for line in plan_lines(plan, plan_name, everything=everything):
        colour = _COLOURS.get(line[:1]) if coloured and line[1:2] == " " else None
        text = line if colour is None else f"{colour}{line}{_RESET}"
        if aside:
            print_message(text)
        else:
            print_line(text)


def plan_lines(plan: Plan, plan_name: str, *, everything: bool = False) -> Iterator[str]:
    """Yield a plan as lines of text.

    Args:
        plan: the plan.
        plan_name: the rate plan of the estimate.
        everything: whether to show every step.
    """
    shown = plan.steps if everything else plan.steps[:SHOWN]
    for step in shown:
        yield from _step_lines(step)
    if len(plan.steps) > len(shown):
        yield f"... and {len(plan.steps) - len(shown)} more (--all shows them)"
    if plan.steps:
        yield ""
    counts = ", ".join(f"{plan.count(action)} to {action}" for action in _TODO)
    blocked = plan.count("blocked")
    yield f"Plan: {counts}, {plan.kept} unchanged" + (f", {blocked} blocked" if blocked else "")
    yield from _cost_lines(plan, plan_name)
    if not plan.settings.restore and (plan.count("create") or plan.count("change")):
        manager = clean(plan.settings.manager)
        yield f"Created and changed devices get the tag {MANAGED_TAG} = {manager}"
    for note in plan.notes:
        yield f"Note: {clean(note)}"


def _cost_lines(plan: Plan, plan_name: str) -> Iterator[str]:
    for cost in plan.costs:
        yield f"{cost.requests} x {cost.route} ({cost.limit} per minute)"
    if plan.costs:
        yield f"About {duration(plan.seconds)} with the limits of the plan {plan_name}"
    slots = plan.slots
    if slots.needed > 0:
        free = "" if slots.free is None else f", {slots.free} free"
        yield f"Devices: {slots.used} used{free}, {slots.needed} needed"


def _step_lines(step: PlannedStep) -> Iterator[str]:
    line = f" (line {step.line})" if step.line else ""
    reason = f": {clean(step.reason)}" if step.reason else ""
    yield f"{_SIGNS[step.action]} {step.action} {clean(step.name)}{line}{reason}"
    for change in step.changes:
        yield f"    {clean(change.path)}: {_change_text(step, change)}"


def _change_text(step: PlannedStep, change: Change) -> str:
    if step.action == "create":
        return _shown(change.new)
    return f"{_shown(change.old)} -> {_shown(change.new)}"


def _shown(value: Any) -> str:
    if value in (None, ""):
        return "(none)"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = clean(str(value))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def plan_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as a JSON object."""
    return {
        "create": plan.count("create"),
        "change": plan.count("change"),
        "delete": plan.count("delete"),
        "blocked": plan.count("blocked"),
        "kept": plan.kept,
        "managed": plan.managed,
        "known_by": plan.settings.known_by,
        "manager": plan.settings.manager,
        "seconds": round(plan.seconds, 3),
        "requests": {cost.route: cost.requests for cost in plan.costs},
        "slots": {
            "used": plan.slots.used,
            "cap": plan.slots.cap,
            "free": plan.slots.free,
            "needed": plan.slots.needed,
        },
        "fingerprint": plan.fingerprint,
        "notes": list(plan.notes),
        "steps": [
            {
                "action": step.action,
                "name": step.name,
                "device_id": step.device_id or None,
                "line": step.line or None,
                "reason": step.reason or None,
                "changes": [
                    {"path": one.path, "old": one.old, "new": one.new} for one in step.changes
                ],
            }
            for step in plan.steps
        ],
    }
