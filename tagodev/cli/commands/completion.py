"""``tagodev --install-completion``: so that the shell knows commands and options."""

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
        Parameter(help="For which shell; default: the one that this runs in."),
    ] = None,
    output: Annotated[
        Path | None,
        Parameter(
            name=("--output", "-o"),
            help="Where the script goes, and the shell's own files stay as they are; default: "
            "where the shell looks, which is noted in .bashrc or .zshrc where it must be.",
        ),
    ] = None,
) -> None:
    """Have the shell complete commands and options of tagodev.

    Do it again after an update.
    """
    from cyclopts.completion import ShellDetectionError, detect_shell
    from cyclopts.completion.install import create_install_completion_command

    # A missing folder is created.
    if output is not None and output.parent.is_dir():
        check_out(output, "--output")
    if shell is None:
        try:
            shell = detect_shell()
        except ShellDetectionError:
            raise ConfigurationError("Which shell this is can't be told: give --shell") from None
    install = create_install_completion_command(app.install_completion, output is None)
    install(shell=shell, output=output)
