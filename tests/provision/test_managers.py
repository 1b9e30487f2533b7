"""Managers of files: two files never share one, and a file that was moved keeps its own."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tagodev import ConfigurationError, InputError, Tag
from tagodev.provision import _managers as managers
from tagodev.provision._managers import ManagerRegistry, check_owners
from tests.provision.support import device
from tests.support.processes import PYTHON, finish, start

if TYPE_CHECKING:
    from collections.abc import Callable

MANAGER = re.compile(r"devices#[0-9a-f]{6}")


def list_in(folder: Path, text: str = "name\na\n") -> Path:
    """Write a list ``devices.csv`` into a new folder."""
    folder.mkdir()
    path = folder / "devices.csv"
    path.write_text(text)
    return path


# --- binding -------------------------------------------------------------------------------------


def test_each_file_has_a_manager_of_its_own(tmp_path: Path) -> None:
    """Files of one name in two folders differ; the same file has the same one every time."""
    north, south = list_in(tmp_path / "north"), list_in(tmp_path / "south")
    first = [ManagerRegistry.open().bind(path) for path in (north, south)]
    second = [ManagerRegistry.open().bind(path) for path in (north, south)]

    assert first == second
    assert 2 == len({binding.manager for binding in first})
    assert all(MANAGER.fullmatch(binding.manager) for binding in first)


def edited(file: Path) -> Path:
    """Write something else into the file."""
    file.write_text("name\nb\nc\n")
    return file


def saved_by_an_editor(file: Path) -> Path:
    """Replace the file by another one, as editors do."""
    draft = file.with_name("draft")
    draft.write_text("name\nb\n")
    draft.replace(file)
    return file


def by_a_link(file: Path) -> Path:
    """Return a symbolic link to the file."""
    link = file.parent.parent / "link.csv"
    link.symlink_to(file)
    return link


def by_a_linked_folder(file: Path) -> Path:
    """Return the file's path through a link to its folder."""
    link = file.parent.parent / "linked"
    link.symlink_to(file.parent)
    return link / file.name


def by_a_hard_link(file: Path) -> Path:
    """Return another name of the same file."""
    link = file.parent / "twin.csv"
    link.hardlink_to(file)
    return link


def by_a_relative_path(file: Path) -> Path:
    """Return the file's path from the present folder."""
    return Path(os.path.relpath(file))


def moved(file: Path) -> Path:
    """Move the file to another folder."""
    target = list_in(file.parent.parent / "other")
    return file.replace(target)


def moved_with_its_folder(file: Path) -> Path:
    """Move the folder that the file is in."""
    return file.parent.rename(file.parent.parent / "moved") / file.name


def renamed(file: Path) -> Path:
    """Give the file another name."""
    return file.rename(file.with_name("stock.csv"))


def copied(file: Path) -> Path:
    """Copy the file, with its times."""
    target = list_in(file.parent.parent / "other")
    shutil.copy2(file, target)
    return target


def copied_and_removed(file: Path) -> Path:
    """Copy the file, and remove the first one."""
    target = copied(file)
    file.unlink()
    return target


def moved_and_edited(file: Path) -> Path:
    """Move the file, and write something else into it."""
    return edited(moved(file))


@pytest.mark.parametrize(
    ("change", "same", "note"),
    [
        (edited, True, False),
        (saved_by_an_editor, True, False),
        (by_a_link, True, False),
        (by_a_linked_folder, True, False),
        (by_a_hard_link, True, False),
        (by_a_relative_path, True, False),
        (moved, True, True),
        (moved_with_its_folder, True, True),
        (renamed, True, True),
        (copied, False, False),
        (copied_and_removed, False, False),
        # Inodes are used again: a file that has changed may be another one.
        (moved_and_edited, False, False),
    ],
)
def test_what_becomes_of_a_file(
    tmp_path: Path, change: Callable[[Path], Path], *, same: bool, note: bool
) -> None:
    """What is still the same file keeps its manager; what may be another gets one of its own."""
    file = list_in(tmp_path / "north")
    before = ManagerRegistry.open().bind(file)
    after = ManagerRegistry.open().bind(change(file))
    again = (
        ManagerRegistry.open().bind(tmp_path / "north" / "devices.csv") if file.exists() else before
    )

    assert same is (before.manager == after.manager)
    assert (real_path(tmp_path, "north") if note else None) == after.moved_from
    assert before.manager == again.manager


