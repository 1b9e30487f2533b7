"""State file: the profile's contents, for the next run of an emulator.

The file contains tokens, so only its owner may read it.
It is replaced as a whole or not at all; a link to it stays, and anything but a regular file is
refused.
The client's writer has the same rules (`tagodev._filesystem.atomic_write`), but the emulator may
not import it.
The limiter's counts are not included, since their windows have passed by then.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from tagodev.emulator._model import object_graph

if TYPE_CHECKING:
    from tagodev.emulator._model.store import Store
    from tagodev.emulator._options import EmulatorOptions

__all__ = ["SavedState", "StateError", "from_state", "load", "save", "stamp", "to_state"]

_FORMAT: Final = 1
#: Fields of the store that are not saved: options of each run, and an index.
_NOT_SAVED: Final = frozenset({"cap", "serials_repeat", "serials"})


class StateError(ValueError):
    """A file can't be used as the state of an emulator; the message names file and reason."""


@attrs.frozen
class SavedState:
    """Contents of a state file."""

    path: Path
    token: str = attrs.field(repr=False)
    """The profile token."""
    content: Any = attrs.field(repr=False)

    def adjust(self, options: EmulatorOptions) -> EmulatorOptions:
        """Return options with the token of the file.

        Raises:
            StateError: they have a different token.
        """
        if options.token not in {None, self.token}:
            raise StateError(f"{self.path}: belongs to another token than the one given")
        try:
            return attrs.evolve(options, token=self.token)
        except ValueError as error:
            raise StateError(f"{self.path}: {error}") from None

    def restore(self, store: Store) -> None:
        """Load the contents into a new store.

        Raises:
            StateError: the file is damaged, or of another version; the store can't be used.
        """
        try:
            from_state(store, self.content)
        except StateError as error:
            raise StateError(f"{self.path}: {error}") from None


def load(path: Path) -> SavedState | None:
    """Read a file; return None if it does not exist and can be created.

    Args:
        path: the file.

    Raises:
        StateError: it can't be read or written, or is not a state file.
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
    """Write or replace the file, readable by its owner only.

    Args:
        path: the file.
        token: the profile token.
        store: the profile's contents.

    Raises:
        OSError: it can't be written; an existing file is unchanged.
    """
    data = orjson.dumps({"format": _FORMAT, "token": token, "store": to_state(store)})
    # A link stays: its target is replaced.
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
    """Return a file's identity and time, which change when it is written; None if it is missing."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def to_state(store: Store) -> Any:
    """Return a store's contents as JSON values."""
    return object_graph.write(store, _NOT_SAVED)


def from_state(store: Store, content: Any) -> None:
    """Load the result of `to_state` into a store.

    Args:
        store: a new store.
        content: the result of `to_state`.

    Raises:
        StateError: the content is invalid; the store can't be used.
    """
    try:
        saved = vars(object_graph.read(content))
        for name, new in vars(store).items():
            if name not in _NOT_SAVED:
                _check_shape(saved[name], new)
                setattr(store, name, saved[name])
        store.index_serials()
    except (AttributeError, KeyError, TypeError, ValueError):
        # The details might contain a token.
        raise StateError("damaged, or written by another version") from None


def _check_shape(saved: object, new: object) -> None:
    """Check the type of a field.

    Raises:
        TypeError: it is wrong.
    """
    if type(saved) is not type(new):
        raise TypeError
    # A plain class has no list of fields for `read` to check.
    if getattr(saved, "__dict__", {}).keys() != getattr(new, "__dict__", {}).keys():
        raise TypeError
