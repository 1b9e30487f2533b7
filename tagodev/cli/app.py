"""The commands and their exit codes.

Commands are named here and imported when they are called, so that ``--help`` answers at once.
"""

from __future__ import annotations

import os
import sys
from typing import Final

from cyclopts import App, CycloptsError

from tagodev import __version__
from tagodev.cli.common import Exit, complain, exit_code
from tagodev.errors import TagoError

__all__ = ["run"]

_EXIT_CODES: Final = """\
Exit codes: 0 done, 1 anything else, 2 usage or a file with problems (nothing was sent),
3 configuration, 4 the service or the way to it, 5 the token, 6 some rows failed or are in doubt,
7 the plan holds no more devices, 130 interrupted.

Environment: TAGOIO_TOKEN, TAGOIO_API, TAGODEV_PLAN, NO_COLOR.
"""
_DEMO: Final = """\
Show it: thousands of devices made and deleted on an emulated service.

The service runs on this machine, in a process of its own, with the plan's limits: nothing leaves
the machine, and no account is needed. Its minute is shortened, so that you need not wait.
"""
_EMULATOR: Final = """\
Run the device service, with its limits, on this machine, until Ctrl-C.

It prints its address, and two lines to paste into another terminal, where tagodev, or any other
client of TagoIO, then talks to it.
"""
_EMULATOR_EXAMPLES: Final = """\
Example: tagodev emulator --plan starter --minute 6 --max-devices 2000

With devices that are kept in a file, where one request in twenty is lost:
tagodev emulator --devices 500 --state site.json --fault reset-before=0.05
"""

_LIMITS: Final = """\
Print how many requests a minute each route takes, by plan.

With a token the service is asked once, for the first device of a list, and its clock is told too.
"""

_app: Final = App(
    name="tagodev",
    help="Provision TagoIO devices within the service's own rate limits.",
    help_epilogue=_EXIT_CODES,
    version=__version__,
)
_app.command("tagodev.cli.bulk:app", name="bulk", help="Create or delete many devices from a file.")
_app.command(
    "tagodev.cli.demo:demo",
    name="demo",
    help=_DEMO,
    help_epilogue="Example: tagodev demo --devices 6000 --plan scale --minute 10",
)
_app.command(
    "tagodev.cli.emulator:emulator",
    name="emulator",
    help=_EMULATOR,
    help_epilogue=_EMULATOR_EXAMPLES,
)
_app.command(
    "tagodev.cli.limits:limits",
    name="limits",
    help=_LIMITS,
    help_epilogue="Example: tagodev limits --plan scale",
)


def run() -> int:
    """Run the command that the arguments name and return its exit code."""
    try:
        code = _app(sys.argv[1:], exit_on_error=False, result_action="return_value")
    except CycloptsError:
        # It has said what is wrong.
        return Exit.USAGE
    except TagoError as error:
        complain(error)
        return exit_code(error)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough; nothing is left to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    return Exit.OK if code is None else int(code)
