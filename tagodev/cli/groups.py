"""Registration of the command groups and of the flat commands of TagoIO's official tool.

Each is registered by import path, and its module imported only when a command runs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclopts import App

__all__ = ["STDIN", "as_grouped", "register_aliases", "register_groups"]

#: Name, import path of the app, help text.
_GROUPS: Final = (
    ("config", "commands.config:app", "Save tokens in named profiles, and show which is used."),
    ("connector", "commands.networks:connector_app", "List connectors, and show one."),
    ("data", "commands.data:app", "List, count, send, edit and delete data of devices."),
    ("device", "commands.devices:app", "List, show, create, edit and delete devices."),
    ("network", "commands.networks:network_app", "List networks, and show one."),
    ("param", "commands.params:app", "List, set and delete configuration parameters."),
    ("token", "commands.tokens:app", "List, create, delete and rotate device tokens."),
)

#: Path that means standard input, also on systems without such a file.
STDIN: Final = "/dev/stdin"
_ID: Final = "67e1a2b3c4d5e6f708192a3b"
_IS_ID: Final = re.compile(r"[0-9a-fA-F]{24}")
#: Names, function, example.
_ALIASES: Final = (
    (("device-list", "dl"), "device_list", "device-list --name room -k site -v dairy"),
    (("device-info", "info"), "device_info", f"device-info {_ID} --tokens"),
    (("device-create", "dv-crt"), "device_create", "device-create 'Cold room 3' -k site -v dairy"),
    (("device-edit", "dv-ed"), "device_edit", f"device-edit {_ID} -k room -v 3 --merge-tags"),
    (("device-delete", "dv-dlt"), "device_delete", f"device-delete {_ID} -y"),
    (("device-token", "dv-tkn"), "device_token", f"device-token {_ID} --create field"),
    (("device-param", "dv-prm"), "device_param", f"device-param {_ID} --set check_rate=600"),
    (
        ("device-network", "nc"),
        "device_network",
        f"device-network {_ID} -n 5bbd0de44051a50034cd19fc -c 5f5a8f3351d4db99c40dece6",
    ),
    (("data-get",), "data_get", f"data-get {_ID} -v temperature --qty 1"),
    (("data-post",), "data_post", f'data-post {_ID} \'{{"variable": "door", "value": "open"}}\''),
)


def register_groups(app: App) -> None:
    """Register the command groups.

    Args:
        app: the root of the command line.
    """
    for name, import_path, text in _GROUPS:
        app.command(f"tagodev.cli.{import_path}", name=name, help=text)


def register_aliases(app: App) -> None:
    """Register the flat commands, hidden from help.

    Args:
        app: the root of the command line.
    """
    for (name, *short), function, example in _ALIASES:
        app.command(
            f"tagodev.cli.commands.tagoio_compat:{function}",
            name=name,
            alias=short,
            show=False,
            help_epilogue=f"Example: tagodev {example}",
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
