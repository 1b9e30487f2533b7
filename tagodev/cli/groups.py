"""The groups of commands, one a noun, and the flat commands of TagoIO's own tool.

They are named here and imported when they are called: the names are enough to tell what there is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclopts import App

__all__ = ["STDIN", "as_grouped", "register_aliases", "register_groups"]

#: Name, the module's app, and what it is about.
_GROUPS: Final = (
    ("config", "commands.config:app", "Keep tokens in named profiles, and see which one is used."),
    ("connector", "commands.networks:connector_app", "List connectors, and look at one."),
    ("data", "commands.data:app", "Read, count, send, edit and delete data of devices."),
    ("device", "commands.devices:app", "List, look at, create, edit and delete devices."),
    ("network", "commands.networks:network_app", "List networks, and look at one."),
    ("param", "commands.params:app", "List, set and delete configuration parameters of devices."),
    ("token", "commands.tokens:app", "List, create, delete and rotate the tokens of devices."),
)

#: What the path of standard input is, also where there is no such file.
STDIN: Final = "/dev/stdin"
_ID: Final = "67e1a2b3c4d5e6f708192a3b"
_IS_ID: Final = re.compile(r"[0-9a-fA-F]{24}")
#: Names, the function, and an example of each.
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
    """Make the groups known.

    Args:
        app: the root of the command line.
    """
    for name, place, about in _GROUPS:
        app.command(f"tagodev.cli.{place}", name=name, help=about)


def register_aliases(app: App) -> None:
    """Make the flat commands known, and let no list of commands show them.

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
    """Return a command line as it is meant here.

    The official tool's ``data ID`` is not flat, and ``data`` is a group here. A dash alone, which
    would be taken for an option, stands for standard input.

    Args:
        arguments: as they were given.
    """
    match list(arguments):
        case ["data", device, *rest] if _IS_ID.fullmatch(device):
            return ["data-get", device, *rest]
        case ["plan" | "apply" as name, *rest]:
            return [name, *(STDIN if one == "-" else one for one in rest)]
        case given:
            return given
