"""Table of a device's fields: the only place that says what can be done with each.

Readers, writers, plans, snapshots, the command line and the documentation derive from it.
`tagodev._models.devices` has the types and the rules of the service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CLEARABLE",
    "COLUMNS",
    "DEVICE_FIELDS",
    "EDIT_COLUMNS",
    "LISTED",
    "LONG",
    "PARAM",
    "PREFIXES",
    "SHOWN",
    "STORED",
    "TABLE",
    "TAG",
    "DeviceField",
]

#: Prefixes of the columns of single tags and configuration parameters.
TAG: Final = "tag."
PARAM: Final = "param."


@attrs.frozen(kw_only=True)
class DeviceField:
    """A field of a device."""

    name: str
    """Its name in the API, in the models and in files."""
    kind: type | None = None
    """Type of its value in files: str, bool, int, or tuple for a list; None if it can't be set."""
    content: str = ""
    """Content of its column, for the documentation."""
    aliases: tuple[str, ...] = ()
    """Other names of its column."""
    prefix: str = ""
    """Prefix of the columns that give single items of a list."""
    placeholder: str | int | None = None
    """Valid value that replaces an invalid one, so that the other fields of its row can be checked;
    None to leave the field out."""
    change: Literal["always", "without tokens", "never"] = "always"
    """When it can be changed on an existing device."""
    clearable: bool = False
    """Whether it can be cleared; the service then returns null."""
    types: tuple[str, ...] = ()
    """Storage types that have it, others ignore it; empty for all."""
    on_token: bool = False
    """Whether it is stored on the device's token instead of the device."""
    long: bool = False
    """Whether its value may be long; it is then read only if it is needed, and not shown."""
    resolved: bool = False
    """Whether the service returns it only in lists that resolve names."""
    hidden: bool = False
    """Whether the command line does not show it."""


_SWITCH: Final = "`true`, `yes`, `on`, `1`, or `false`, `no`, `off`, `0`"
_CHUNKED: Final = ("immutable", "hybrid")
#: The fields by name, in the order of exports.
DEVICE_FIELDS: Final[Mapping[str, DeviceField]] = {
    field.name: field
    for field in (
        DeviceField(name="id"),
        DeviceField(
            name="name",
            kind=str,
            content="the device's name; the only required column, unless a template provides it",
            placeholder="-",
        ),
        DeviceField(
            name="serie_number",
            kind=str,
            content="the serial number, stored on the device's token and used only when the device "
            "is created",
            aliases=("serial", "serial number"),
            change="never",
            on_token=True,
        ),
        DeviceField(
            name="type",
            kind=str,
            content="`mutable` (default), `immutable` or `hybrid`",
            change="never",
        ),
        DeviceField(
            name="network",
            kind=str,
            content="an id or a name; not needed if it follows from the connector",
            change="without tokens",
        ),
        DeviceField(
            name="connector",
            kind=str,
            content="an id or a name; not needed if it follows from the network",
            change="without tokens",
        ),
        DeviceField(name="active", kind=bool, content=_SWITCH),
        DeviceField(name="visible", kind=bool, content=_SWITCH),
        DeviceField(name="description", kind=str, content="any text", clearable=True),
        DeviceField(
            name="chunk_period",
            kind=str,
            content="`day`, `week`, `month` or `quarter`",
            placeholder="quarter",
            change="never",
            types=_CHUNKED,
        ),
        DeviceField(
            name="chunk_retention",
            kind=int,
            content="the number of chunk periods that data is retained",
            placeholder=0,
            types=_CHUNKED,
        ),
        DeviceField(
            name="mutable_variable_regex",
            kind=str,
            content="a regular expression for the names of the variables that can be changed",
            placeholder="-",
            types=("hybrid",),
        ),
        DeviceField(
            name="payload_decoder",
            kind=str,
            content="Base64 of a payload parser's source",
            clearable=True,
            long=True,
        ),
        # The others can't be set.
        DeviceField(name="data_retention"),
        *(DeviceField(name=name, resolved=True) for name in ("network_name", "connector_name")),
        *(DeviceField(name=name) for name in ("created_at", "updated_at", "last_input")),
        *(DeviceField(name=name) for name in ("last_output", "inspected_at", "profile")),
        *(DeviceField(name=name, hidden=True) for name in ("last_retention", "bucket")),
        *(DeviceField(name=name, hidden=True) for name in ("bucket_name", "rpm", "token")),
        DeviceField(name="tags", kind=tuple, content="a tag", aliases=("tag",), prefix=TAG),
        DeviceField(
            name="configuration_params",
            kind=tuple,
            content="a configuration parameter",
            aliases=("param", "params", "parameters"),
            prefix=PARAM,
        ),
    )
}
#: Fields that a list returns by default, in the order in which they are shown.
LISTED: Final = (
    *("id", "name", "tags", "type", "active", "visible", "network", "connector"),
    *("created_at", "updated_at", "last_input"),
)
#: Columns of a list of devices in a terminal.
TABLE: Final = ("id", "name", "active", "last_input", "tags")

_ALL: Final = tuple(DEVICE_FIELDS.values())
#: Fields that the command line can show.
SHOWN: Final = tuple(
    one.name for one in _ALL if not (one.hidden or one.long or one.on_token or one.prefix == PARAM)
)
#: Lists, and the prefixes of their columns.
PREFIXES: Final = {one.name: one.prefix for one in _ALL if one.prefix}
#: Fields that files give in one column each.
COLUMNS: Final = tuple(one.name for one in _ALL if one.kind is not None and not one.prefix)
#: Columns that can be changed on an existing device.
EDIT_COLUMNS: Final = tuple(one for one in COLUMNS if DEVICE_FIELDS[one].change != "never")
#: Columns that are stored on the device.
STORED: Final = tuple(one for one in COLUMNS if not DEVICE_FIELDS[one].on_token)
#: Columns whose values may be long.
LONG: Final = tuple(one for one in COLUMNS if DEVICE_FIELDS[one].long)
#: Columns that can be cleared.
CLEARABLE: Final = tuple(one for one in COLUMNS if DEVICE_FIELDS[one].clearable)
