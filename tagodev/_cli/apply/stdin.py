"""Access to an input file or pipe.

A file of devices is read more than once, so input from a pipe is copied to a temporary file.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tagodev._cli.aliases import STDIN
from tagodev.errors import InputError
from tagodev.provision._read.devices import InvalidFileError
from tagodev.provision._write.document import read_head

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["is_pipe_copy", "readable_path"]

#: The name of standard input in messages.
_STDIN_NAME: Final = "stdin"
#: Prefix of temporary folders.
_PREFIX: Final = "tagodev-"


@contextlib.contextmanager
def readable_path(file: Path, manager: str | None) -> Iterator[Path]:
    """Yield a path that can be read more than once.

    Args:
        file: a file or a pipe; ``-`` is standard input.
        manager: the value of ``--name``.

    Raises:
        InputError: a pipe holds a list of devices, and there is no name for it.
    """
    shown = _STDIN_NAME if str(file) == STDIN else str(file)
    if shown != _STDIN_NAME and (file.is_file() or file.is_dir() or not file.exists()):
        yield file
        return
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
        copy = Path(folder) / _STDIN_NAME
        _copy(file, copy)
        try:
            if manager is None and read_head(copy) is None:
                raise InputError("is required for input from a pipe", path="--name")
            yield copy
        except InputError as error:
            problems = error.problems if isinstance(error, InvalidFileError) else ()
            for problem in (error, *problems):
                if problem.source == str(copy):
                    problem.source = shown
            raise


def is_pipe_copy(path: Path) -> bool:
    """Return whether a path is a copy made by `readable_path`."""
    folder = path.parent
    temporary = folder.name.startswith(_PREFIX) and folder.parent == Path(tempfile.gettempdir())
    return temporary and path.name == _STDIN_NAME


def _copy(pipe: Path, path: Path) -> None:
    with path.open("wb") as copy:
        if str(pipe) == STDIN:
            shutil.copyfileobj(sys.stdin.buffer, copy)
            return
        try:
            with pipe.open("rb") as source:
                shutil.copyfileobj(source, copy)
        except OSError as error:
            raise InputError(f"can't be read: {error.strerror}", source=str(pipe)) from None
