"""The root of the command line: registers every command by import path and runs one.

A command's module is imported only when the command runs, so that ``--help`` is fast.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from cyclopts import App, CycloptsError, Parameter

from tagodev import __version__
from tagodev._cli.aliases import as_grouped, register_aliases
from tagodev._cli.exit_codes import Exit, exit_code
from tagodev._cli.output.console import print_error
from tagodev._cli.output.streams import safe_streams
from tagodev._cli.output.unreadable import print_unreadable_rest
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
#: Name, import path of the app, and summary for the list of commands. The help of a group is its
#: summary, and that of a command is the docstring of its function.
_COMMANDS: Final = (
    ("apply", "apply.command:app", "Create, edit and delete devices to match FILE."),
    ("bulk", "bulk.app:app", "Create, edit or delete many devices from a file."),
    ("config", "commands.config:app", "Save tokens in named profiles, and show which is used."),
    (
        "connector",
        "commands.networks:connector_app",
        "List, show, create, edit and delete connectors.",
    ),
    ("data", "commands.data:app", "List, count, send, edit and delete data of devices."),
    ("demo", "commands.demo:app", "Create and delete thousands of devices on an emulator."),
    ("device", "commands.devices:app", "List, show, create, edit and delete devices."),
    ("doctor", "doctor.command:app", "Check configuration, network, token and limits."),
    ("emulator", "commands.emulator:app", "Run an emulator of the device API, with its limits."),
    ("export", "commands.export:app", "Write a profile's devices to a file for tagodev apply."),
    ("limits", "commands.limits:app", "Print each route's requests per minute, by rate plan."),
    ("network", "commands.networks:network_app", "List, show, create, edit and delete networks."),
    ("param", "commands.params:app", "List, set and delete configuration parameters."),
    ("plan", "commands.plan:app", "Show what apply would change to match FILE."),
    ("profile", "commands.profile:app", "List the profiles of your account on the service."),
    (
        "service-token",
        "commands.access_tokens:service_token_app",
        "List, create and delete service authorizations.",
    ),
    ("token", "commands.tokens:app", "List, create, delete and rotate device tokens."),
    (
        "--install-completion",
        "commands.completion:app",
        "Install shell completion for tagodev.",
    ),
)


def _shown_default(value: object) -> str | None:
    """Return a default as help shows it; None for an unset option and a flag that is off."""
    return None if value is None or value is False else str(value)


app: Final = App(
    name="tagodev",
    help="Provision TagoIO devices within the service's own rate limits.",
    help_epilogue=_EXIT_CODES,
    version=__version__,
    # An option has no negative form unless it names one.
    default_parameter=Parameter(show_default=_shown_default, negative=""),
)
for _name, _path, _summary in _COMMANDS:
    app.command(f"tagodev._cli.{_path}", name=_name, help=_summary)
register_aliases(app)


def run() -> int:
    """Run the command that the arguments name and return its exit code."""
    with safe_streams():
        try:
            return _run()
        finally:
            print_unreadable_rest()


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
    """Let the help of a command be its docstring; its summary is for the list of commands."""
    command = app
    for name in arguments:
        if name.startswith("-") or name not in command:
            break
        command = command[name]
    if command.default_command is not None and command is not app:
        command.help = None
