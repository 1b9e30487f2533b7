"""The flat commands of TagoIO's official tool, for compatibility: ``device-list``, ``data-get``.

They accept its options and call the grouped commands.
They behave like the official tool, except that tokens are masked.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

import attrs
import orjson
from cyclopts import Parameter

from tagodev._cli.commands import data, devices, params, tokens
from tagodev._cli.options.confirmation import CONFIRMATION_GROUP, ConfirmationOptions, DryRunOption
from tagodev._cli.options.data import DataFilterOptions
from tagodev._cli.options.devices import FilterOptions
from tagodev._cli.options.service import SERVICE_GROUP, ServiceOptions
from tagodev._cli.output.table import JsonOption, OutputOptions
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagodev import DataCreate

__all__ = [
    "data_get",
    "data_post",
    "device_create",
    "device_delete",
    "device_edit",
    "device_info",
    "device_list",
    "device_network",
    "device_param",
    "device_token",
]

#: Fields that the official tool lists.
_LISTED: Final = "id,name,active,last_input"
#: The official tool's names of data modes.
_MODES: Final[Mapping[str, data.Mode]] = {
    "min": "min",
    "max": "max",
    "first": "first_item",
    "last": "last_item",
}

_JsonOption: TypeAlias = Annotated[
    bool, Parameter(name=("--json", "--raw", "--stringify", "-s"), help="Print JSON.")
]


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class _Service:
    """The service options, with an environment of the official tool."""

    env: Annotated[str | None, Parameter(name=("--env", "--environment"), group=SERVICE_GROUP)] = (
        None
    )
    """Environment or profile to use."""
    given: ServiceOptions = attrs.field(factory=ServiceOptions)

    @property
    def options(self) -> ServiceOptions:
        """The service options; the environment is the profile."""
        return self.given if self.env is None else attrs.evolve(self.given, profile=self.env)


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class _Tags:
    """Tags as a list of keys and a list of values."""

    tagkey: Annotated[list[str] | None, Parameter(name=("--tagkey", "-k"))] = None
    """Key of a tag; repeatable."""
    tagvalue: Annotated[list[str] | None, Parameter(name=("--tagvalue", "-v"))] = None
    """Value of the tag; repeatable."""

    def texts(self) -> list[str]:
        """Return ``KEY=VALUE`` texts."""
        tags = []
        for key, value in zip_longest(self.tagkey or (), self.tagvalue or ()):
            if key is None:
                raise InputError("requires a --tagkey", path="--tagvalue")
            tags.append(key if value is None else f"{key}={value}")
        return tags


@Parameter(name="*", group=CONFIRMATION_GROUP)
@attrs.frozen(kw_only=True)
class _Confirmation(ConfirmationOptions):
    """The confirmation options, with the official tool's name for ``--yes``."""

    # Repeated, as annotations are evaluated in this module.
    dry_run: DryRunOption = False
    yes: Annotated[bool, Parameter(name=("--yes", "-y", "--silent"))] = False
    """Don't ask for confirmation."""


def _check_one_action(confirmation: _Confirmation, **actions: bool) -> None:
    first, *others = [f"--{name}" for name, given in actions.items() if given] or [""]
    if others:
        raise InputError(f"can't be combined with {first}", path=others[0])
    if confirmation.dry_run and first != "--delete":
        raise InputError("requires --delete", path="--dry-run")


# --- devices -----------------------------------------------------------------------------------


def device_list(
    *,
    name: Annotated[str | None, Parameter(name=("--name", "-n"))] = None,
    with_tags: _Tags = _Tags(),
    tags: bool = False,
    json: _JsonOption = False,
    service: _Service = _Service(),
) -> None:
    """List devices, as tagodev device list does.

    Args:
        name: Part of the name.
        tags: Also show tags.
    """
    pattern = None if name is None else f"*{name}*"
    fields = f"{_LISTED},tags" if tags else _LISTED
    devices.list_devices(
        filters=FilterOptions(name=pattern, tag=with_tags.texts() or None),
        output=OutputOptions(json=json, fields=fields),
        service=service.options,
    )


