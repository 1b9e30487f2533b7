"""Console output: data goes to standard output, messages and progress to standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import orjson

from tagodev._cli.output.streams import use_utf8
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagodev.errors import TagoError

__all__ = [
    "clock_difference",
    "in_command_line_terms",
    "print_error",
    "print_first",
    "print_json",
    "print_line",
    "print_message",
    "print_result",
]

#: Arguments in messages of the library, and the options of the command line for them.
_OPTIONS: Final = {
    "same_profile=True": "--same-profile",
    "incomplete=True": "--incomplete",
    "allow_gap=True": "--allow-gap",
}


def print_message(text: str) -> None:
    """Print a message to standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def in_command_line_terms(text: str) -> str:
    """Return a message of the library with command line options in place of arguments."""
    for argument, option in _OPTIONS.items():
        text = text.replace(f"pass {argument}", f"re-run with {option}")
        text = text.replace(f"Pass {argument}", f"Re-run with {option}")
    return text


def print_first(lines: Sequence[str], most: int, rest: str = "") -> None:
    """Print the first messages of a list, and how many follow.

    Args:
        lines: the messages.
        most: how many to print.
        rest: what the others are: ``in the results``.
    """
    for line in lines[:most]:
        print_message(line)
    if len(lines) > most:
        print_message(f"... and {len(lines) - most} more {rest}".rstrip())


def print_error(error: TagoError) -> None:
    """Print an error; problems of a file are printed one per line as FILE:LINE."""
    text = in_command_line_terms(str(error))
    print_message(text if isinstance(error, InputError) and error.source else f"tagodev: {text}")


def print_line(text: str) -> None:
    """Print a line to standard output."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def print_json(value: Any) -> None:
    """Print a value as JSON on one line in UTF-8."""
    use_utf8()
    print_line(orjson.dumps(value, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS).decode())


def print_result(verb: str, result: Any, *, json: bool) -> None:
    """Print what a command did: ``deleted 3``, or ``{"deleted": 3}``.

    Args:
        verb: the past participle.
        result: a number or a text.
        json: whether to print JSON.
    """
    if json:
        print_json({verb: result})
    else:
        print_line(f"{verb} {result}")


def clock_difference(ahead: float, uncertainty: float) -> str:
    """Return the difference of the clocks as text: ``37.00 s behind this machine's ...``.

    Args:
        ahead: seconds by which the service's clock is ahead; negative if it is behind.
        uncertainty: the uncertainty in seconds.
    """
    relation = "ahead of" if ahead >= 0 else "behind"
    return f"{abs(ahead):.2f} s {relation} this machine's (± {uncertainty:.2f} s)"