def real_path(folder: Path, name: str) -> Path:
    """Return where the list of a folder was."""
    return folder.resolve() / name / "devices.csv"


def test_moved_twice(tmp_path: Path) -> None:
    """The move is reported once, and the file may move again."""
    file = list_in(tmp_path / "north")
    first = ManagerRegistry.open().bind(file)
    file = file.rename(tmp_path / "devices.csv")
    second, third = ManagerRegistry.open().bind(file), ManagerRegistry.open().bind(file)
    file = file.rename(tmp_path / "north" / "devices.csv")
    fourth = ManagerRegistry.open().bind(file)

    assert 1 == len({one.manager for one in (first, second, third, fourth)})
    assert [False, True, False, True] == [
        one.moved_from is not None for one in (first, second, third, fourth)
    ]


def test_an_inode_that_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is made after another was deleted may get its inode, and is not that file."""
    gone = list_in(tmp_path / "north")
    before = ManagerRegistry.open().bind(gone)
    facts = managers._Facts.of(gone)
    gone.unlink()
    new = list_in(tmp_path / "south", "name\nb\n")
    present = managers._Facts.of(new)
    reused = managers._Facts(facts.dev, facts.inode, present.size, present.mtime)

    def of(path: Path) -> managers._Facts:
        path.stat()
        return reused

    monkeypatch.setattr(managers._Facts, "of", of)

    assert ManagerRegistry.open().bind(new).manager != before.manager


def test_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With another state folder the same path has another manager, which nobody knows here."""
    file = list_in(tmp_path / "north")
    here = ManagerRegistry.open().bind(file).manager
    monkeypatch.setenv("TAGODEV_STATE", str(tmp_path / "elsewhere"))
    there = ManagerRegistry.open().bind(file).manager

    assert here != there
    assert ManagerRegistry.open().owner(here) is None
    assert file.resolve() == ManagerRegistry.open().owner(there)


def test_many_processes_at_once(tmp_path: Path) -> None:
    """All that see a file for the first time together agree on its manager."""
    file = list_in(tmp_path / "north")
    program = (
        "import sys; from pathlib import Path;"
        "from tagodev.provision._managers import ManagerRegistry;"
        "print(ManagerRegistry.open().bind(Path(sys.argv[1])).manager)"
    )
    running = [start(PYTHON, "-c", program, file) for _ in range(4)]
    printed = {finish(process).out for process in running}

    assert {f"{ManagerRegistry.open().bind(file).manager}\n"} == printed


@pytest.mark.parametrize("name", ["hall 1.1.csv", "hall 1.2.csv", "a#b.csv", "Stöck.XLSX", "x"])
def test_the_stem_is_part_of_it(tmp_path: Path, name: str) -> None:
    """A person recognises the file by the manager."""
    (tmp_path / name).write_text("name\na\n")
    stem, _, number = ManagerRegistry.open().bind(tmp_path / name).manager.rpartition("#")

    assert managers.stem_of(Path(name)) == stem
    assert re.fullmatch("[0-9a-f]{6}", number)


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    """A file whose name holds bytes that are none has a manager all the same."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/st\xf6ck.csv"))
    try:
        path.write_text("name\na\n")
    except OSError:
        pytest.skip("this file system takes text only")
    first, second = ManagerRegistry.open().bind(path), ManagerRegistry.open().bind(path)

    assert first == second
    assert re.fullmatch(r"st\?ck#[0-9a-f]{6}", first.manager)
    assert path.resolve() == ManagerRegistry.open().owner(first.manager)


# --- names that are given ------------------------------------------------------------------------


def test_files_of_one_name(tmp_path: Path) -> None:
    """Each use is remembered; other files that exist are returned, the last used first."""
    files = [list_in(tmp_path / name) for name in "abc"]
    store = ManagerRegistry.open()
    found = [store.use("site", file) for file in files]
    files[0].unlink()
    again = store.use("site", files[2])
    over_a_pipe = store.use("site", None)

    assert [0, 1, 2] == [len(others) for others in found]
    assert (files[1].resolve(),) == again
    assert {files[1].resolve(), files[2].resolve()} == set(over_a_pipe)
    assert () == store.use("another", files[1])


def test_a_bound_name_that_is_given(tmp_path: Path) -> None:
    """The file that a manager is bound to counts among those of its name."""
    first, second = list_in(tmp_path / "a"), list_in(tmp_path / "b")
    store = ManagerRegistry.open()
    manager = store.bind(first).manager

    assert (first.resolve(),) == store.use(manager, second)
    assert first.resolve() == store.owner(manager)
    first.unlink()
    assert second.resolve() == store.owner(manager)
    second.unlink()
    assert first.resolve() == store.owner(manager)


def test_the_store_is_private(tmp_path: Path) -> None:
    """Paths of files are nobody else's business."""
    store = ManagerRegistry.open()
    store.bind(list_in(tmp_path / "a"))

    assert 0o600 == store.path.stat().st_mode & 0o777


