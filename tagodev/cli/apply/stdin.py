"""Files that lie where they are named, and what comes over a pipe.

A file of devices is read more than once: what comes over a pipe is kept until the command ends.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tagodev.cli.groups import STDIN
from tagodev.errors import InputError
from tagodev.provision.read.devices import InvalidFileError
from tagodev.provision.write.document import read_head

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["at_hand", "came_over_pipe"]

#: What standard input is called in messages.
_SHOWN: Final = "stdin"
#: How the names of folders begin that keep what came over a pipe.
_PREFIX: Final = "tagodev-"


@contextlib.contextmanager
def at_hand(file: Path, manager: str | None) -> Iterator[Path]:
    """Give a path at which a file can be read as often as needed.

    Args:
        file: a file, or a pipe.
        manager: the name that was given for what the file stands for.

    Raises:
        InputError: a pipe holds a list of devices, and nobody has said what it is called.
    """
    shown = _SHOWN if str(file) == STDIN else str(file)
    if shown != _SHOWN and (file.is_file() or file.is_dir() or not file.exists()):
        yield file
        return
    # The folder is for its owner's eyes only.
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
        kept = Path(folder) / _SHOWN
        _keep(file, kept)
        try:
            if manager is None and read_head(kept) is None:
                raise InputError("must be given: what comes over a pipe has none", path="--name")
            yield kept
        except InputError as error:
            problems = error.problems if isinstance(error, InvalidFileError) else ()
            for one in (error, *problems):
                if one.source == str(kept):
                    one.source = shown
            raise


def came_over_pipe(path: Path) -> bool:
    """Return whether a path that `at_hand` gave is that of a copy.

    Args:
        path: of a file of devices.
    """
    folder = path.parent
    temporary = folder.name.startswith(_PREFIX) and folder.parent == Path(tempfile.gettempdir())
    return temporary and path.name == _SHOWN


def _keep(pipe: Path, kept: Path) -> None:
    with kept.open("wb") as copy:
        if str(pipe) == STDIN:
            shutil.copyfileobj(sys.stdin.buffer, copy)
            return
        try:
            with pipe.open("rb") as given:
                shutil.copyfileobj(given, copy)
        except OSError as error:
            raise InputError(f"can't be read: {error.strerror}", source=str(pipe)) from None
