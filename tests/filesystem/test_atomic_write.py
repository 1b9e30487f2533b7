"""Whole files: atomic, through links, and never over what is not a regular file."""

from __future__ import annotations

import os
import socket
import stat
from typing import TYPE_CHECKING

import pytest

from tagodev import InputError
from tagodev._filesystem.atomic_write import (
    check_out,
    create_private,
    whole_file,
    whole_text,
    write_file,
)
from tests.support.targets import KINDS, make_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def mode_of(path: Path) -> int:
    """Return the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def drafts(folder: Path) -> list[str]:
    """Return the names of unfinished files."""
    return [one.name for one in folder.rglob(".tagodev-*")]


# --- what is at the path -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_at_the_path(tmp_path: Path, kind: str) -> None:
    """Regular files are replaced, links are followed, anything else is refused and stays."""
    target = make_target(tmp_path, kind)
    if target.refused:
        with pytest.raises(InputError, match="is not a regular file") as caught:
            write_file(target.path, [b"new"])
        assert str(target.path) == caught.value.source
        with pytest.raises(InputError, match=r"--out: .* is not a regular file\. Use"):
            check_out(target.path)
        with pytest.raises(InputError, match="is not a regular file"):
            create_private(target.path)
    else:
        check_out(target.path)
        write_file(target.path, [b"new"])
        assert b"new" == target.file.read_bytes()

    target.check_kept()
    assert [] == drafts(tmp_path)


def test_a_loop_of_links(tmp_path: Path) -> None:
    """Links that lead nowhere are an error with the path in it."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(InputError, match="symbolic links"):
        check_out(tmp_path / "a")
    with pytest.raises(InputError, match="symbolic links"):
        write_file(tmp_path / "a", [b"new"])

    assert (tmp_path / "a").is_symlink()


def test_a_chain_of_links(tmp_path: Path) -> None:
    """The file at the end of several links is replaced; all links stay."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_text("old")
    (tmp_path / "there" / "b").symlink_to("file")
    (tmp_path / "a").symlink_to("there/b")
    write_file(tmp_path / "a", [b"new"])

    assert (tmp_path / "a").is_symlink()
    assert (tmp_path / "there" / "b").is_symlink()
    assert "new" == (tmp_path / "there" / "file").read_text()


def test_a_link_into_a_missing_folder(tmp_path: Path) -> None:
    """The message names the link and where it leads."""
    (tmp_path / "a").symlink_to("nowhere/file")
    with pytest.raises(InputError, match=r"a \(a link to .*file\): the folder does not exist"):
        check_out(tmp_path / "a")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do anything")
def test_a_link_into_a_folder_that_takes_nothing(tmp_path: Path) -> None:
    """The message names the link and where it leads."""
    folder = tmp_path / "locked"
    folder.mkdir()
    (folder / "file").write_text("old")
    (tmp_path / "a").symlink_to("locked/file")
    folder.chmod(0o500)
    try:
        with pytest.raises(InputError, match=r"a \(a link to .*: nothing can be written in this"):
            check_out(tmp_path / "a")
        with pytest.raises(InputError, match="Permission denied"):
            write_file(tmp_path / "a", [b"new"])
    finally:
        folder.chmod(0o700)

    assert "old" == (folder / "file").read_text()


@pytest.mark.parametrize("refused", [os.W_OK, os.X_OK])
def test_a_folder_that_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    """It is refused before anything is sent; to write there takes both rights."""
    monkeypatch.setattr("os.access", lambda _, asked: not asked & refused)
    with pytest.raises(InputError, match=r"--html: .*: the folder is not writable"):
        check_out(tmp_path / "a", "--html")


def test_a_missing_folder(tmp_path: Path) -> None:
    """It is an error with the file's name."""
    path = tmp_path / "nowhere" / "file"
    with pytest.raises(InputError, match="the folder does not exist"):
        check_out(path)
    with pytest.raises(InputError, match="No such file or directory") as caught:
        write_file(path, [b"new"])

    assert str(path) == caught.value.source


# --- modes ---------------------------------------------------------------------------------------


def test_a_private_file(tmp_path: Path) -> None:
    """Only its owner may read it, whatever the umask and whatever it replaces."""
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    write_file(path, [b"new"])
    before = os.umask(0)
    try:
        write_file(tmp_path / "other", [b"new"])
        with whole_text(tmp_path / "text") as file:
            file.write("new")
        os.close(create_private(tmp_path / "stream"))
    finally:
        os.umask(before)

    assert {0o600} == {mode_of(tmp_path / name) for name in ("file", "other", "text", "stream")}


def test_a_file_for_all(tmp_path: Path) -> None:
    """It has the mode that files here have, or that of the file that it replaces."""
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "new", [b"new"], private=False)
        (tmp_path / "old").write_text("old")
        (tmp_path / "old").chmod(0o600)
        write_file(tmp_path / "old", [b"new"], private=False)
    finally:
        os.umask(before)

    assert [0o640, 0o600] == [mode_of(tmp_path / name) for name in ("new", "old")]


# --- whole or not at all -------------------------------------------------------------------------


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    """What is not written to the end does not replace what is there, and leaves no draft."""
    path = tmp_path / "file"
    path.write_text("before")

    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_file(path, pieces())
    with pytest.raises(UnicodeEncodeError), whole_text(path) as file:
        file.write("half \ud800")

    assert "before" == path.read_text()
    assert [] == drafts(tmp_path)


def test_nobody_sees_half_of_it(tmp_path: Path) -> None:
    """Until the end a reader finds what was there."""
    path = tmp_path / "file"
    path.write_text("before")
    with whole_file(path) as file:
        file.write(b"after")
        assert "before" == path.read_text()

    assert "after" == path.read_text()


def test_a_name_as_long_as_can_be(tmp_path: Path) -> None:
    """The draft's name is no longer than the file's."""
    path = tmp_path / ("x" * 255)
    write_file(path, [b"new"])

    assert b"new" == path.read_bytes()


def test_line_ends_stay(tmp_path: Path) -> None:
    """Text is written as it is, in UTF-8."""
    with whole_text(tmp_path / "file") as file:
        file.write("ä\r\nb\n")

    assert "ä\r\nb\n".encode() == (tmp_path / "file").read_bytes()


def test_an_existing_file_is_not_opened_anew(tmp_path: Path) -> None:
    """What is written line by line never overwrites, also through a link."""
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        with pytest.raises(FileExistsError):
            create_private(tmp_path / name)

    assert "old" == (tmp_path / "file").read_text()


def test_a_socket_is_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that listens at the path can still be reached."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        server.listen()
        with pytest.raises(InputError):
            write_file(tmp_path / "s", [b"new"])
        with socket.socket(socket.AF_UNIX) as client:
            client.connect("s")
