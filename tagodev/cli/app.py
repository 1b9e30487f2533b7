"""The commands and their exit codes.

Commands are named here and imported when they are called, so that ``--help`` answers at once.
"""

from __future__ import annotations

import sys
from typing import Final

from cyclopts import App, CycloptsError, Parameter

from tagodev import __version__
from tagodev.cli.exit_codes import Exit, exit_code
from tagodev.cli.groups import as_grouped, register_aliases, register_groups
from tagodev.cli.output.console import complain
from tagodev.cli.output.streams import steady_streams
from tagodev.errors import TagoError

__all__ = ["app", "run"]

_EXIT_CODES: Final = """\
Exit codes: 0 done, 1 anything else, 2 usage or a file with problems (nothing was sent),
3 configuration, 4 the service or the way to it, 5 the token, 6 some rows failed or are in doubt,
7 the plan holds no more devices, 130 interrupted.

Environment: TAGOIO_TOKEN, TAGOIO_API, TAGODEV_PROFILE, TAGODEV_CONFIG, TAGODEV_PLAN, NO_COLOR.
"""
_APPLY: Final = """\
Make a profile what a file says: create, change and, with --prune, delete devices.

The plan is made and shown first, and carried out once you have typed yes, or with --yes. FILE is a
list of devices, an export, a plan that was kept (which is refused if it would come out differently
by now: exit code 1), or the snapshot of an earlier apply, which puts things back. Applying the same
file again does nothing; after an apply that was interrupted it looks up what was sent, and plans
the rest anew. A dash stands for standard input, which needs a --name.

--prune deletes only devices of this list's manager (tag tagodev_managed), which is --name or one
that belongs to this file alone; at most 10% of them unless --max-delete allows more, and none that
a tag _delete_protection_ protects.
"""
_APPLY_EXAMPLES: Final = """\
Example: tagodev apply site.csv

Without questions, from a plan that somebody has looked at:
tagodev plan site.csv --out plan.json; tagodev apply plan.json --yes
"""
_BULK: Final = "Create, change or delete many devices from a file."
_COMPLETION: Final = """\
Have the shell complete commands and options of tagodev.

Do it again after an update.
"""
_DEMO: Final = """\
Show it: thousands of devices made and deleted on an emulated service.

The service runs on this machine, in a process of its own, with the plan's limits: nothing leaves
the machine, and no account is needed. Its minute is shortened, so that you need not wait.
"""
_DOCTOR: Final = """\
Look whether everything is in order, and say what to do where it is not.

It tells the address and the way there, what the token is, the plan, how many devices fit, the
service's clock, the environment and the versions. Nothing is changed; no token is shown.
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

_PLAN: Final = """\
Show what would make a profile what a file says; nothing is changed.

FILE is what tagodev apply takes, or - for standard input. It is shown what would be created,
changed value by value and, with --prune, deleted, how many requests that takes of which route, how
long, and whether the devices fit. Exit code 0 if there is nothing to do, 10 if there is, 6 if there
is only what can't be done.
"""
_PLAN_EXAMPLES: Final = """\
Example: tagodev plan site.csv --by tag:serial --prune

To look at it as JSON, or to keep it and carry out exactly this later:
tagodev plan site.csv --json; tagodev plan site.csv --out plan.json
"""
_EXPORT: Final = """\
Write the devices of a profile to a file that tagodev apply takes.

Devices with their tags and configuration parameters, but without those tags that tagodev has
written itself: applying the file to the same profile changes nothing, and to an empty one makes
the same devices, with ids and tokens of their own.
"""
_EXPORT_EXAMPLES: Final = """\
Example: tagodev export --out site.csv --tag site=dairy

Everything, serial numbers and tokens too: tagodev export --out profile.json --tokens
"""
_LIMITS: Final = """\
Print how many requests a minute each route takes, by plan.

With a token the service is asked for the time and for one device, and its clock is told too.
"""


def _shown_default(value: object) -> str | None:
    """Return a default as help shows it; what is off unless it is given goes without saying."""
    return None if value is None or value is False else str(value)


app: Final = App(
    name="tagodev",
    help="Provision TagoIO devices within the service's own rate limits.",
    help_epilogue=_EXIT_CODES,
    version=__version__,
    default_parameter=Parameter(show_default=_shown_default),
)
app.command(
    "tagodev.cli.apply.command:apply", name="apply", help=_APPLY, help_epilogue=_APPLY_EXAMPLES
)
app.command("tagodev.cli.bulk.app:app", name="bulk", help=_BULK)
app.command(
    "tagodev.cli.commands.demo:demo",
    name="demo",
    help=_DEMO,
    help_epilogue="Example: tagodev demo --devices 6000 --plan scale --minute 10",
)
app.command(
    "tagodev.cli.doctor.command:doctor",
    name="doctor",
    help=_DOCTOR,
    help_epilogue="Example: tagodev doctor --region eu-w1",
)
app.command(
    "tagodev.cli.commands.emulator:emulator",
    name="emulator",
    help=_EMULATOR,
    help_epilogue=_EMULATOR_EXAMPLES,
)
app.command(
    "tagodev.cli.commands.export:export",
    name="export",
    help=_EXPORT,
    help_epilogue=_EXPORT_EXAMPLES,
)
app.command(
    "tagodev.cli.commands.limits:limits",
    name="limits",
    help=_LIMITS,
    help_epilogue="Example: tagodev limits --plan scale",
)
app.command("tagodev.cli.commands.plan:plan", name="plan", help=_PLAN, help_epilogue=_PLAN_EXAMPLES)
app.command(
    "tagodev.cli.commands.completion:install_completion",
    name="--install-completion",
    help=_COMPLETION,
    help_epilogue="Example: tagodev --install-completion --shell bash",
)
register_groups(app)
register_aliases(app)


def run() -> int:
    """Run the command that the arguments name and return its exit code."""
    with steady_streams():
        return _run()


def _run() -> int:
    try:
        arguments = as_grouped(sys.argv[1:])
        code = app(arguments, exit_on_error=False, result_action="return_value")
    except CycloptsError:
        # It has said what is wrong.
        return Exit.USAGE
    except TagoError as error:
        complain(error)
        return exit_code(error)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return Exit.OK if code is None else int(code)
