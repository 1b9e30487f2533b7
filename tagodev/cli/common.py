"""What all commands share: exit codes, and where text goes.

Data goes to standard output, everything said to a person while it happens to standard error.
"""

from __future__ import annotations

import enum
import sys
from typing import Any, Final

import orjson

from tagodev.cli.streams import in_utf8
from tagodev.errors import (
    AuthenticationError,
    ConfigurationError,
    InputError,
    PermissionDeniedError,
    RequestError,
    ResourceLimitError,
    TagoError,
)

__all__ = [
    "Exit",
    "clocks_apart",
    "complain",
    "exit_code",
    "in_options",
    "print_json",
    "print_line",
    "say",
]


#: Arguments that the library's errors name, and the options that they are in the command line.
_OPTIONS: Final = {
    "same_profile=True": "--same-profile",
    "incomplete=True": "--incomplete",
    "allow_gap=True": "--allow-gap",
}


class Exit(enum.IntEnum):
    """What the exit code says."""

    OK = 0
    GENERAL = 1
    USAGE = 2
    CONFIGURATION = 3
    SERVICE = 4
    AUTHORIZATION = 5
    PARTIAL = 6
    RESOURCE = 7
    INTERRUPTED = 130


def exit_code(error: TagoError) -> Exit:
    """Return the exit code that an error leads to when it ends the command."""
    match error:
        case InputError():
            return Exit.USAGE
        case ConfigurationError():
            return Exit.CONFIGURATION
        case AuthenticationError() | PermissionDeniedError():
            return Exit.AUTHORIZATION
        case ResourceLimitError():
            return Exit.RESOURCE
        case RequestError():
            return Exit.SERVICE
    return Exit.GENERAL


def say(text: str) -> None:
    """Tell a person something, now."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def in_options(text: str) -> str:
    """Return a text of the library in the words of the command line: options, not arguments."""
    for argument, option in _OPTIONS.items():
        text = text.replace(f"pass {argument}", f"re-run with {option}")
        text = text.replace(f"Pass {argument}", f"Re-run with {option}")
    return text


def complain(error: TagoError) -> None:
    """Say why the command ends; a file's problems stand one a line, ready for an editor."""
    text = in_options(str(error))
    say(text if isinstance(error, InputError) and error.source else f"tagodev: {text}")


def print_line(text: str) -> None:
    """Write a line of what was asked for."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def print_json(value: dict[str, Any]) -> None:
    """Write one JSON object, on one line, in UTF-8."""
    in_utf8()
    print_line(orjson.dumps(value).decode())


def clocks_apart(ahead: float, uncertainty: float) -> str:
    """Return how the service's clock stands to this machine's: ``37.00 s behind ...``.

    Args:
        ahead: seconds by which it is ahead; below 0 where it is behind.
        uncertainty: seconds by which it may be more or less.
    """
    where = "ahead of" if ahead >= 0 else "behind"
    return f"{abs(ahead):.2f} s {where} this machine's (± {uncertainty:.2f} s)"
