"""``tagodev doctor``: whether everything is in order, and what to do where it is not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from tagodev.cli.doctor.checks import Diagnosis, examine
from tagodev.cli.exit_codes import Exit
from tagodev.cli.options.service import ServiceOptions
from tagodev.cli.output.console import clocks_apart, print_json, print_line

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["doctor"]

_DEFAULTS: Final = ServiceOptions()


def doctor(
    *,
    service: ServiceOptions = _DEFAULTS,
    json: Annotated[bool, Parameter(negative="", help="One JSON object as output.")] = False,
) -> int:
    """Look whether everything is in order, and say what to do where it is not."""
    found = asyncio.run(examine(service))
    if json:
        print_json(found.as_json())
    else:
        for line in _lines(found):
            print_line(line)
    return found.problems[0].code if found.problems else Exit.OK


def _lines(found: Diagnosis) -> Iterator[str]:
    """Yield what a person reads."""
    if found.service is not None:
        region = found.service["region"] or "an address of its own"
        yield _line("Service", f"{found.service['address']}, {region} ({found.service['source']})")
    for step in found.connection:
        yield _line(f"  {step.name}", f"{'ok' if step.works else 'FAILS'}: {step.told}")
    if found.token is not None:
        yield _line("Token", _token(found.token))
    if found.plan is not None:
        yield _line("Plan", _plan(found.plan))
    if found.devices is not None:
        yield _line("Devices", _devices(found.devices))
    if found.clock is not None:
        apart = clocks_apart(found.clock["ahead"], found.clock["uncertainty"])
        yield _line("Clock", f"the service's is {apart}")
    variables = ", ".join(
        f"{name} (set)" if value == "set" else f"{name}={value}"
        for name, value in found.environment.items()
    )
    yield _line("Environment", variables or "nothing is set")
    yield _line("Versions", ", ".join(f"{name} {value}" for name, value in found.versions.items()))
    for note in found.notes:
        yield _line("Note", note)
    yield ""
    yield from _verdict(found)


def _verdict(found: Diagnosis) -> Iterator[str]:
    if not found.problems:
        yield "Nothing is wrong"
    for problem in found.problems:
        yield f"Wrong: {problem.what.rstrip('.')}"
        if problem.hint:
            yield f"  {problem.hint}"


def _line(label: str, text: str) -> str:
    return f"{label:<12} {text}"


def _token(token: dict[str, Any]) -> str:
    prefix = token["kind_by_prefix"]
    parts = [f"from {token['source']}", f"{prefix} by its prefix" if prefix else "no prefix"]
    if token.get("kind"):
        parts.append(f"{token['kind']} by the service's word")
    if token.get("name"):
        parts.append(f"called {token['name']}")
    if token.get("expires"):
        parts.append(f"until {token['expires']}")
    return ", ".join(parts)


def _plan(plan: dict[str, Any]) -> str:
    name = f"{plan['plan']} (by the {plan['source']})" if plan["plan"] else "not known"
    soft = plan["soft_limits"] or {}
    limits = ", ".join(f"{what} {limit} a minute" for what, limit in soft.items() if limit)
    return f"{name}, the limits of {plan['kept']} are kept; soft limits: {limits or 'none'}"


def _devices(devices: dict[str, int | None]) -> str:
    if devices["cap"] is None:
        return f"{devices['used']} used, how many more fit is not known"
    return f"{devices['used']} of {devices['cap']} used, {devices['free']} free"
