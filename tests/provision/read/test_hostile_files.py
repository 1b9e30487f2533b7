"""Hostile files: each is read or refused in bounded memory and time, with what to do about it."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import attrs
import pytest

from tagodev import ConfigurationParameter, InputError
from tagodev.provision import (
    FileLimits,
    InvalidFileError,
    integration_names,
    read_defaults,
    read_device_changes,
    read_device_ids,
    read_devices,
    read_rotations,
)
from tests.provision.files import FORMATS, problems_in, write
from tests.provision.hostile_files import hostile_files
from tests.support.processes import PYTHON, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Seconds of CPU time that one file may take.
SECONDS: Final = 5.0
#: Peak memory of a process that reads all of them, in bytes.
MEMORY: Final = 300 * 10**6
READERS: Final[tuple[Callable[..., Any], ...]] = (
    read_devices,
    read_device_ids,
    read_device_changes,
    read_rotations,
    read_defaults,
    integration_names,
)

#: Reads files with their limits, in a process of its own.
CHILD: Final = """
import json, resource, sys, time
from pathlib import Path
from tagodev.provision import FileLimits, InvalidFileError, read_devices

resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
found = {}
for path, limits in json.load(sys.stdin).items():
    begin = time.process_time()
    said = []
    try:
        read_devices(path, limits=FileLimits(**limits))
    except InvalidFileError as error:
        said = [str(one) for one in (error.problems[0], error.problems[-1])]
    seconds = time.process_time() - begin
    # Not the peak of the resource usage, which begins with that of the parent.
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    found[path] = said, seconds, peak
print(json.dumps(found))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read as on Linux")
def test_every_file_is_bounded(tmp_path: Path) -> None:
    """In memory and time, whatever its format; what is refused says why."""
    files = {}
    for number, one in enumerate(hostile_files()):
        path = tmp_path / (f"{number:03}.{one.suffix}" if one.suffix else f"{number:03}")
        path.write_bytes(one.data)
        if one.size:
            os.truncate(path, one.size)
        files[str(path)] = attrs.evolve(one, data=b"")
    given = json.dumps({path: dict(one.limits) for path, one in files.items()})
    child = run(PYTHON, "-c", CHILD, given=given)
    assert 0 == child.code, child.err[-2000:]
    found = json.loads(child.out)

    assert files.keys() == found.keys()
    assert len(files) > 150
    for path, (said, seconds, peak) in found.items():
        name, words = files[path].name, files[path].words
        assert not words or any(words in one for one in said), f"{name}: {said}"
        assert all(len(one) < 1000 for one in said), name
        assert seconds < SECONDS, f"{name}: {seconds} s"
        assert peak < MEMORY, f"{name}: {peak / 10**6:.0f} MB"


#: A file for each limit that is beyond a smaller one.
BEYOND: Final[dict[str, tuple[str, int]]] = {
    "file_bytes": ("comma", 20),
    "memory_bytes": ("json", 2000),
    "rows": ("comma", 5),
    "columns": ("comma", 2),
    "row_length": ("json lines", 30),
    "cells": ("excel", 20),
    "expansion": ("excel", 1),
}


def refusal(path: Path, limits: FileLimits) -> InputError | None:
    """Return why a file is not read."""
    try:
        read_devices(path, limits=limits)
    except InvalidFileError as error:
        return error.problems[0]
    return None


