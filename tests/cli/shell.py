"""A shell into which lines are pasted, and in which ``tagodev`` is a command."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import attrs

from tests.support.processes import TAGODEV, run, start

if TYPE_CHECKING:
    import subprocess

    from tests.cli.support import Command
    from tests.support.processes import Done

__all__ = ["Shell"]


@attrs.frozen
class Shell:
    """A shell in which ``tagodev`` is a command."""

    command: Command

    def __attrs_post_init__(self) -> None:
        """Make the folder a home, with the command in it."""
        folder = self.command.folder
        (folder / "bin").mkdir()
        (folder / "home").mkdir()
        program = folder / "bin" / "tagodev"
        program.write_text(f'#!/bin/sh\nexec {shlex.join(TAGODEV)} "$@"\n')
        program.chmod(0o755)

    def run(self, line: str, given: str = "") -> Done:
        """Run a line that somebody has pasted."""
        program = ("sh", "-c", line)
        return run(*program, folder=self.command.folder, env=self.environment(), given=given)

    def start(self, line: str) -> subprocess.Popen[str]:
        """Run a line that goes on until it is stopped."""
        program = ("sh", "-c", f"exec {line}")
        return start(*program, folder=self.command.folder, env=self.environment())

    def environment(self) -> dict[str, str]:
        """Return the environment of its commands."""
        found = self.command.variables()
        return {
            **found,
            "PATH": f"{self.command.folder / 'bin'}:{found['PATH']}",
            "HOME": str(self.command.folder / "home"),
        }
