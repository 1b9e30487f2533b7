"""A lock that ends with its process and says who holds it."""

from __future__ import annotations

import os
import signal
import stat
from typing import TYPE_CHECKING

import pytest

from tagodev import LockedError, TagoError
from tagodev._filesystem.process_lock import ProcessLock
from tests.support.processes import PYTHON, start

if TYPE_CHECKING:
    from pathlib import Path

_HOLD = """
import sys, time
from pathlib import Path
from tagodev._filesystem.process_lock import ProcessLock
lock = ProcessLock.acquire(Path(sys.argv[1]), "it")
lock.store_facts({"left": 1})
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_holder_is_refused_in_the_same_process(tmp_path: Path) -> None:
    """The message names the holder; once it is released the lock is free."""
    path = tmp_path / "a.lock"
    lock = ProcessLock.acquire(path, "the run")
    assert ProcessLock.is_held(path)

    with pytest.raises(LockedError, match=f"the run is in use .*process {os.getpid()} on"):
        ProcessLock.acquire(path, "the run")
    lock.release({"serial": 3})

    assert not ProcessLock.is_held(path)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    with_facts = ProcessLock.acquire(path, "the run")
    assert {"serial": 3} == with_facts.facts
    with_facts.release()


@pytest.mark.parametrize("facts", [None, {}, {"serial": 4}])
def test_facts_stay_until_others_are_left(tmp_path: Path, facts: dict[str, int] | None) -> None:
    """A holder that has nothing to say keeps what the one before has left; an empty word is one."""
    path = tmp_path / "a.lock"
    ProcessLock.acquire(path, "it").release({"serial": 3})
    ProcessLock.acquire(path, "it").release(facts)

    expected = {"serial": 3} if facts is None else facts
    assert expected == ProcessLock.facts_of(path)
    lock = ProcessLock.acquire(path, "it")
    assert expected == lock.facts
    lock.release()


@pytest.mark.parametrize("kind", ["same", "symlink", "hard link"])
def test_any_path_leads_to_the_same_lock(tmp_path: Path, kind: str) -> None:
    """A link does not open a second lock."""
    path = tmp_path / "a.lock"
    ProcessLock.acquire(path, "it").release()
    other = path if kind == "same" else tmp_path / "b.lock"
    if kind == "symlink":
        other.symlink_to(path)
    elif kind == "hard link":
        other.hardlink_to(path)
    lock = ProcessLock.acquire(path, "it")

    with pytest.raises(LockedError):
        ProcessLock.acquire(other, "it")
    assert ProcessLock.is_held(other)
    lock.release()


def test_a_killed_holder_leaves_it_free_with_its_facts(tmp_path: Path) -> None:
    """The kernel gives the lock back; what was kept is still there."""
    path = tmp_path / "a.lock"
    with start(PYTHON, "-c", _HOLD, path, stderr=None) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(LockedError, match=f"process {holder.pid} on"):
            ProcessLock.acquire(path, "it")
        assert {"left": 1} == ProcessLock.facts_of(path)
        holder.send_signal(signal.SIGKILL)

    lock = ProcessLock.acquire(path, "it")
    assert {"left": 1} == lock.facts
    lock.release()


def test_a_file_of_something_else_is_an_error(tmp_path: Path) -> None:
    """Neither a traceback of SQLite's nor a lock that is none."""
    path = tmp_path / "a.lock"
    path.write_bytes(b"this is no database, whatever its name says" * 100)

    with pytest.raises(TagoError, match="can't be used"):
        ProcessLock.acquire(path, "it")
