"""What may be at the path of an output file: files, links, and things that are no files."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KINDS", "Target", "make_target"]

KINDS: Final = (
    "missing",
    "regular",
    "link",
    "dangling",
    "fifo",
    "link to fifo",
    "folder",
    "link to folder",
    "socket",
)


@attrs.frozen(kw_only=True)
class Target:
    """An output path, and what is there."""

    kind: str
    """One of `KINDS`."""
    path: Path
    """The path to write to."""
    file: Path
    """What it leads to: where the file is, or is to be."""
    inode: int | None
    """Of what is at the path itself, if something is."""

    @property
    def refused(self) -> bool:
        """Whether nothing may be written there."""
        return self.kind not in ("missing", "regular", "link", "dangling")

    @property
    def exists(self) -> bool:
        """Whether there is a file already."""
        return self.kind in ("regular", "link")

    def check_kept(self) -> None:
        """Check that links are still links, and that what is no file is still what it was."""
        if self.inode is not None and self.kind != "regular":
            assert self.inode == self.path.lstat().st_ino, self.kind
        if self.kind in ("link", "dangling"):
            assert self.path.is_symlink()


def make_target(folder: Path, kind: str, name: str = "target", content: bytes = b"old") -> Target:
    """Make an output path of some kind.

    Args:
        folder: where.
        kind: one of `KINDS`.
        name: the path's name.
        content: of the file, where there is one.
    """
    path = folder / name
    real = folder / "real" / name
    real.parent.mkdir(exist_ok=True)
    linked = kind in ("link", "dangling", "link to fifo", "link to folder")
    file = real if linked else path
    if linked:
        path.symlink_to(real)
    match kind:
        case "regular" | "link":
            file.write_bytes(content)
        case "fifo" | "link to fifo":
            os.mkfifo(file)
        case "folder" | "link to folder":
            file.mkdir()
        case "socket":
            _bind(file)
    inode = path.lstat().st_ino if os.path.lexists(path) else None
    return Target(kind=kind, path=path, file=file, inode=inode)


def _bind(path: Path) -> None:
    # The address of a socket is short: it is bound in its folder. What it leaves is a socket.
    before = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.chdir(path.parent)
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.fchdir(before)
        os.close(before)
