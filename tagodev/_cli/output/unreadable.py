"""Messages on what could not be read of the service's answers.

A command prints the first few as they occur, and the number of the others at its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tagodev._cli.output.console import print_message
from tagodev._cli.output.text import clean
from tagodev.events import UnreadableItem, UnreadableValue

if TYPE_CHECKING:
    from tagodev.events import Event

__all__ = ["print_unreadable", "print_unreadable_rest"]

_SHOWN: Final = 3
#: Maximum number that is counted.
_COUNTED: Final = 10_000
#: Items and fields of the running command; a page may be read twice.
_seen: Final[set[tuple[str, str]]] = set()


def print_unreadable(event: Event) -> None:
    """Print an event of an unreadable value or item, unless there were enough; ignore others."""
    if not isinstance(event, (UnreadableItem, UnreadableValue)):
        return
    key = event.item, event.field
    if key in _seen or len(_seen) >= _COUNTED:
        return
    _seen.add(key)
    if len(_seen) <= _SHOWN:
        print_message(f"tagodev: {clean(str(event))}")


def print_unreadable_rest() -> None:
    """Print how many more there were, and forget them."""
    more = len(_seen) - _SHOWN
    if more > 0:
        number = f"{more:,}" if len(_seen) < _COUNTED else f"at least {more:,}"
        print_message(f"tagodev: {number} more values or items of the service can't be read")
    _seen.clear()
