"""Which devices a command is about: one by its id or name, or all that a filter lets through."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Final, Literal

import attrs
from cyclopts import Group, Parameter

import tagodev
from tagodev.errors import InputError, TagoError
from tagodev.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tagodev import Device, DeviceFilter, Tag, TagFilter, Tago

__all__ = [
    "FILTER_GROUP",
    "FilterOptions",
    "device_id_of",
    "find_device",
    "find_devices",
    "key_and_value",
]

FILTER_GROUP: Final = Group("Which devices", sort_key=2)

_ID: Final = re.compile(r"[0-9a-fA-F]{24}")
#: A token, of whatever kind: it is refused, and not repeated.
_TOKEN: Final = re.compile(
    r"(?:[paun]-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE
)


def key_and_value(text: str, option: str) -> tuple[str, str | None]:
    """Return both sides of ``key=value``; a key alone has no value.

    Args:
        text: what was given.
        option: where, for the error.

    Raises:
        InputError: the key is empty.
    """
    key, sign, value = text.partition("=")
    if not key.strip():
        raise InputError(f"must be KEY=VALUE, not {text!r}", path=option)
    return key, value if sign else None


@Parameter(name="*", group=FILTER_GROUP)
@attrs.frozen(kw_only=True)
class FilterOptions:
    """Which devices: those of which all that is given here holds."""

    tag: Annotated[
        list[str] | None,
        Parameter(negative="", help="With this tag, KEY=VALUE or only KEY; repeatable."),
    ] = None
    name: Annotated[
        str | None, Parameter(help="Of this name; * stands for any run of characters.")
    ] = None
    network: Annotated[str | None, Parameter(help="Of the network with this id.")] = None
    connector: Annotated[str | None, Parameter(help="Of the connector with this id.")] = None
    serial: Annotated[str | None, Parameter(help="With this serial number.")] = None
    type: Annotated[
        Literal["mutable", "immutable", "hybrid"] | None,
        Parameter(help="That keep data this way."),
    ] = None
    active: Annotated[
        bool | None,
        Parameter(name="--active", negative="--inactive", help="Active ones, or inactive ones."),
    ] = None
    limit: Annotated[int | None, Parameter(help="At most so many, the first by name.")] = None

    def __bool__(self) -> bool:
        # A limit alone says how many, and not which.
        return any(
            value is not None for name, value in attrs.asdict(self).items() if name != "limit"
        )

    async def find(
        self,
        tago: Tago,
        fields: Iterable[str],
        *,
        resolve_names: bool = False,
        complete: bool = False,
    ) -> list[Device]:
        """Return the devices, by name.

        Args:
            tago: an open client.
            fields: what to give of each besides its id and name.
            resolve_names: whether to give the names of their networks and connectors too.
            complete: whether a deletion meanwhile must not hide any of them, which takes up to
                twice the list requests.

        Raises:
            InputError: a filter that can't be meant.
            RequestError: the service did not list them.
        """
        if self.limit is not None and self.limit < 1:
            raise InputError(f"must be 1 or more, not {self.limit}", path="--limit")
        complete = complete and self.limit is None
        listing = tago.devices.list(
            filter=self._filter(),
            serial=self.serial,
            fields=fields,
            order_by="created_at,asc" if complete else "name,asc",
            resolve_connector_name=resolve_names,
        )
        if complete:
            return sorted(await listing.complete(), key=attrgetter("name"))
        return await listing.collect(self.limit)

    async def find_surely(self, tago: Tago, fields: Iterable[str] = ()) -> list[Device]:
        """Return the devices, for something that can't be undone: each is looked at once more.

        A service that reads a condition in another way, or passes it over, lists devices that
        nobody meant.

        Args:
            tago: an open client.
            fields: what to give of each besides what the filter is about.

        Raises:
            TagoError: the service lists a device that the filter does not let through.
        """
        found = await self.find(tago, {*fields, "tags", *self._plain()}, complete=True)
        for device in found:
            if not self._lets_through(device):
                raise TagoError(
                    f"The service lists the device {device.id}, which the filter leaves out: "
                    "nothing was done"
                )
        return found

    def _plain(self) -> dict[str, str | bool]:
        """Return the conditions on a field that must be equal."""
        names = ("network", "connector", "type", "active")
        return {name: given for name in names if (given := getattr(self, name)) is not None}

    def _lets_through(self, device: Device) -> bool:
        wanted = [self._tag(text) for text in self.tag or ()]
        return (
            all(getattr(device, name) == given for name, given in self._plain().items())
            and (self.name is None or _matches(self.name, device.name))
            and all(any(_carries(tag, one) for tag in device.tags) for one in wanted)
        )

    def _filter(self) -> DeviceFilter:
        given = {
            name: value
            for name, value in attrs.asdict(self).items()
            if value is not None and name not in ("tag", "serial", "limit")
        }
        if self.tag:
            given["tags"] = [self._tag(text) for text in self.tag]
        try:
            return tagodev.DeviceFilter(**given)
        except InputError as error:
            error.path = f"--{error.path}"
            raise

    @staticmethod
    def _tag(text: str) -> TagFilter:
        key, value = key_and_value(text, "--tag")
        return tagodev.TagFilter(key) if value is None else tagodev.TagFilter(key, value)


def _matches(pattern: str, text: str) -> bool:
    """Tell whether a text is what a pattern means, as generously as any service may read it."""
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(".*".join(parts), text, re.IGNORECASE | re.DOTALL) is not None


def _carries(tag: Tag, wanted: TagFilter) -> bool:
    value = wanted.value if isinstance(wanted.value, str) else "*"
    key = wanted.key if isinstance(wanted.key, str) else "*"
    return _matches(key, tag.key) and _matches(value, tag.value)


async def find_device(tago: Tago, text: str) -> Device:
    """Return the device that somebody names by its id, or by its name where only one has it.

    Args:
        tago: an open client.
        text: what was given.

    Raises:
        InputError: there is no device of that name, there are several, or it is a token.
        NotFoundError: there is no device of that id.
    """
    if _ID.fullmatch(text):
        return await tago.devices.info(text)
    return await tago.devices.info(await _id_by_name(tago, text))


async def find_devices(tago: Tago, names: Iterable[str]) -> list[Device]:
    """Return the devices that somebody names, each once.

    Args:
        tago: an open client.
        names: ids, or names that only one device has.

    Raises:
        InputError: as `find_device` does.
        NotFoundError: there is no device of that id.
    """
    found = [await find_device(tago, name) for name in names]
    return list({device.id: device for device in found}.values())


async def device_id_of(tago: Tago, text: str) -> str:
    """Return the id of the device that somebody names; an id is taken at its word.

    Args:
        tago: an open client.
        text: what was given.

    Raises:
        InputError: there is no device of that name, there are several, or it is a token.
    """
    return text if _ID.fullmatch(text) else await _id_by_name(tago, text)


async def _id_by_name(tago: Tago, name: str) -> str:
    if redact(name) != name:
        raise InputError(
            "looks like a token, which others can see in this machine's list of processes",
            path="DEVICE",
            hint="Give the device's id or name",
        )
    if not name.strip():
        raise InputError("is empty: give a device's id or name", path="DEVICE")
    listing = tago.devices.list(filter=tagodev.DeviceFilter(name=name), fields=())
    # The service's own comparison knows no upper and lower case, and takes * for any text.
    ids = [device.id async for device in listing if device.name == name]
    if len(ids) == 1:
        return ids[0]
    if not ids:
        raise tagodev.NotFoundError(f"There is no device with the id or name {name!r}")
    shown = ", ".join(ids[:10]) + (" ..." if len(ids) > 10 else "")
    raise InputError(
        f"{len(ids)} devices are called {name!r}", path="DEVICE", hint=f"Give one id: {shown}"
    )