@pytest.mark.parametrize("damage", ["folder", "database"])
def test_a_state_folder_that_can_not_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    """The message names both ways out."""
    state = tmp_path / "state"
    monkeypatch.setenv("TAGODEV_STATE", str(state))
    if damage == "folder":
        state.write_text("no folder")
    else:
        (state / "sources").mkdir(parents=True)
        (state / "sources" / "sources.sqlite").write_text("no database" * 100)
    with pytest.raises(ConfigurationError, match=r"--name NAME, or set TAGODEV_STATE"):
        ManagerRegistry.open().bind(list_in(tmp_path / "a"))


def test_the_store_is_left_as_it_was_on_failure(tmp_path: Path) -> None:
    """What is not complete is not kept."""
    store = ManagerRegistry.open()
    store.bind(list_in(tmp_path / "a"))
    with pytest.raises(ConfigurationError):
        store.bind(tmp_path / "nothing.csv")
    with closing(sqlite3.connect(store.path)) as connection, connection:
        assert [(1,)] == connection.execute("SELECT count(*) FROM source").fetchall()


# --- whose devices they are ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mine", "other", "refused"),
    [
        ("site#aaaaaa", "site#bbbbbb", True),
        ("site#aaaaaa", "site", True),
        ("site#aaaaaa", "site#aaaaaa", False),
        # Those are blocked one by one: they have nothing to do with this file.
        ("site#aaaaaa", "other", False),
        ("site#aaaaaa", "other#aaaaaa", False),
        ("site#aaaaaa", "site#room", False),
        ("hall 1.1#aaaaaa", "hall 1.2#bbbbbb", False),
    ],
)
def test_whose_devices_are_refused(mine: str, other: str, *, refused: bool) -> None:
    """Those of another list of the same name."""
    devices = [device("a", Tag("tagodev_managed", other)), device("b")]
    if not refused:
        check_owners(mine, devices, lambda _: None)
        return
    with pytest.raises(InputError, match=f"managed as {re.escape(other)}, which belongs to a file"):
        check_owners(mine, devices, lambda _: None)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, "1 device of this file is managed as site#bbbbbb, which belongs to {}: d0."),
        (3, "3 devices of this file are managed as site#bbbbbb, which belongs to {}: d0, "),
        (12, ": d0, d1, d2 and 9 more. If this file replaces it, re-run with --name 'site#bbbbbb'"),
    ],
)
@pytest.mark.parametrize("where", ["there", "gone", "unknown"])
def test_one_message(tmp_path: Path, count: int, text: str, where: str) -> None:
    """A count, up to three names, the other file, and what to type."""
    devices = [device(f"d{n}", Tag("tagodev_managed", "site#bbbbbb")) for n in range(count)]
    path = tmp_path / "site.csv"
    if where == "there":
        path.touch()
    with pytest.raises(InputError) as caught:
        check_owners("site#aaaaaa", devices, lambda _: None if where == "unknown" else path)

    owner = {
        "there": str(path),
        "gone": f"{path}, which no longer exists",
        "unknown": "a file that is not known on this machine",
    }[where]
    assert text.format(owner) in str(caught.value)


def test_several_lists() -> None:
    """The one with most devices is named, the others are counted; escapes are not repeated."""
    devices = [
        *(device(f"a\x1b[2J{n}", Tag("tagodev_managed", "site#bbbbbb")) for n in range(2)),
        device("c", Tag("tagodev_managed", "site")),
    ]
    with pytest.raises(InputError) as caught:
        check_owners("site#aaaaaa", devices, lambda _: None)

    message = str(caught.value)
    assert "2 devices of this file are managed as site#bbbbbb" in message
    assert ": a?[2J0, a?[2J1; 1 more under other names." in message
