"""A shell into which lines are pasted, and in which ``tagodev`` is a command."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import attrs

from tests.cli.support import PATIENCE

if TYPE_CHECKING:
    from tests.cli.support import Command

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
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m tagodev "$@"\n')
        program.chmod(0o755)

    def run(self, line: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a line that somebody has pasted."""
        return subprocess.run(
            ["sh", "-c", line],
            cwd=self.command.folder,
            env=self.environment(),
            input=given,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
            check=False,
        )

    def start(self, line: str) -> subprocess.Popen[str]:
        """Run a line that goes on until it is stopped."""
        return subprocess.Popen(
            ["sh", "-c", f"exec {line}"],
            cwd=self.command.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def environment(self) -> dict[str, str]:
        """Return the environment of its commands."""
        found = self.command._environment()
        return {
            **found,
            "PATH": f"{self.command.folder / 'bin'}:{found['PATH']}",
            "HOME": str(self.command.folder / "home"),
        }
