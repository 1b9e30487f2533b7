"""Selection of devices: by id, by name, or by filter options."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Final, Literal

import attrs
from cyclopts import Group, Parameter

import tagodev
from tagodev._cli.output.console import print_message
from tagodev._secrets import redact
from tagodev.errors import InputError, TagoError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tagodev import Device, DeviceFilter, Tag, TagFilter, Tago

__all__ = [
    "FILTER_GROUP",
    "FilterOptions",
    "check_positive",
    "device_id_of",
    "find_device",
    "find_devices",
    "key_and_value",
]

FILTER_GROUP: Final = Group("Which devices", sort_key=2)

_ID: Final = re.compile(r"[0-9a-fA-F]{24}")
#: A token of any kind; refused without repeating it.
_TOKEN: Final = re.compile(
    r"(?:[paun]-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE
)


def key_and_value(text: str, option: str) -> tuple[str, str | None]:
    """Split ``key=value``; a key alone has the value None.

    Args:
        text: the text to split.
        option: the option's name, for the error.

    Raises:
        InputError: the key is empty.
    """
    key, sign, value = text.partition("=")
    if not key.strip():
        raise InputError(f"must be KEY=VALUE, not {text!r}", path=option)
    return key, value if sign else None


def check_positive(number: int | None, option: str) -> None:
    """Check that a number, if it is given, is at least 1.

    Raises:
        InputError: it is not.
    """
    if number is not None and number < 1:
        raise InputError(f"must be 1 or more, not {number}", path=option)


@Parameter(name="*", group=FILTER_GROUP)
@attrs.frozen(kw_only=True)
class FilterOptions:
    """Filter for devices; all given options must match."""

    tag: list[str] | None = None
    """Only with this tag, KEY=VALUE or KEY; repeatable."""
    name: str | None = None
    """Only with this name; * matches any text."""
    network: str | None = None
    """Only of the network with this id."""
    connector: str | None = None
    """Only of the connector with this id."""
    serial: str | None = None
    """Only with this serial number."""
    type: Literal["mutable", "immutable", "hybrid"] | None = None
    """Only of this data storage type."""
    active: Annotated[bool | None, Parameter(name="--active", negative="--inactive")] = None
    """Only active or inactive devices."""
    limit: int | None = None
    """Maximum number, the first by name."""

    def __bool__(self) -> bool:
        # A limit alone selects no devices.
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
        """Return the devices, sorted by name.

        Args:
            tago: an open client.
            fields: fields to return besides id and name.
            resolve_names: whether to return the names of networks and connectors.
            complete: whether to return every device even if others are deleted meanwhile; this
                takes up to twice the list requests.

        Raises:
            InputError: a filter is invalid.
            RequestError: the list request failed.
        """
        check_positive(self.limit, "--limit")
        complete = complete and self.limit is None

        from tagodev.provision._device_lists import list_devices, read_missing

        async def read(names: tuple[str, ...]) -> list[Device]:
            listing = tago.devices.list(
                filter=self._filter(),
                serial=self.serial,
                fields=names,
                order_by="created_at,asc" if complete else "name,asc",
                resolve_connector_name=resolve_names,
            )
            if complete:
                return sorted(await listing.complete(), key=attrgetter("name"))
            return await listing.collect(self.limit)

        found, missing = await list_devices(read, fields)
        if missing and found:
            print_message(
                f"The service does not list {', '.join(missing)}; reading it of each of the "
                f"{len(found)} devices"
            )
        return await read_missing(tago, found, missing)

    async def find_verified(self, tago: Tago, fields: Iterable[str] = ()) -> list[Device]:
        """Return the devices, each checked against the filter, for destructive commands.

        A service that interprets or ignores a condition differently would list other devices.

        Args:
            tago: an open client.
            fields: fields to return besides those of the filter.

        Raises:
            TagoError: the service returned a device that does not match the filter.
        """
        found = await self.find(tago, {*fields, "tags", *self._equalities()}, complete=True)
        for device in found:
            if not self._selects(device):
                raise TagoError(
                    f"The service listed the device {device.id}, which does not match the filter; "
                    "nothing was changed"
                )
        return found

    def _equalities(self) -> dict[str, str | bool]:
        """Return the conditions that require a field to equal a value."""
        names = ("network", "connector", "type", "active")
        return {name: given for name in names if (given := getattr(self, name)) is not None}

    def _selects(self, device: Device) -> bool:
        required = [self._tag(text) for text in self.tag or ()]
        return (
            all(getattr(device, name) == value for name, value in self._equalities().items())
            and (self.name is None or _matches(self.name, device.name))
            and all(any(_tag_matches(tag, one) for tag in device.tags) for one in required)
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
    """Return whether a text matches a pattern with ``*``, ignoring case as the service may."""
    # A regular expression with several ".*" would take minutes for a long text.
    first, *rest = pattern.casefold().split("*")
    text = text.casefold()
    if not rest:
        return text == first
    *middle, last = rest
    at, end = len(first), len(text) - len(last)
    if not (text.startswith(first) and text.endswith(last) and at <= end):
        return False
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _tag_matches(tag: Tag, required: TagFilter) -> bool:
    value = required.value if isinstance(required.value, str) else "*"
    key = required.key if isinstance(required.key, str) else "*"
    return _matches(key, tag.key) and _matches(value, tag.value)


async def find_device(tago: Tago, text: str) -> Device:
    """Return a device by its id, or by a name that only one device has.

    Args:
        tago: an open client.
        text: an id or a name.

    Raises:
        InputError: several devices have that name, or the text is a token.
        NotFoundError: no device has that id or name.
    """
    if _ID.fullmatch(text):
        return await tago.devices.info(text)
    return await tago.devices.info(await _id_by_name(tago, text))


async def find_devices(tago: Tago, names: Iterable[str]) -> list[Device]:
    """Return devices by ids or unique names, without duplicates.

    Args:
        tago: an open client.
        names: ids, or names that only one device has.

    Raises:
        InputError: as `find_device`.
        NotFoundError: as `find_device`.
    """
    found = [await find_device(tago, name) for name in names]
    return list({device.id: device for device in found}.values())


async def device_id_of(tago: Tago, text: str) -> str:
    """Return the id of a device; an id is returned as it is, without a request.

    Args:
        tago: an open client.
        text: an id, or a name that only one device has.

    Raises:
        InputError: several devices have that name, or the text is a token.
        NotFoundError: no device has that name.
    """
    return text if _ID.fullmatch(text) else await _id_by_name(tago, text)


async def _id_by_name(tago: Tago, name: str) -> str:
    if redact(name) != name:
        raise InputError(
            "looks like a token, which other users can see in the list of processes",
            path="DEVICE",
            hint="Give the device's id or name",
        )
    if not name.strip():
        raise InputError("is empty: give a device's id or name", path="DEVICE")
    listing = tago.devices.list(filter=tagodev.DeviceFilter(name=name), fields=())
    # The service ignores case and treats * as a wildcard.
    ids = [device.id async for device in listing if device.name == name]
    if len(ids) == 1:
        return ids[0]
    if not ids:
        raise tagodev.NotFoundError(f"There is no device with the id or name {name!r}")
    shown = ", ".join(ids[:10]) + (" ..." if len(ids) > 10 else "")
    raise InputError(
        f"{len(ids)} devices have the name {name!r}", path="DEVICE", hint=f"Give one id: {shown}"
    )
