"""``tagodev emulator``: run an emulator of the device API on this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path  # noqa: TC003  (cyclopts reads annotations at run time)
from typing import Annotated

from cyclopts import Parameter

from tagodev.cli.exit_codes import Exit
from tagodev.cli.output.console import print_json, print_line, print_message
from tagodev.emulator import EmulatorOptions, serve
from tagodev.emulator.model.saved_state import StateError
from tagodev.emulator.options import FAULTS, VARIANTS
from tagodev.errors import InputError
from tagodev.filesystem.atomic_write import check_out
from tagodev.hard_limits import Plan  # noqa: TC001  (cyclopts reads annotations at run time)

__all__ = ["emulator"]


def emulator(
    *,
    plan: Annotated[Plan, Parameter(help="Rate plan whose limits apply.")] = "scale",
    minute: Annotated[float, Parameter(help="Seconds per window; 60 on TagoIO.")] = 60.0,
    port: Annotated[int, Parameter(help="Port on 127.0.0.1; 0 picks a free port.")] = 8899,
    latency: Annotated[float, Parameter(help="Seconds before each response.")] = 0.0,
    clock_offset: Annotated[
        float, Parameter(help="Seconds its clock is ahead of this machine's.")
    ] = 0.0,
    max_devices: Annotated[
        int | None, Parameter(help="Maximum number of devices; default: by rate plan.")
    ] = None,
    devices: Annotated[int, Parameter(help="Devices that exist at the start.")] = 0,
    limit: Annotated[
        list[str] | None,
        Parameter(negative="", help="Override a route's limit, ROUTE=N; repeatable."),
    ] = None,
    fault: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            help="Inject a fault, NAME=PROBABILITY, or ROUTE:NAME=PROBABILITY for one route; "
            f"repeatable. Names: {', '.join(FAULTS)}.",
        ),
    ] = None,
    slow_seconds: Annotated[
        float, Parameter(help="Seconds that the fault 'slow' delays a response.")
    ] = 3.0,
    rpm: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            help="Set a soft limit per device, data_input=N or data_output=N; repeatable.",
        ),
    ] = None,
    variant: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            help="Emulate the alternative behaviour where TagoIO's is undocumented; repeatable. "
            f"Names: {', '.join(VARIANTS)}.",
        ),
    ] = None,
    state: Annotated[
        Path | None,
        Parameter(help="File to load devices and tokens from, and to save them to on exit."),
    ] = None,
    seed: Annotated[
        int | None, Parameter(help="Seed for reproducible ids, tokens and faults.")
    ] = None,
    token: Annotated[
        str | None, Parameter(help="Token to accept; default: a generated one.")
    ] = None,
    json: Annotated[bool, Parameter(negative="", help="Print one JSON object.")] = False,
) -> int:
    """Run the emulator until a signal stops it."""
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
            seed=seed,
            token=token,
        )
    except ValueError as error:
        raise InputError(str(error)) from None
    ready = False
    restored = state is not None and state.exists()

    def announce(url: str, token: str) -> None:
        nonlocal ready
        ready = True
        if json:
            print_json({"url": url, "token": token, "plan": plan, "minute": minute})
            return
        print_line(f"Emulator at {url}, plan {plan}, minute {minute:g} s; press Ctrl-C to stop")
        print_line(f"export TAGOIO_API={url}")
        print_line(f"export TAGOIO_TOKEN={token}")
        if restored:
            print_message(f"Loaded {state}" + ("; --devices is ignored" if devices else ""))

    try:
        asyncio.run(serve(options, announce))
    except StateError as error:
        raise InputError(str(error), path="--state") from None
    except OSError as error:
        if ready:
            print_message(f"tagodev: can't save {state}: {error.strerror}")
            return Exit.GENERAL
        print_message(f"tagodev: can't listen on 127.0.0.1:{port}: {error.strerror}; try --port 0")
        return Exit.SERVICE
    if state is not None and not json:
        print_message(f"Saved to {state}")
    return Exit.OK


def _limit(text: str) -> tuple[str, int]:
    """Return the route and limit of an option like ``POST /device=1000``."""
    return _name_and_number(text, "--limit", "ROUTE=N, like 'POST /device=1000'")


def _rpm(text: str) -> tuple[str, int]:
    """Return the name and limit of an option like ``data_input=10``."""
    return _name_and_number(text, "--rpm", "NAME=N, like 'data_input=10'")


def _name_and_number(text: str, path: str, form: str) -> tuple[str, int]:
    # The name can contain an equals sign: "GET /data?query=aggregate".
    name, _, number = text.rpartition("=")
    if not name or not (number.isascii() and number.isdigit()):
        raise InputError(f"must be {form}, not {text!r}", path=path)
    return name.strip(), int(number)


def _fault(text: str) -> tuple[str, float]:
    """Return the fault and probability of an option like ``POST /device:slow=0.5``."""
    fault, _, probability = text.rpartition("=")
    try:
        return fault.strip(), float(probability)
    except ValueError:
        raise InputError(
            f"must be NAME=PROBABILITY, like 'slow=0.1', not {text!r}", path="--fault"
        ) from None
