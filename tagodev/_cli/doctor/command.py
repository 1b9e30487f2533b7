"""The ``tagodev doctor`` command."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from cyclopts import App

from tagodev._cli.doctor.checks import Diagnosis, diagnose
from tagodev._cli.exit_codes import Exit
from tagodev._cli.options.service import ServiceOptions
from tagodev._cli.output.console import clock_difference, print_json, print_line
from tagodev._cli.output.table import JsonOption

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["app", "doctor"]

app: Final = App(name="doctor", help_epilogue="Example: tagodev doctor --region eu-w1")


@app.default
def doctor(
    *,
    service: ServiceOptions = ServiceOptions(),
    json: JsonOption = False,
) -> int:
    """Check configuration, network, token and limits.

    Reports the address and the connection, the kind of token, the rate plan, how many more devices
    the profile can hold, the service's clock, the environment and the versions, and what to do
    about each problem. Changes nothing and shows no token.
    """
    diagnosis = asyncio.run(diagnose(service))
    if json:
        print_json(diagnosis.as_json())
    else:
        for line in _lines(diagnosis):
            print_line(line)
    return diagnosis.problems[0].code if diagnosis.problems else Exit.OK


def _lines(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield the diagnosis as lines of text."""
    if diagnosis.service is not None:
        region = diagnosis.service["region"] or "custom address"
        yield _line(
            "Service", f"{diagnosis.service['address']}, {region} ({diagnosis.service['source']})"
        )
    for step in diagnosis.connection:
        yield _line(f"  {step.name}", f"{'ok' if step.works else 'failed'}: {step.detail}")
    if diagnosis.token is not None:
        yield _line("Token", _token(diagnosis.token))
    if diagnosis.plan is not None:
        yield _line("Plan", _plan(diagnosis.plan))
    if diagnosis.devices is not None:
        yield _line("Devices", _devices(diagnosis.devices))
    if diagnosis.clock is not None:
        difference = clock_difference(diagnosis.clock["ahead"], diagnosis.clock["uncertainty"])
        yield _line("Clock", f"the service's clock is {difference}")
    variables = ", ".join(
        f"{name} (set)" if value == "set" else f"{name}={value}"
        for name, value in diagnosis.environment.items()
    )
    yield _line("Environment", variables or "no variables set")
    yield _line(
        "Versions", ", ".join(f"{name} {value}" for name, value in diagnosis.versions.items())
    )
    for note in diagnosis.notes:
        yield _line("Note", note)
    yield ""
    yield from _problems(diagnosis)


def _problems(diagnosis: Diagnosis) -> Iterator[str]:
    if not diagnosis.problems:
        yield "No problems found"
    for problem in diagnosis.problems:
        yield f"Problem: {problem.what.rstrip('.')}"
        if problem.hint:
            yield f"  {problem.hint}"


def _line(label: str, text: str) -> str:
    return f"{label:<12} {text}"


def _token(token: dict[str, Any]) -> str:
    prefix = token["kind_by_prefix"]
    parts = [f"from {token['source']}", f"{prefix} by its prefix" if prefix else "no prefix"]
    if token.get("kind"):
        parts.append(f"{token['kind']} by the service")
    if token.get("name"):
        parts.append(f"named {token['name']}")
    if token.get("expires"):
        parts.append(f"expires {token['expires']}")
    return ", ".join(parts)


def _plan(plan: dict[str, Any]) -> str:
    name = f"{plan['plan']} (from the {plan['source']})" if plan["plan"] else "unknown"
    soft = plan["soft_limits"] or {}
    limits = ", ".join(f"{what} {limit} per minute" for what, limit in soft.items() if limit)
    return f"{name}; using the limits of {plan['kept']}; soft limits: {limits or 'none'}"


def _devices(devices: dict[str, int | None]) -> str:
    if devices["cap"] is None:
        return f"{devices['used']} used, limit unknown"
    return f"{devices['used']} of {devices['cap']} used, {devices['free']} free"
