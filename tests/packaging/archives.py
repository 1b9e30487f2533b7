"""Check the archives of two builds: the same bytes, and in them what belongs there.

A program of ``nox -s build``: ``python archives.py CLONE CLONE EPOCH``, each clone with its
archives in ``dist``.
The second clone's wheel was made from its tree, the first one's from its source archive, so what
is the same was kept by the source archive too.
"""

from __future__ import annotations

import configparser
import email.parser
import hashlib
import io
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

#: What git keeps and nobody needs who has not cloned.
_NOT_SHIPPED: Final = (".ci/", ".gitignore")
#: What no wheel of a package has in it.
_UNWANTED: Final = ("test", "__pycache__", ".pyc", "conftest", "benchmarks", "examples", "docs/")


def main(first: Path, second: Path, epoch: int) -> None:
    """Look at everything, and say what was seen."""
    archives = digests(first / "dist")
    expect(archives == digests(second / "dist"), "two builds differ", digests(second / "dist"))
    kinds = sorted(Path(name).suffix for name in archives)
    expect(kinds == [".gz", ".whl"], "a wheel and a source archive", kinds)
    tracked = git_files(first)
    project = tomllib.loads((first / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, digest in archives.items():
        if name.endswith(".whl"):
            check_wheel(first / "dist" / name, tracked, project, epoch)
        else:
            check_source(first / "dist" / name, tracked, epoch)
        sys.stdout.write(f"{digest}  {name}\n")


def expect(holds: bool, what: str, seen: object) -> None:
    """End the program unless something holds."""
    if not holds:
        sys.exit(f"{what}: {seen}")


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a folder."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }


def git_files(clone: Path) -> set[str]:
    """Return what git keeps."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=clone, capture_output=True, text=True, check=True
    )
    return set(listed.stdout.splitlines())


def check_wheel(path: Path, tracked: set[str], project: dict[str, Any], epoch: int) -> None:
    """Check the names in a wheel, its marks, its commands and what it says of itself."""
    with zipfile.ZipFile(path) as wheel:
        entries = wheel.infolist()
        read = {entry.filename: wheel.read(entry) for entry in entries}
    (info,) = {name.split("/")[0] for name in read if ".dist-info/" in name}
    code = {name for name in read if not name.startswith(f"{info}/")}
    wanted = {name for name in tracked if name.startswith("tagodev/")} | {"_tagodev_pytest.py"}
    expect(code == wanted, "what git keeps of the package", sorted(code ^ wanted))
    bad = [name for name in code for word in _UNWANTED if word in name and "testing" not in name]
    expect(bad in ([], ["_tagodev_pytest.py"]), "nothing of the tests", bad)
    expect("tagodev/py.typed" in code, "py.typed", sorted(code))
    licence = read.get(f"{info}/licenses/LICENSE", b"")
    expect(licence.startswith(b"MIT License"), "the licence", licence[:40])
    check_metadata(read[f"{info}/METADATA"], project)
    commands = configparser.ConfigParser()
    commands.read_string(read[f"{info}/entry_points.txt"].decode())
    seen = {name: dict(commands[name]) for name in commands.sections()}
    expected = {"console_scripts": project["scripts"], **project["entry-points"]}
    expect(seen == expected, "its command and its plugin", seen)
    stamps = {datetime(*entry.date_time, tzinfo=UTC).timestamp() for entry in entries}
    # A zip counts in steps of two seconds.
    expect(all(0 <= epoch - stamp < 2 for stamp in stamps), "one time for all files", stamps)


def check_metadata(data: bytes, project: dict[str, Any]) -> None:
    """Check what a wheel says of itself against what the project says."""
    told = email.parser.BytesParser().parse(io.BytesIO(data))
    expect(told["Name"] == project["name"], "its name", told["Name"])
    expect(told["License-Expression"] == project["license"], "its licence", told.items())
    expect(told["Requires-Python"] == project["requires-python"], "its Python", told.items())
    extras = set(told.get_all("Provides-Extra", ()))
    expect(extras == set(project["optional-dependencies"]), "its extras", extras)
    needed = [one for one in told.get_all("Requires-Dist", ()) if "extra ==" not in one]
    expect(len(needed) == len(project["dependencies"]), "what it needs", needed)


def check_source(path: Path, tracked: set[str], epoch: int) -> None:
    """Check that a source archive has everything to build and to test with, and no more."""
    with tarfile.open(path) as archive:
        members = archive.getmembers()
    names = {member.name.split("/", 1)[1] for member in members if member.isfile()}
    wanted = {name for name in tracked if not name.startswith(_NOT_SHIPPED)}
    # The builder puts in what it was told to leave out.
    names.discard(".gitignore")
    expect(names == wanted | {"PKG-INFO"}, "what git keeps", sorted(names ^ wanted))
    expect({member.mtime for member in members} == {epoch}, "one time for all files", epoch)
    owners = {(member.uid, member.gid, member.uname, member.gname) for member in members}
    expect(owners == {(0, 0, "", "")}, "nobody's files", owners)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