def device_info(
    device: str,
    /,
    *,
    tokens: Annotated[bool, Parameter(name=("--tokens", "-t"))] = False,
    json: _JsonOption = False,
    service: _Service = _Service(),
) -> None:
    """Show a device, as tagodev device info does."""
    devices.info(device, tokens=tokens, json=json, service=service.options)


def device_create(
    name: str,
    /,
    *,
    type: Literal["mutable", "immutable", "hybrid"] = "mutable",
    network: str | None = None,
    connector: str | None = None,
    serie: str | None = None,
    description: str | None = None,
    chunk_period: Literal["day", "week", "month", "quarter"] | None = None,
    chunk_retention: int | None = None,
    with_tags: _Tags = _Tags(),
    inactive: bool = False,
    json: JsonOption = False,
    service: _Service = _Service(),
) -> None:
    """Create a device, as tagodev device create does.

    Args:
        serie: Serial number.
    """
    devices.create(
        name,
        type=type,
        network=network,
        connector=connector,
        serial=serie,
        description=description,
        chunk_period=chunk_period,
        chunk_retention=chunk_retention,
        tag=with_tags.texts() or None,
        inactive=inactive,
        json=json,
        service=service.options,
    )


def device_edit(
    device: str,
    /,
    *,
    name: Annotated[str | None, Parameter(name=("--name", "-n"))] = None,
    description: str | None = None,
    active: Annotated[bool | None, Parameter(name="--active", negative="--inactive")] = None,
    network: str | None = None,
    connector: str | None = None,
    chunk_retention: int | None = None,
    with_tags: _Tags = _Tags(),
    merge_tags: bool = False,
    json: JsonOption = False,
    service: _Service = _Service(),
) -> int | None:
    """Edit a device, as tagodev device edit does.

    With --tagkey, all other tags are removed, unless --merge-tags is given.

    Args:
        merge_tags: Keep other tags; default: remove them.
    """
    given: dict[str, object] = {
        "name": name,
        "description": description,
        "active": None if active is None else str(active).lower(),
        "network": network,
        "connector": connector,
        "chunk_retention": chunk_retention,
    }
    tags = [text if "=" in text else f"{text}=" for text in with_tags.texts()]
    changes = [f"{key}={value}" for key, value in given.items() if value is not None]
    return devices.edit(
        device,
        set=[*changes, *(f"tag.{tag}" for tag in tags)],
        replace_tags=bool(tags) and not merge_tags,
        json=json,
        service=service.options,
    )


def device_delete(
    device: str,
    /,
    *,
    confirmation: _Confirmation = _Confirmation(),
    json: JsonOption = False,
    service: _Service = _Service(),
) -> int | None:
    """Delete a device with all its data, as tagodev device delete does."""
    return devices.delete(device, confirmation=confirmation, json=json, service=service.options)


def device_network(
    device: str,
    /,
    *,
    network: Annotated[str, Parameter(name=("--networkID", "-n"))],
    connector: Annotated[str, Parameter(name=("--connectorID", "-c"))],
    service: _Service = _Service(),
) -> int | None:
    """Change the network and connector of a device that has no token.

    Args:
        network: Id of a network.
        connector: Id of a connector.
    """
    changes = [f"network={network}", f"connector={connector}"]
    return devices.edit(device, set=changes, service=service.options)


# --- tokens, parameters, data ------------------------------------------------------------------


