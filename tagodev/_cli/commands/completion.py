"""``tagodev --install-completion``: install shell completion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import App, Parameter

from tagodev._cli import app as root
from tagodev._filesystem.atomic_write import check_out
from tagodev.errors import ConfigurationError

__all__ = ["app", "install_completion"]

app: Final = App(
    name="--install-completion",
    help_epilogue="Example: tagodev --install-completion --shell bash",
)


@app.default
def install_completion(
    *,
    shell: Literal["bash", "zsh", "fish", "powershell"] | None = None,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"))] = None,
) -> None:
    """Install shell completion for tagodev.

    Run it again after an update.

    Args:
        shell: Shell to install for; default: the current shell.
        output: Write the script to this file, without editing the shell's startup files; default:
            the shell's completion folder, added to .bashrc or .zshrc if needed.
    """
    from cyclopts.completion import ShellDetectionError, detect_shell
    from cyclopts.completion.install import create_install_completion_command

    # Cyclopts creates a missing folder.
    if output is not None and output.parent.is_dir():
        check_out(output, "--output")
    try:
        shell = shell or detect_shell()
    except ShellDetectionError:
        raise ConfigurationError("The current shell is unknown; re-run with --shell") from None
    install = create_install_completion_command(root.app.install_completion, output is None)
    install(shell=shell, output=output)
