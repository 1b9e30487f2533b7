"""Where nobody knows what the service does, the emulator does either; the client stands both."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tagodev import (
    ConfigurationParameter,
    DataCreate,
    DeviceCreate,
    DeviceEdit,
    InputError,
    ServiceError,
    TokenCreate,
)
from tagodev._cli.commands import emulator as command
from tagodev.emulator import Emulator, EmulatorOptions
from tagodev.emulator import _variants as variants
from tagodev.emulator._options import VARIANTS
from tests.support.clients import client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tagodev import Tago


EITHER = pytest.mark.parametrize("chosen", [(), VARIANTS], ids=["usual", "varied"])
POINT = DataCreate("temperature", 21.5)


def options(*chosen: str, **more: Any) -> EmulatorOptions:
    """Return options with variants."""
    return EmulatorOptions(variants=chosen, **more)


def accepted(emulator: Emulator) -> dict[str, int]:
    """Return what each counter of data by POST has accepted."""
    routes = emulator.stats()["routes"].items()
    return {
        name: one["accepted"] for name, one in routes if name.startswith("POST") and "data" in name
    }


@asynccontextmanager
async def opened(chosen: EmulatorOptions) -> AsyncIterator[tuple[Emulator, Tago]]:
    """Give an emulator and a client of its profile."""
    async with Emulator(chosen) as emulator, client(emulator.url, token=emulator.token) as tago:
        yield emulator, tago


@EITHER
async def test_data_arrives_either_way(chosen: tuple[str, ...]) -> None:
    """A profile's client sends, whether or not the route by the id is open to its token."""
    async with opened(options(*chosen)) as (emulator, tago):
        made = await tago.devices.create(DeviceCreate(name="Probe"))
        for _ in range(3):
            await tago.data.send(made.device_id, POINT)

        assert 3 == await tago.data.count(made.device_id)
        # Once refused by id, or never.
        usual, varied = {"POST /data": 4}, {"POST /device/:device_id/data": 3}
        assert (varied if chosen else usual) == accepted(emulator)


@EITHER
async def test_parameters_are_set_once_either_way(chosen: tuple[str, ...]) -> None:
    """What the client sets stands there once, whatever the service does with a second of a key."""
    async with opened(options(*chosen)) as (_, tago):
        made = await tago.devices.create(DeviceCreate(name="Probe"))
        for value in (1, 2):
            await tago.parameters.set(made.device_id, [ConfigurationParameter("rate", value)])

        assert [("rate", "2")] == [
            (one.key, one.value) for one in await tago.parameters.list(made.device_id)
        ]


@pytest.mark.parametrize(("chosen", "values"), [((), ["1", "2"]), (("parameters-by-key",), ["2"])])
async def test_a_second_of_a_key(chosen: tuple[str, ...], values: list[str]) -> None:
    """Without an id it is added, or edits the one that is there."""
    async with (
        opened(options(*chosen)) as (emulator, tago),
        client(emulator.url, token=emulator.tokens_by_kind["network"]) as network,
    ):
        made = await tago.devices.create(DeviceCreate(name="Probe"))
        for value in (1, 2):
            parameters = [ConfigurationParameter("rate", value)]
            await network.networks.set_parameters(made.device_id, parameters)

        assert values == [one.value for one in await tago.parameters.list(made.device_id)]


async def test_counters_of_ones_own_have_the_same_figures() -> None:
    """Counted apart, data by the id has the limits of ``/data``, an aggregate both of its own."""
    limits = {"GET /data": 2}
    async with opened(options("own-data-counters", limits=limits)) as (emulator, tago):
        made = await tago.devices.create(DeviceCreate(name="Probe"))
        await tago.data.count(made.device_id)
        await tago.data.aggregate(made.device_id, "sum", "day")
        routes = emulator.stats()["routes"]

    assert 2 == routes["GET /device/:device_id/data"]["limit"]
    assert (2, 1) == (
        routes["GET /device/:device_id/data"]["accepted"],
        routes["GET /data?query=aggregate"]["accepted"],
    )
    assert "GET /data" not in routes


async def test_soft_limits_hold_on_counters_of_ones_own() -> None:
    """What a device is limited to holds by whichever route."""
    chosen = options("own-data-counters", device_rpm={"data_output": 1}, minute=3600.0)
    async with opened(chosen) as (emulator, tago):
        made = await tago.devices.create(DeviceCreate(name="Probe"))
        await tago.data.count(made.device_id)
        routes = emulator.stats()["routes"]

    assert 1 == routes[f"GET /device/:device_id/data?device={made.device_id}"]["limit"]


async def test_short_names() -> None:
    """A name of two characters is refused where three are asked for, of devices and tokens."""
    async with opened(options("names-from-3")) as (_, tago):
        made = await tago.devices.create(DeviceCreate(name="abc"))
        for call in (
            tago.devices.create(DeviceCreate(name="ab")),
            tago.devices.edit(made.device_id, DeviceEdit(name="ab")),
            tago.tokens.create(made.device_id, TokenCreate("ab")),
        ):
            with pytest.raises(ServiceError, match="name must be a text of 3 to 100 characters"):
                await call


def test_every_variant_is_told() -> None:
    """The module says what each name means."""
    for name in VARIANTS:
        assert f"- ``{name}``: " in str(variants.__doc__)


@pytest.mark.parametrize("wrong", ["names-from-3", ["nonsense"], [3], 3])
def test_other_names_are_refused(wrong: Any) -> None:
    """What it does not know it does not silently leave out."""
    with pytest.raises(ValueError, match="variants must be"):
        EmulatorOptions(variants=wrong)


def test_they_travel_to_a_process_of_its_own() -> None:
    """Written as JSON and read, options are the same."""
    chosen = options(*VARIANTS)
    assert chosen == EmulatorOptions.from_json(chosen.to_json())


def test_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variants and soft limits are repeatable options; what can't be meant is said."""
    seen: list[EmulatorOptions] = []

    async def serve(chosen: EmulatorOptions, _: Callable[[str, str], None]) -> None:
        seen.append(chosen)

    monkeypatch.setattr(command, "serve", serve)
    command.emulator(variant=["names-from-3"], rpm=["data_input=5", "data_output=6"])

    assert ("names-from-3",) == seen[0].variants
    assert {"data_input": 5, "data_output": 6} == seen[0].device_rpm
    for wrong in ({"variant": ["x"]}, {"rpm": ["data_input"]}, {"rpm": ["x=1"]}):
        with pytest.raises(InputError):
            command.emulator(**wrong)  # type: ignore[arg-type]
