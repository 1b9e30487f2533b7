"""Filters of devices, and devices that are named by id or name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tagodev import Device, DeviceCreate, DeviceFilter, Tag, TagFilter, Tago
from tagodev._cli.options.devices import (
    FilterOptions,
    device_id_of,
    find_device,
    find_devices,
    key_and_value,
)
from tagodev.errors import InputError, NotFoundError, TagoError
from tests.support.clients import PLENTY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tagodev.emulator import EmulatorProcess


@pytest.fixture
async def tago(shared_emulator: EmulatorProcess) -> AsyncIterator[Tago]:
    """Give a client of the shared service."""
    async with Tago(shared_emulator.token, api=shared_emulator.url, plan=PLENTY) as client:
        yield client


# --- what the options say ----------------------------------------------------------------------


def test_a_filter_of_everything() -> None:
    """Each option becomes the condition of the same name."""
    options = FilterOptions(
        tag=["site=7", "gateway", "note=a=b", "empty="],
        name="*room*",
        network="n",
        connector="c",
        type="mutable",
        active=False,
        serial="0011",
        limit=3,
    )

    assert options._filter() == DeviceFilter(
        tags=[
            TagFilter("site", "7"),
            TagFilter("gateway"),
            TagFilter("note", "a=b"),
            TagFilter("empty", ""),
        ],
        name="*room*",
        network="n",
        connector="c",
        type="mutable",
        active=False,
    )


@pytest.mark.parametrize(
    ("options", "is_one"),
    [
        (FilterOptions(), False),
        (FilterOptions(limit=5), False),
        (FilterOptions(active=False), True),
        (FilterOptions(name="*"), True),
        (FilterOptions(serial="x"), True),
    ],
)
def test_a_limit_alone_is_no_filter(options: FilterOptions, is_one: bool) -> None:
    """``delete --limit 5`` does not say which five."""
    assert is_one == bool(options)


@pytest.mark.parametrize("text", ["", "=", "=7", " =7"])
def test_a_tag_without_a_key(text: str) -> None:
    """A value alone is nothing to look for, most likely an empty variable."""
    with pytest.raises(InputError, match="--tag: must be KEY=VALUE"):
        key_and_value(text, "--tag")


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_limit_of_nothing(tago: Tago, limit: int) -> None:
    """No device at all is nothing to ask for."""
    with pytest.raises(InputError, match="--limit: must be 1 or more"):
        await FilterOptions(limit=limit).find(tago, ())


async def test_too_many_tags(tago: Tago) -> None:
    """What a query can't hold is refused in the words of the options."""
    with pytest.raises(InputError, match="tags"):
        await FilterOptions(tag=[f"k{n}=v" for n in range(21)]).find(tago, ())


# --- devices that nobody meant -----------------------------------------------------------------


class Dishonest:
    """A service that lists what it likes."""

    def __init__(self, *devices: Device) -> None:
        self.listed = devices
        self.devices = self
        self.fields: set[str] = set()

    async def complete(self) -> list[Device]:
        """Return them."""
        return [*self.listed]

    def list(self, **given: Any) -> Dishonest:
        """List them, whatever is asked for."""
        self.fields = set(given["fields"])
        return self


def device(**changes: Any) -> Device:
    """Return a device that the filter below means."""
    known = {
        "name": "Cold room 3",
        "active": True,
        "network": "n",
        "connector": "c",
        "type": "mutable",
        "tags": (Tag("x", "y"), Tag("site", "7"), Tag("gateway", "")),
    }
    return Device(id="a" * 24, **{**known, **changes})


MEANT = FilterOptions(
    tag=["site=7", "gateway"],
    name="cold*3",
    active=True,
    network="n",
    connector="c",
    type="mutable",
)


async def test_what_is_meant_is_found() -> None:
    """The fields that are needed to look are asked for; letter case is the service's affair."""
    service = Dishonest(device(), device(name="COLD ROOM 33"))

    assert 2 == len(await MEANT.find_verified(service, ("description",)))  # type: ignore[arg-type]  # as much of a client as is used
    assert {"tags", "active", "network", "connector", "type", "description"} == service.fields


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Warm room 3"},
        {"active": False},
        {"active": None},
        {"network": "other"},
        {"connector": "other"},
        {"type": "immutable"},
        {"tags": ()},
        {"tags": (Tag("site", "77"), Tag("gateway", ""))},
        {"tags": (Tag("site", "7"),)},
        {"tags": (Tag("site", "8"), Tag("other", "7"), Tag("gateway", ""))},
    ],
)
async def test_what_nobody_meant_stops_everything(changes: dict[str, Any]) -> None:
    """A condition that the service passes over must not delete a whole profile."""
    service = Dishonest(device(), device(**changes))
    with pytest.raises(TagoError, match="which does not match the filter; nothing was changed"):
        await MEANT.find_verified(service)  # type: ignore[arg-type]  # as above


# --- one device --------------------------------------------------------------------------------


async def test_by_id_and_by_name(tago: Tago) -> None:
    """A device is named by its id, or by a name that only one has, letter for letter."""
    first = await tago.devices.create(DeviceCreate(name="Only one *"))
    await tago.devices.create(DeviceCreate(name="only one *"))
    await tago.devices.create(DeviceCreate(name="Only one more"))

    assert first.device_id == await device_id_of(tago, "Only one *")
    assert first.device_id == (await find_device(tago, first.device_id)).id
    assert first.device_id == (await find_device(tago, "Only one *")).id


async def test_twice_the_same(tago: Tago) -> None:
    """Who names a device twice means it once."""
    made = await tago.devices.create(DeviceCreate(name="Named twice"))
    found = await find_devices(tago, ["Named twice", made.device_id])

    assert [made.device_id] == [one.id for one in found]


async def test_a_name_of_several(tago: Tago) -> None:
    """Which of several is meant is not guessed; their ids are told."""
    made = [await tago.devices.create(DeviceCreate(name="Twins")) for _ in range(2)]
    with pytest.raises(InputError, match="2 devices have the name 'Twins'") as caught:
        await device_id_of(tago, "Twins")

    assert all(one.device_id in caught.value.hint for one in made)


async def test_a_name_of_nobody(tago: Tago) -> None:
    """A device that there is not is told as such."""
    with pytest.raises(NotFoundError, match="no device with the id or name 'Nobody'"):
        await device_id_of(tago, "Nobody")


@pytest.mark.parametrize("text", ["", "  "])
async def test_an_empty_name(tago: Tago, text: str) -> None:
    """An empty variable names no device."""
    with pytest.raises(InputError, match="DEVICE: is empty"):
        await device_id_of(tago, text)


@pytest.mark.parametrize(
    "token", ["8be70d95-0dbc-4e16-89b6-b23b077d05e5", "p-8be70d95-0dbc-4e16-89b6-b23b077d05e5"]
)
async def test_a_token_is_no_name(tago: Tago, token: str) -> None:
    """A token on a command line is refused, not looked up and not repeated."""
    with pytest.raises(InputError, match="looks like a token") as caught:
        await device_id_of(tago, token)

    assert token not in str(caught.value)
