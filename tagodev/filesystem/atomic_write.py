"""Writing files: as a whole or not at all, through links, and never over what is no regular file.

A whole file is written beside its target and renamed over it, so no reader finds half of it.
A symbolic link is followed: its target is replaced, and the link stays.
A pipe, a device, a socket or a folder is refused.

The emulator imports nothing of the client and keeps a writer of its own, with the same rules
(`tagodev.emulator.model.saved_state`).
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

__all__ = ["check_out", "create_private", "target_of", "whole_file", "whole_text", "write_file"]

_PRIVATE = 0o600


def target_of(path: Path) -> Path:
    """Return the file that a path stands for: links are followed, also to a file not there yet.

    Args:
        path: where something is to be written.

    Raises:
        OSError: the path can't be followed, as in a loop of links.
        InputError: it leads to something that is no regular file.
    """
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target
    if not stat.S_ISREG(mode):
        raise _not_regular(path)
    return target


def check_out(path: Path, option: str = "--out") -> None:
    """Make sure that a file can be written, before anything is sent.

    Args:
        path: where.
        option: the option that names it.

    Raises:
        InputError: it leads to something that is no regular file, or to a folder that is missing
            or can't be written to.
    """
    try:
        target = target_of(path)
    except InputError as error:
        raise InputError(f"{path} {error.message}", path=option, hint=error.hint) from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", path=option) from None
    folder = target.parent
    # Through a link the folder is another one than the path shows.
    shown = f"{path}" if target == path else f"{path} (a link to {target})"
    if not folder.is_dir():
        raise InputError(f"{shown}: there is no such folder", path=option)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{shown}: nothing can be written in this folder", path=option)


def write_file(path: Path, pieces: Iterable[bytes], *, private: bool = True) -> None:
    """Write a file as a whole or not at all.

    Args:
        path: where; what was there is replaced.
        pieces: the content.
        private: whether only its owner may read it.

    Raises:
        InputError: it can't be written.
    """
    try:
        with whole_file(path, private=private) as file:
            file.writelines(pieces)
    except OSError as error:
        raise InputError(error.strerror or str(error), source=str(path)) from None


@contextmanager
def whole_file(path: Path, *, private: bool = True) -> Iterator[IO[bytes]]:
    """Give a file to write to, which replaces what is at its path once the block has ended.

    Args:
        path: where.
        private: whether only its owner may read it, also where others could read what it
            replaces. A file that is not private keeps the mode of what it replaces.

    Raises:
        InputError: the path leads to something that is no regular file.
        OSError: the disk does not take it; what was there still is.
    """
    target = target_of(path)
    # A name of its own, and a short one: the target's may be as long as the file system allows.
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
    """Give a private text file to write to, as `whole_file` does; line ends stay as written.

    Args:
        path: where.

    Raises:
        InputError: the path leads to something that is no regular file.
        OSError: the disk does not take it; what was there still is.
    """
    with whole_file(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        yield text
        text.flush()
        text.detach()


def create_private(path: Path) -> int:
    """Create a file that only its owner may read, and return its descriptor, open for writing.

    It is for what is written line by line while a run goes on. A link is followed where there is
    no file at its end yet.

    Args:
        path: where.

    Raises:
        InputError: the path leads to something that is no regular file.
        OSError: there is a file already, or the disk does not take it.
    """
    return os.open(target_of(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)


def _keep_mode(target: Path, draft: Path) -> None:
    """Give the draft the mode of the file that it is to replace, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        draft.chmod(stat.S_IMODE(target.stat().st_mode))


def _not_regular(path: Path) -> InputError:
    return InputError("is not a regular file", source=str(path), hint="Name another file")
