"""``tagodev --install-completion``: install shell completion."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (cyclopts reads annotations at run time)
from typing import Annotated, Literal

from cyclopts import Parameter

from tagodev.cli.app import app
from tagodev.errors import ConfigurationError
from tagodev.filesystem.atomic_write import check_out

__all__ = ["install_completion"]


def install_completion(
    *,
    shell: Annotated[
        Literal["bash", "zsh", "fish", "powershell"] | None,
        Parameter(help="Shell to install for; default: the current shell."),
    ] = None,
    output: Annotated[
        Path | None,
        Parameter(
            name=("--output", "-o"),
            help="Write the script to this file, without editing the shell's startup files; "
            "default: the shell's completion folder, added to .bashrc or .zshrc if needed.",
        ),
    ] = None,
) -> None:
    """Install shell completion for tagodev."""
    from cyclopts.completion import ShellDetectionError, detect_shell
    from cyclopts.completion.install import create_install_completion_command

    # Cyclopts creates a missing folder.
    if output is not None and output.parent.is_dir():
        check_out(output, "--output")
    if shell is None:
        try:
            shell = detect_shell()
        except ShellDetectionError:
            raise ConfigurationError("The current shell is unknown; re-run with --shell") from None
    install = create_install_completion_command(app.install_completion, output is None)
    install(shell=shell, output=output)
