"""The root of the command line: registers every command by import path and runs one.

A command's module is imported only when the command runs, so that ``--help`` is fast.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from cyclopts import App, CycloptsError, Parameter

from tagodev import __version__
from tagodev.cli.exit_codes import Exit, exit_code
from tagodev.cli.groups import as_grouped, register_aliases, register_groups
from tagodev.cli.output.console import print_error
from tagodev.cli.output.streams import safe_streams
from tagodev.errors import TagoError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["app", "run"]

_EXIT_CODES: Final = """\
Exit codes: 0 success, 1 other errors, 2 usage error or invalid file (nothing was sent),
3 configuration, 4 service or network, 5 token, 6 some rows failed or are in doubt,
7 the rate plan's device limit is reached, 130 interrupted.

Environment: TAGOIO_TOKEN, TAGOIO_API, TAGODEV_PROFILE, TAGODEV_CONFIG, TAGODEV_PLAN, NO_COLOR.
"""
_APPLY: Final = """\
Create, edit and delete devices to match FILE.

Shows the plan first and runs it after you type yes, or at once with --yes. FILE is a list of
devices, an export, a saved plan (refused with exit code 1 if the profile has changed since), or the
snapshot of an earlier apply, to undo it. Applying the same file again changes nothing. After an
interrupted apply, the requests already sent are looked up and the rest is planned again. Use - as
FILE to read standard input; this requires --name.

--prune deletes only devices of this list's manager (tag tagodev_managed): --name, or a manager that
belongs to this file. It deletes at most 10% of them unless --max-delete allows more, and never a
device with the tag _delete_protection_.
"""
_APPLY_EXAMPLES: Final = """\
Example: tagodev apply site.csv

Without a prompt, from a reviewed plan:
tagodev plan site.csv --out plan.json; tagodev apply plan.json --yes
"""
_BULK: Final = "Create, edit or delete many devices from a file."
_COMPLETION: Final = """\
Install shell completion for tagodev.

Run it again after an update.
"""
_DEMO: Final = """\
Create and delete thousands of devices on an emulator.

The emulator runs on this machine, in its own process, with the plan's limits: nothing is sent to
TagoIO and no account is needed. Its minute is shortened to save time.
"""
_DOCTOR: Final = """\
Check configuration, network, token and limits.

Reports the address and the connection, the kind of token, the rate plan, how many more devices the
profile can hold, the service's clock, the environment and the versions, and what to do about each
problem. Changes nothing and shows no token.
"""
_EMULATOR: Final = """\
Run an emulator of the device API, with its limits.

Prints its address and two lines to paste into another terminal, where tagodev or any other TagoIO
client then uses the emulator. Runs until Ctrl-C.
"""
_EMULATOR_EXAMPLES: Final = """\
Example: tagodev emulator --plan starter --minute 6 --max-devices 2000

With devices saved in a file, and one request in twenty lost:
tagodev emulator --devices 500 --state site.json --fault reset-before=0.05
"""

_PLAN: Final = """\
Show what apply would change to match FILE.

Changes nothing. FILE is any file that tagodev apply accepts, or - for standard input. Shows the
devices to create, each value to change and, with --prune, the devices to delete; the requests
needed by route, the time they take, and whether the devices fit the rate plan. Exit code 0 if there
are no changes, 10 if there are, 6 if all that remains is changes that can't be made.
"""
_PLAN_EXAMPLES: Final = """\
Example: tagodev plan site.csv --by tag:serial --prune

As JSON, or saved to apply exactly this plan later:
tagodev plan site.csv --json; tagodev plan site.csv --out plan.json
"""
_EXPORT: Final = """\
Write a profile's devices to a file for tagodev apply.

Writes devices with their tags and configuration parameters, without the tags that tagodev itself
sets. Applying the file to the same profile changes nothing; applying it to an empty profile creates
the same devices with new ids and tokens.
"""
_EXPORT_EXAMPLES: Final = """\
Example: tagodev export --out site.csv --tag site=dairy

With serial numbers and tokens: tagodev export --out profile.json --tokens
"""
_LIMITS: Final = """\
Print each route's requests per minute, by rate plan.

With a token, it also lists one device to compare the service's clock with this machine's.
"""


def _shown_default(value: object) -> str | None:
    """Return a default as help shows it; None for an unset option and a flag that is off."""
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
    with safe_streams():
        return _run()


def _run() -> int:
    try:
        arguments = as_grouped(sys.argv[1:])
        _use_docstring(arguments)
        code = app(arguments, exit_on_error=False, result_action="return_value")
    except CycloptsError:
        # Cyclopts has already printed the error.
        return Exit.USAGE
    except TagoError as error:
        print_error(error)
        return exit_code(error)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return Exit.OK if code is None else int(code)


def _use_docstring(arguments: Sequence[str]) -> None:
    """Let the help of a group's command be its docstring; its summary is for lists of commands."""
    if len(arguments) > 1 and arguments[0] in app and arguments[1] in app[arguments[0]]:
        app[arguments[0]][arguments[1]].help = None
