"""``tagodev emulator``: the device service on this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path  # noqa: TC003  (cyclopts reads annotations at run time)
from typing import Annotated

from cyclopts import Parameter

from tagodev.cli.exit_codes import Exit
from tagodev.cli.output.console import print_json, print_line, say
from tagodev.emulator import EmulatorOptions, serve
from tagodev.emulator.model.saved_state import StateError
from tagodev.emulator.options import FAULTS, VARIANTS
from tagodev.errors import InputError
from tagodev.filesystem.atomic_write import check_out
from tagodev.hard_limits import Plan  # noqa: TC001  (cyclopts reads annotations at run time)

__all__ = ["emulator"]


def emulator(
    *,
    plan: Annotated[Plan, Parameter(help="Whose limits and device cap it has.")] = "scale",
    minute: Annotated[float, Parameter(help="Seconds of a window: 60 on TagoIO.")] = 60.0,
    port: Annotated[int, Parameter(help="Port on 127.0.0.1; 0 takes a free one.")] = 8899,
    latency: Annotated[float, Parameter(help="Seconds before each answer.")] = 0.0,
    clock_offset: Annotated[
        float, Parameter(help="Seconds by which its clock runs ahead of this machine's.")
    ] = 0.0,
    max_devices: Annotated[
        int | None, Parameter(help="Devices it holds; default: as many as the plan.")
    ] = None,
    devices: Annotated[int, Parameter(help="Devices that are there from the start.")] = 0,
    limit: Annotated[
        list[str] | None,
        Parameter(negative="", help="Another limit than the plan's, as ROUTE=N; repeatable."),
    ] = None,
    fault: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            help="What goes wrong, as NAME=PROBABILITY, or ROUTE:NAME=PROBABILITY for one route; "
            f"repeatable. Names: {', '.join(FAULTS)}.",
        ),
    ] = None,
    slow_seconds: Annotated[
        float, Parameter(help="Seconds by which the fault 'slow' delays an answer.")
    ] = 3.0,
    rpm: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            help="A soft limit of each device, as data_input=N or data_output=N; repeatable.",
        ),
    ] = None,
    variant: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            help="Where nobody knows what the service does: do the other thing; repeatable. "
            f"Names: {', '.join(VARIANTS)}.",
        ),
    ] = None,
    state: Annotated[
        Path | None,
        Parameter(
            help="File that keeps devices and tokens from one run to the next; written at the end."
        ),
    ] = None,
    lenient: Annotated[
        bool, Parameter(negative="", help="Accept a device without network, connector and type.")
    ] = False,
    seed: Annotated[
        int | None, Parameter(help="Makes ids, tokens and faults the same each time.")
    ] = None,
    token: Annotated[
        str | None, Parameter(help="The token to accept; default: one is made up.")
    ] = None,
    json: Annotated[bool, Parameter(negative="", help="One JSON object as output.")] = False,
) -> int:
    """Run the emulator until a signal comes."""
    if state is not None:
        check_out(state, "--state")
    try:
        options = EmulatorOptions(
            plan=plan,
            minute=minute,
            port=port,
            latency=latency,
            clock_offset=clock_offset,
            max_devices=max_devices,
            devices=devices,
            limits=dict(map(_limit, limit or ())),
            faults=dict(map(_fault, fault or ())),
            slow_seconds=slow_seconds,
            device_rpm=dict(map(_rpm, rpm or ())),
            variants=variant or (),
            state=state,
            lenient=lenient,
            seed=seed,
            token=token,
        )
    except ValueError as error:
        raise InputError(str(error)) from None
    ready = False
    goes_on = state is not None and state.exists()

    def announce(url: str, token: str) -> None:
        nonlocal ready
        ready = True
        if json:
            print_json({"url": url, "token": token, "plan": plan, "minute": minute})
            return
        print_line(f"Emulator at {url}, plan {plan}, minute {minute:g} s; Ctrl-C stops it")
        print_line(f"export TAGOIO_API={url}")
        print_line(f"export TAGOIO_TOKEN={token}")
        if goes_on:
            say(f"Goes on with what {state} holds" + (", without --devices" if devices else ""))

    try:
        asyncio.run(serve(options, announce))
    except StateError as error:
        raise InputError(str(error), path="--state") from None
    except OSError as error:
        if ready:
            say(f"tagodev: can't save {state}: {error.strerror}")
            return Exit.GENERAL
        say(f"tagodev: can't listen on 127.0.0.1:{port}: {error.strerror}; try --port 0")
        return Exit.SERVICE
    if state is not None and not json:
        say(f"Saved to {state}")
    return Exit.OK


def _limit(text: str) -> tuple[str, int]:
    """Return route and figure of an option like ``POST /device=1000``."""
    return _figure(text, "--limit", "ROUTE=N, like 'POST /device=1000'")


def _rpm(text: str) -> tuple[str, int]:
    """Return name and figure of an option like ``data_input=10``."""
    return _figure(text, "--rpm", "NAME=N, like 'data_input=10'")


def _figure(text: str, path: str, form: str) -> tuple[str, int]:
    # What stands before may hold a sign of its own: "GET /data?query=aggregate".
    name, _, figure = text.rpartition("=")
    if not name or not (figure.isascii() and figure.isdigit()):
        raise InputError(f"must be {form}, not {text!r}", path=path)
    return name.strip(), int(figure)


def _fault(text: str) -> tuple[str, float]:
    """Return fault and figure of an option like ``POST /device:slow=0.5``."""
    fault, _, figure = text.rpartition("=")
    try:
        return fault.strip(), float(figure)
    except ValueError:
        raise InputError(
            f"must be NAME=PROBABILITY, like 'slow=0.1', not {text!r}", path="--fault"
        ) from None
