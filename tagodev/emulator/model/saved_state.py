"""What the profile holds, as a file: for an emulator that goes on where the last one stopped.

The file holds tokens, so only its owner may read it.
It is replaced as a whole or not at all; a link to it stays, and what is no regular file is refused.
The client's writer has the same rules (`tagodev.filesystem.atomic_write`), but the emulator may not
import it.
What the limiter has counted is not in it: it would be of another window.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from tagodev.emulator.model import object_graph

if TYPE_CHECKING:
    from tagodev.emulator.model.store import Store
    from tagodev.emulator.options import EmulatorOptions

__all__ = ["SavedState", "StateError", "from_state", "load", "save", "stamp", "to_state"]

_FORMAT: Final = 1
#: Fields of the store that come from the options of each run.
_FROM_OPTIONS: Final = frozenset({"cap"})


class StateError(ValueError):
    """A file can't be used as the state of an emulator; the message says which and why."""


@attrs.frozen
class SavedState:
    """What a file held."""

    path: Path
    token: str = attrs.field(repr=False)
    """The profile token."""
    content: Any = attrs.field(repr=False)

    def adjust(self, options: EmulatorOptions) -> EmulatorOptions:
        """Return options that have the token of the file.

        Raises:
            StateError: they have one of their own.
        """
        if options.token not in {None, self.token}:
            raise StateError(f"{self.path}: belongs to another token than the one given")
        try:
            return attrs.evolve(options, token=self.token)
        except ValueError as error:
            raise StateError(f"{self.path}: {error}") from None

    def restore(self, store: Store) -> None:
        """Make a new store hold what was saved.

        Raises:
            StateError: the file is damaged, or of another version; the store can't be used.
        """
        try:
            from_state(store, self.content)
        except StateError as error:
            raise StateError(f"{self.path}: {error}") from None


def load(path: Path) -> SavedState | None:
    """Read a file; None if there is none yet, but there may be one.

    Args:
        path: of the file.

    Raises:
        StateError: it can't be read, could not be written at the end, or is none of `save`'s.
    """
    target = Path(os.path.realpath(path))
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise StateError(f"{path}: no file can be made in its folder")
    try:
        # Reading a pipe would wait for its writer.
        if target.exists() and not target.is_file():
            raise StateError(f"{path}: is not a regular file")
        saved = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}") from None
    except orjson.JSONDecodeError:
        raise StateError(f"{path}: not the state of an emulator, or cut off") from None
    match saved:
        case {"format": int(number)} if number != _FORMAT:
            raise StateError(f"{path}: has format {number}, this version reads {_FORMAT}")
        case {"format": int(), "token": str(token), "store": content}:
            return SavedState(path, token, content)
    raise StateError(f"{path}: not the state of an emulator")


def save(path: Path, token: str, store: Store) -> None:
    """Write a file that only its owner may read, in place of one that is there.

    Args:
        path: of the file.
        token: the profile token.
        store: what the profile holds.

    Raises:
        OSError: it can't be written; what was there still is.
    """
    data = orjson.dumps({"format": _FORMAT, "token": token, "store": to_state(store)})
    # A link stays: the file that it leads to is replaced.
    path = Path(os.path.realpath(path))
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".tagodev-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def stamp(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from one that was written later; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def to_state(store: Store) -> Any:
    """Return what a store holds, as values that JSON has a form for."""
    return object_graph.write(store, _FROM_OPTIONS)


def from_state(store: Store, content: Any) -> None:
    """Make a store hold what `to_state` returned.

    Args:
        store: a new one.
        content: what `to_state` returned.

    Raises:
        StateError: it is something else; the store can't be used.
    """
    try:
        saved = vars(object_graph.read(content))
        for name, new in vars(store).items():
            if name not in _FROM_OPTIONS:
                _check_shape(saved[name], new)
                setattr(store, name, saved[name])
    except (AttributeError, KeyError, TypeError, ValueError):
        # What exactly is wrong might quote a token.
        raise StateError("damaged, or written by another version") from None


def _check_shape(saved: object, new: object) -> None:
    """Make sure that a field is of the kind it should be.

    Raises:
        TypeError: it is not.
    """
    if type(saved) is not type(new):
        raise TypeError
    # A plain object has no list of fields that reading could have gone by.
    if getattr(saved, "__dict__", {}).keys() != getattr(new, "__dict__", {}).keys():
        raise TypeError
