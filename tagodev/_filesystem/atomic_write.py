"""Atomic writes of files.

A file is written to a temporary file in the same folder, which then replaces the target.
Symbolic links are followed: the target is replaced and the link is kept.
Pipes, devices, sockets and folders are refused.

The emulator must not import the client and has its own writer with the same rules
(`tagodev.emulator._model.saved_state`).
"""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "check_new",
    "check_out",
    "create_private",
    "existing_file",
    "target_of",
    "unused_path",
    "whole_file",
    "whole_text",
    "write_file",
]

_PRIVATE = 0o600


def target_of(path: Path) -> Path:
    """Return the file that a path refers to; links are followed, also to a missing file.

    Args:
        path: the path.

    Raises:
        OSError: the path can't be resolved, for example a loop of links.
        InputError: it is not a regular file.
    """
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target
    if not stat.S_ISREG(mode):
        raise InputError("is not a regular file", source=str(path), hint="Use another path")
    return target


def check_out(path: Path, option: str = "--out") -> None:
    """Check that a file can be written, before anything is sent.

    Args:
        path: path of the file.
        option: its command-line option, for the message.

    Raises:
        InputError: it is not a regular file, or its folder is missing or not writable.
    """
    try:
        target = target_of(path)
    except InputError as error:
        raise InputError(f"{path} {error.message}", path=option, hint=error.hint) from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", path=option) from None
    folder = target.parent
    # The target of a link may be in another folder.
    shown = f"{path}" if target == path else f"{path} (a link to {target})"
    if not folder.is_dir():
        raise InputError(f"{shown}: the folder does not exist", path=option)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{shown}: the folder is not writable", path=option)


def check_new(path: Path, option: str = "--out", *, why: str = "") -> None:
    """Check that a file does not exist and can be created.

    Args:
        path: path of the file.
        option: its command-line option, for the message.
        why: why an existing file is not replaced.

    Raises:
        InputError: it exists, or can't be created.
    """
    check_out(path, option)
    if path.exists():
        raise existing_file(path, option, why=why)


def existing_file(path: Path, option: str = "--out", *, why: str = "") -> InputError:
    """Return the error for an existing file that is not replaced; arguments as of `check_new`."""
    return InputError(
        f"{path} already exists{why and f' and {why}'}",
        path=option,
        hint="Name another file, or move the existing one",
    )


def write_file(path: Path, pieces: Iterable[bytes], *, private: bool = True) -> None:
    """Write a file atomically.

    Args:
        path: path of the file; an existing file is replaced.
        pieces: the content.
        private: whether only its owner can read it.

    Raises:
        InputError: the file can't be written.
    """
    try:
        with whole_file(path, private=private) as file:
            file.writelines(pieces)
    except OSError as error:
        raise InputError(error.strerror or str(error), source=str(path)) from None


@contextmanager
def whole_file(path: Path, *, private: bool = True) -> Iterator[IO[bytes]]:
    """Open a file that replaces its target when the block ends.

    Args:
        path: path of the file.
        private: whether only its owner can read it, even if the replaced file was readable by
            others. A file that is not private keeps the mode of the replaced file.

    Raises:
        InputError: the path is not a regular file.
        OSError: the file can't be written; an existing file is unchanged.
    """
    target = target_of(path)
    # A short name: the target's may have the maximum length.
    draft = target.with_name(f".tagodev-{secrets.token_hex(8)}")
    descriptor = os.open(
        draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE if private else 0o666
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            if not private:
                _keep_mode(target, draft)
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


@contextmanager
def whole_text(path: Path) -> Iterator[IO[str]]:
    """Open a private text file, as `whole_file` does; line ends are not translated.

    Args:
        path: path of the file.

    Raises:
        InputError: the path is not a regular file.
        OSError: the file can't be written; an existing file is unchanged.
    """
    with whole_file(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        yield text
        text.flush()
        text.detach()


def unused_path(stem: Path, suffix: str) -> Path:
    """Return the path of a new file, numbered if necessary.

    Args:
        stem: the path without its suffix.
        suffix: the end of the name.
    """
    numbers = ("", *(f"-{number}" for number in range(2, 1000)))
    paths = (stem.with_name(f"{stem.name}{number}{suffix}") for number in numbers)
    return next(path for path in paths if not path.exists())


def create_private(path: Path) -> int:
    """Create a file that only its owner can read, and return its descriptor for writing.

    For files that are written line by line during a run. A link to a missing file is followed.

    Args:
        path: path of the file.

    Raises:
        InputError: the path is not a regular file.
        OSError: the file exists or can't be created.
    """
    return os.open(target_of(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)


def _keep_mode(target: Path, draft: Path) -> None:
    """Copy the mode of the file to replace, if it exists, to the draft."""
    with contextlib.suppress(FileNotFoundError):
        draft.chmod(stat.S_IMODE(target.stat().st_mode))
