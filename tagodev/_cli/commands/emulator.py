"""``tagodev emulator``: run an emulator of the device API on this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

from cyclopts import App, Parameter

from tagodev._cli.exit_codes import Exit
from tagodev._cli.output.console import print_json, print_line, print_message
from tagodev._cli.output.table import JsonOption
from tagodev._filesystem.atomic_write import check_out
from tagodev.emulator import EmulatorOptions, serve
from tagodev.emulator._model.saved_state import StateError
from tagodev.emulator._options import FAULTS, VARIANTS
from tagodev.errors import InputError
from tagodev.hard_limits import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["app", "emulator"]

T = TypeVar("T")

_EXAMPLES: Final = """\
Example: tagodev emulator --plan starter --minute 6 --max-devices 2000

With devices saved in a file, and one request in twenty lost:

tagodev emulator --devices 500 --state site.json --fault reset-before=0.05
"""

app: Final = App(name="emulator", help_epilogue=_EXAMPLES)


@app.default
def emulator(
    *,
    plan: Plan = "scale",
    minute: float = 60.0,
    port: int = 8899,
    latency: float = 0.0,
    clock_offset: float = 0.0,
    max_devices: int | None = None,
    devices: int = 0,
    limit: list[str] | None = None,
    fault: Annotated[
        list[str] | None,
        Parameter(
            help="Inject a fault, NAME=PROBABILITY, or ROUTE:NAME=PROBABILITY for one route; "
            f"repeatable. Names: {', '.join(FAULTS)}."
        ),
    ] = None,
    slow_seconds: float = 3.0,
    rpm: list[str] | None = None,
    variant: Annotated[
        list[str] | None,
        Parameter(
            help="Emulate the alternative behaviour where TagoIO's is undocumented; repeatable. "
            f"Names: {', '.join(VARIANTS)}."
        ),
    ] = None,
    state: Path | None = None,
    seed: int | None = None,
    token: str | None = None,
    json: JsonOption = False,
) -> int:
    """Run an emulator of the device API, with its limits.

    Prints its address and two lines to paste into another terminal, where tagodev or any other
    TagoIO client then uses the emulator. Runs until Ctrl-C.

    Args:
        plan: Rate plan whose limits apply.
        minute: Seconds per window; 60 on TagoIO.
        port: Port on 127.0.0.1; 0 picks a free port.
        latency: Seconds before each response.
        clock_offset: Seconds its clock is ahead of this machine's.
        max_devices: Maximum number of devices; default: by rate plan.
        devices: Devices that exist at the start.
        limit: Override a route's limit, ROUTE=N; repeatable.
        slow_seconds: Seconds that the fault 'slow' delays a response.
        rpm: Set a soft limit per device, data_input=N or data_output=N; repeatable.
        state: File to load devices and tokens from, and to save them to on exit.
        seed: Seed for reproducible ids, tokens and faults.
        token: Token to accept; default: a generated one.
    """
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
            limits=_numbers(limit, "--limit", "ROUTE=N, like 'POST /device=1000'", _whole),
            faults=_numbers(fault, "--fault", "NAME=PROBABILITY, like 'slow=0.1'", float),
            slow_seconds=slow_seconds,
            device_rpm=_numbers(rpm, "--rpm", "NAME=N, like 'data_input=10'", _whole),
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


def _numbers(
    texts: Iterable[str] | None, option: str, form: str, number: Callable[[str], T]
) -> dict[str, T]:
    """Return the names and numbers of options like ``POST /device=1000``."""
    found: dict[str, T] = {}
    for text in texts or ():
        # The name can contain an equals sign: "GET /data?query=aggregate".
        name, _, value = text.rpartition("=")
        try:
            found[name.strip()] = number(value)
        except ValueError:
            raise InputError(f"must be {form}, not {text!r}", path=option) from None
    return found


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)