@pytest.mark.parametrize("limit", BEYOND)
def test_each_limit_can_be_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """The message says how; what it says, pasted, reads the file."""
    assert {field.name for field in attrs.fields(FileLimits)} == {*BEYOND, "advice"}
    monkeypatch.setattr("tagodev.provision._read.formats.workbook._SMALL", 0)
    form, value = BEYOND[limit]
    written = FORMATS[form]([{"name": f"d{n}", "tag.a": "b" * 9, "tag.c": "d"} for n in range(9)])
    path = write(tmp_path, written.data, f"site.{written.suffix}")
    smaller: dict[str, Any] = {limit: value}
    limits = FileLimits(**smaller)
    problem = refusal(path, limits)
    assert problem is not None
    assert f"{value:,}" in problem.message
    while problem is not None:
        advice = re.search(r"limits=FileLimits\((\w+)=(\d+)\)$", problem.hint)
        assert advice, str(problem)
        assert limit == advice[1]
        raised: dict[str, Any] = {limit: int(advice[2])}
        limits = FileLimits(**raised)
        problem = refusal(path, limits)

    assert 9 == len(list(read_devices(path, limits=limits)))


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "1", None])
def test_a_limit_is_a_number(value: Any) -> None:
    """None that switches it off by accident."""
    with pytest.raises(InputError, match="rows: must be a whole number above 0"):
        FileLimits(rows=value)


def test_the_command_line_names_its_own_way(tmp_path: Path) -> None:
    """Whatever raises the limits is what a message says."""
    limits = FileLimits(rows=1, advice="--file-limit {name}={value}")
    path = write(tmp_path, "name\na\nb\n")
    with pytest.raises(InvalidFileError, match=r"all the same: --file-limit rows=2$"):
        read_devices(path, limits=limits)


# --- what is no file, and what changes ---------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="has no such files")
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["pipe", "zeros", "folder", "socket", "link to a pipe"])
def test_only_regular_files_are_opened(
    tmp_path: Path, reader: Callable[..., Any], kind: str
) -> None:
    """Neither what blocks nor what never ends, by any reader."""
    path = tmp_path / "site.csv"
    if kind == "zeros":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listening:
            os.chdir(tmp_path)
            listening.bind("site.csv")
    else:
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to(tmp_path / "pipe")
        path = tmp_path / "pipe" if kind == "pipe" else path
    if reader is integration_names:
        assert frozenset() == integration_names(path)
    else:
        with pytest.raises(InvalidFileError, match="is not a regular file"):
            reader(path)


def test_a_file_that_grows_ends(tmp_path: Path) -> None:
    """However quickly another process writes it."""
    path = write(tmp_path, "name\n" + "a\n" * 4000)
    stopped = threading.Event()

    def grow() -> None:
        with path.open("a", encoding="utf-8") as file:
            while not stopped.wait(0.001):
                file.write("b\n")
                file.flush()

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        time.sleep(0.05)
        assert ["was changed while it was read. Re-run the command"] == problems_in(path)
    finally:
        stopped.set()
        thread.join()


@pytest.mark.parametrize("form", ["comma", "json lines"])
def test_a_changed_file_is_not_taken_for_the_checked_one(tmp_path: Path, form: str) -> None:
    """Rows that were never checked are not read."""
    written = FORMATS[form]([{"name": "a"}])
    path = write(tmp_path, written.data, f"site.{written.suffix}")
    rows = read_devices(path)
    assert ["a"] == [row.device.name for row in rows]
    path.write_bytes(FORMATS[form]([{"name": "b"}, {"name": "c"}]).data)

    with pytest.raises(InputError, match="was changed while it was read"):
        list(rows)


@pytest.mark.parametrize("length", [1, 4000, 65_535, 65_536, 65_537, 131_071, 131_072, 200_000])
@pytest.mark.parametrize("form", ["json", "document", "yaml"])
def test_values_at_the_ends_of_pieces(tmp_path: Path, form: str, length: int) -> None:
    """Files are read in pieces; where a piece ends does not matter."""
    names = ["x" * length, "é\U0001f600" * 9, "b"]
    devices = [{"name": f"{n}", "param.text": name} for n, name in enumerate(names * 3)]
    written = FORMATS[form](devices)
    path = write(tmp_path, written.data, f"site.{written.suffix}")

    rows = list(read_devices(path))

    assert list(written.lines) == [row.line for row in rows]
    assert [(ConfigurationParameter("text", name),) for name in names * 3] == [
        row.device.configuration_params for row in rows
    ]
