"""The flat commands of TagoIO's official tool: registration and rewriting of arguments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclopts import App

__all__ = ["STDIN", "as_grouped", "register_aliases"]

#: Path that means standard input, also on systems without such a file.
STDIN: Final = "/dev/stdin"
_ID: Final = "67e1a2b3c4d5e6f708192a3b"
_IS_ID: Final = re.compile(r"[0-9a-fA-F]{24}")
#: Names of each command and arguments of an example.
_ALIASES: Final = {
    ("device-list", "dl"): "--name room -k site -v dairy",
    ("device-info", "info"): f"{_ID} --tokens",
    ("device-create", "dv-crt"): "'Cold room 3' -k site -v dairy",
    ("device-edit", "dv-ed"): f"{_ID} -k room -v 3 --merge-tags",
    ("device-delete", "dv-dlt"): f"{_ID} -y",
    ("device-token", "dv-tkn"): f"{_ID} --create field",
    ("device-param", "dv-prm"): f"{_ID} --set check_rate=600",
    ("device-network", "nc"): f"{_ID} -n 5bbd0de44051a50034cd19fc -c 5f5a8f3351d4db99c40dece6",
    ("data-get",): f"{_ID} -v temperature --qty 1",
    ("data-post",): f'{_ID} \'{{"variable": "door", "value": "open"}}\'',
}


def register_aliases(app: App) -> None:
    """Register the flat commands, hidden from help.

    Args:
        app: the root of the command line.
    """
    for (name, *short), arguments in _ALIASES.items():
        app.command(
            f"tagodev._cli.commands.tagoio_compat:{name.replace('-', '_')}",
            name=name,
            alias=short,
            show=False,
            help_epilogue=f"Example: tagodev {name} {arguments}",
        )


def as_grouped(arguments: Sequence[str]) -> list[str]:
    """Return command-line arguments rewritten for the grouped commands.

    The official tool's ``data ID`` becomes ``data-get ID``, as ``data`` is a group here. The FILE
    ``-`` of plan and apply, which would be parsed as an option, becomes the path of standard input.

    Args:
        arguments: the command-line arguments, without the program's name.
    """
    match list(arguments):
        case ["data", device, *rest] if _IS_ID.fullmatch(device):
            return ["data-get", device, *rest]
        case ["plan" | "apply" as name, *rest]:
            return [name, *(STDIN if one == "-" else one for one in rest)]
        case unchanged:
            return unchanged
