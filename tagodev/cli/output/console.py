"""Console output: data goes to standard output, messages and progress to standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import orjson

from tagodev.cli.output.streams import in_utf8
from tagodev.errors import InputError

if TYPE_CHECKING:
    from tagodev.errors import TagoError

__all__ = ["clocks_apart", "complain", "in_options", "print_json", "print_line", "say"]

#: Arguments that the library's errors name, and the options that they are in the command line.
_OPTIONS: Final = {
    "same_profile=True": "--same-profile",
    "incomplete=True": "--incomplete",
    "allow_gap=True": "--allow-gap",
}


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
