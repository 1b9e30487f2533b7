"""Every process that a test starts runs the code that lies beside these tests."""

from __future__ import annotations

import ast
import shlex
from typing import TYPE_CHECKING, Final

import pytest

import tagodev
from tests.cli.shell import Shell
from tests.cli.support import Command
from tests.support.pages import Block, Reader
from tests.support.processes import PYTHON, ROOT, environment, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Prints where the package is imported from.
WHERE: Final = (PYTHON, "-c", "import tagodev; print(tagodev.__file__)")
#: Files that start programs which are not Python, or installed packages on purpose.
OTHERS: Final = {
    "support/browser.py",
    "support/redis_server.py",
    "emulator/test_official_js_sdk.py",
    "test_hostile_service.py",
}


def by_itself(folder: Path) -> str:
    """Start it with this process's environment."""
    return run(*WHERE, folder=folder).out


def without_settings(folder: Path) -> str:
    """Start it without settings of tagodev."""
    return run(*WHERE, folder=folder, env=environment()).out


def as_a_command(folder: Path) -> str:
    """Start it as commands are started."""
    return run(*WHERE, folder=folder, env=Command(folder).variables()).out


def with_a_path_of_its_own(folder: Path) -> str:
    """Start it with a folder that comes before the installed packages."""
    return run(*WHERE, folder=folder, env=environment(PYTHONPATH=str(folder))).out


def in_a_shell(folder: Path) -> str:
    """Start it in a shell into which lines are pasted."""
    return Shell(Command(folder)).run(shlex.join(WHERE)).out


def on_a_page(folder: Path) -> str:
    """Start it as what a page shows is started."""
    with Reader(folder) as reader:
        ((_, _, printed),) = reader.try_out(Block("console", f"$ {shlex.join(WHERE)}\n"))
    return printed


@pytest.mark.parametrize(
    "way",
    [by_itself, without_settings, as_a_command, with_a_path_of_its_own, in_a_shell, on_a_page],
)
def test_a_child_runs_the_checkout(way: Callable[[Path], str], tmp_path: Path) -> None:
    """It imports the very file that this process has imported, wherever it is started."""
    assert ROOT / "tagodev" / "__init__.py" == ROOT / tagodev.__file__
    assert f"{tagodev.__file__}\n" == way(tmp_path)


def test_children_are_started_in_one_way() -> None:
    """Whatever starts a process in another way is named here."""
    found = set()
    for path in sorted((ROOT / "tests").rglob("*.py")):
        name = path.relative_to(ROOT / "tests").as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            text = ast.unparse(node) if isinstance(node, ast.Call) else ""
            if text.startswith(
                ("subprocess.run(", "subprocess.Popen(", "subprocess.check", "asyncio.create_sub")
            ):
                found.add(name)

    assert OTHERS == {
        name
        for name in found
        if name != "support/processes.py" and not name.startswith("packaging/")
    }