def device_token(
    device: str,
    /,
    *,
    create: str | None = None,
    permission: Literal["full", "write", "read"] = "full",
    delete: str | None = None,
    list: bool = False,
    confirmation: _Confirmation = _Confirmation(),
    json: JsonOption = False,
    service: _Service = _Service(),
) -> int | None:
    """Create, delete or list tokens of a device, as tagodev token does.

    Args:
        create: Create a token with this name.
        delete: Delete a token by name or prefix.
        list: List tokens (default).
    """
    _check_one_action(confirmation, create=create is not None, delete=delete is not None, list=list)
    if create is not None:
        tokens.create(device, create, permission=permission, json=json, service=service.options)
    elif delete is not None:
        return tokens.delete(
            device, delete, confirmation=confirmation, json=json, service=service.options
        )
    else:
        tokens.list_tokens(device, output=OutputOptions(json=json), service=service.options)
    return None


def device_param(
    device: str,
    /,
    *,
    set: list[str] | None = None,
    sent: bool = False,
    delete: str | None = None,
    list: bool = False,
    confirmation: _Confirmation = _Confirmation(),
    json: JsonOption = False,
    service: _Service = _Service(),
) -> int | None:
    """Set, delete or list configuration parameters of a device, as tagodev param does.

    Args:
        set: Set a parameter, KEY=VALUE; repeatable.
        sent: Mark the parameters as read.
        delete: Delete a parameter by id or key.
        list: List parameters (default).
    """
    _check_one_action(confirmation, set=bool(set), delete=delete is not None, list=list)
    if set:
        return params.set_params(device, *set, sent=sent, json=json, service=service.options)
    if delete is not None:
        return params.delete(
            device, delete, confirmation=confirmation, json=json, service=service.options
        )
    params.list_params(device, output=OutputOptions(json=json), service=service.options)
    return None


def data_get(
    device: str,
    /,
    *,
    var: Annotated[list[str] | None, Parameter(name=("--var", "-v"))] = None,
    group: Annotated[str | None, Parameter(name=("--group", "-g"))] = None,
    qty: int = 15,
    start_date: str | None = None,
    end_date: str | None = None,
    query: Annotated[
        Literal["count", "min", "max", "first", "last"] | None, Parameter(name=("--query", "-q"))
    ] = None,
    post: Annotated[str | None, Parameter(name=("--post", "-p"))] = None,
    json: _JsonOption = False,
    service: _Service = _Service(),
) -> None:
    """Read data of a device, as tagodev data list does.

    Args:
        var: Only this variable.
        group: Only this group.
        start_date: Only since this time.
        end_date: Only until this time.
        query: Count, or one register of each variable.
        post: Send this JSON instead of reading.
    """
    chosen = DataFilterOptions(
        variable=var, group=None if group is None else [group], since=start_date, until=end_date
    )
    if post is not None:
        data_post(device, post, json=json, service=service)
    elif query == "count":
        data.count(device, data=chosen, json=json, service=service.options)
    else:
        data.list_data(
            device,
            data=chosen,
            qty=qty,
            mode=None if query is None else _MODES[query],
            output=OutputOptions(json=json),
            service=service.options,
        )


def data_post(
    device: str,
    text: Annotated[str, Parameter(name="JSON")],
    /,
    *,
    json: JsonOption = False,
    service: _Service = _Service(),
) -> None:
    """Send data on behalf of a device, as JSON: one register or a list."""
    data.send_points(device, _points(text), service.options, json=json)


def _points(text: str) -> list[DataCreate]:
    from tagodev._models import DataCreate
    from tagodev._serialization.converter import StructureError, from_wire

    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InputError(f"is not JSON: {error.msg}", path="JSON") from None
    registers = found if isinstance(found, list) else [found]
    known = attrs.fields_dict(DataCreate)
    for index, one in enumerate(registers):
        if not isinstance(one, dict):
            raise InputError("must be an object, or a list of objects", path="JSON")
        for name in one.keys() - known.keys():
            raise InputError(
                "is not a field of a register",
                path=f"[{index}].{name}",
                hint=f"Fields: {', '.join(known)}",
            )
    try:
        return from_wire(registers, list[DataCreate])
    except StructureError as error:
        raise InputError(str(error), path="JSON") from None
