"""Exports: a profile written down, and made again from what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import ConfigurationParameter, DeviceCreate, InputError, Tag, Tago, TokenCreate
from tagodev._bulk.operations.create_devices import run_tag
from tagodev._filesystem.atomic_write import write_file
from tagodev.emulator import Emulator, EmulatorOptions
from tagodev.provision import read_devices
from tagodev.provision._apply.run import write_steps
from tagodev.provision._plan.model import PlanSettings
from tagodev.provision._plan.planner import make_plan
from tagodev.provision._write.document import DocumentHeader, document
from tagodev.provision._write.export import EXPORT_FIELDS, export_records, known_by_of
from tagodev.provision._write.formats import csv_file, json_line_pieces, yaml_pieces
from tests.provision.support import MARK
from tests.support.clients import client

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tagodev import Device

HEAD = DocumentHeader(
    kind="export", service="http://127.0.0.1:9", settings=PlanSettings(manager="export")
)
FORMATS = ["csv", "json", "jsonl", "yaml"]

#: A profile with something of everything that CSV can say.
PROFILE = [
    DeviceCreate(
        name="Cold room 1",
        tags=[Tag("site", "dairy"), Tag("room, north", "1;2")],
        configuration_params=[ConfigurationParameter("rate", "600", sent=True)],
        description="two\nlines, and a comma",
        active=False,
    ),
    DeviceCreate(
        name='quotes " and ünïcode',
        type="immutable",
        chunk_period="month",
        chunk_retention=6,
        visible=False,
        tags=[Tag("Site", "0042"), Tag("tag.odd", "yes")],
    ),
    DeviceCreate(
        name="-1",
        type="hybrid",
        chunk_period="day",
        chunk_retention=0,
        mutable_variable_regex="^set",
        payload_decoder="Ly8=",
        network="5bbd0de44051a50034cd19fc",
        connector="5f5a8f3351d4db99c40dece6",
        configuration_params=[ConfigurationParameter("null", "~")],
    ),
    DeviceCreate(name="plain", tags=[run_tag("1a2b3c4d", 7), MARK]),
]


async def records(tago: Tago, **options: Any) -> list[dict[str, Any]]:
    """Return a profile's devices as they are exported."""
    devices = await tago.devices.list(fields=EXPORT_FIELDS).collect()
    return [record async for record in export_records(tago, devices, **options)]


def pieces(chosen: str, found: Sequence[dict[str, Any]]) -> Iterator[bytes]:
    """Return a file of records."""
    if chosen == "json":
        return document(HEAD, found)
    if chosen == "jsonl":
        return json_line_pieces(found)
    return iter([csv_file(found)]) if chosen == "csv" else yaml_pieces(found)


def comparable(device: Device) -> dict[str, Any]:
    """Return what of a device is to be the same in another profile."""
    names = [name for name in EXPORT_FIELDS if name not in ("id", "profile", "tags")]
    tags = sorted((tag.key, tag.value) for tag in device.tags if not tag.key.startswith("tagodev"))
    return {**{name: getattr(device, name) for name in names}, "tags": tags}


@pytest.mark.parametrize("chosen", FORMATS)
async def test_a_profile_is_reproduced(tago: Tago, tmp_path: Path, chosen: str) -> None:
    """Applied to the same profile an export changes nothing; to an empty one it makes the same."""
    for spec in PROFILE:
        await tago.devices.create(spec)
    path = tmp_path / f"profile.{chosen}"
    write_file(path, pieces(chosen, await records(tago)))
    settings = PlanSettings(manager="profile")
    to_the_same = await make_plan(tago, read_devices(path), settings)
    async with (
        Emulator(EmulatorOptions(unlimited=True)) as empty,
        client(empty.url, token=empty.token, plan="scale") as other,
    ):
        plan = await make_plan(other, read_devices(path), settings)
        write_steps(plan, tmp_path / "j", other.base_url)
        report = await other.resume(tmp_path / "j")
        again = await make_plan(other, read_devices(path), settings)
        here = await tago.devices.list(fields=EXPORT_FIELDS).collect()
        there = await other.devices.list(fields=EXPORT_FIELDS).collect()
        same = [await _parameters(tago, here), await _parameters(other, there)]

    assert () == to_the_same.steps
    assert (4, 0) == (report.done, report.failed)
    assert () == again.steps
    assert list(map(comparable, here)) == list(map(comparable, there))
    if chosen == "csv":
        # A table has no cell for whether a parameter was read.
        same = [[(name, key, value, False) for name, key, value, _ in one] for one in same]
    assert same[0] == same[1]


async def _parameters(tago: Tago, devices: Sequence[Device]) -> list[tuple[Any, ...]]:
    return [
        (device.name, one.key, one.value, one.sent)
        for device in devices
        for one in await tago.parameters.list(device.id)
    ]


async def test_what_tagodev_has_written_is_left_out(tago: Tago) -> None:
    """Marks belong to the file that a device came from, and to the run that made it."""
    await tago.devices.create(
        DeviceCreate(name="a", tags=[run_tag("1a2b3c4d", 7), Tag("site", "dairy"), MARK])
    )
    (found,) = await records(tago)

    assert [{"key": "site", "value": "dairy"}] == found["tags"]


async def test_tokens(tago: Tago) -> None:
    """The first token is given, and the first serial number, whichever token it stands on."""
    made = await tago.devices.create(DeviceCreate(name="a"))
    await tago.tokens.create(made.device_id, TokenCreate("two", "full", serie_number="0042"))
    (with_tokens,) = await records(tago, tokens=True)
    (without,) = await records(tago)

    assert (made.token.reveal(), "0042") == (with_tokens["token"], with_tokens["serie_number"])
    assert {"token", "serie_number"}.isdisjoint(without)


async def test_requests(emulator: Emulator, tago: Tago) -> None:
    """Parameters and tokens take one request a device each; without them the list is all."""
    for number in range(3):
        await tago.devices.create(DeviceCreate(name=str(number)))
    told: list[tuple[str, int, int | None]] = []
    await records(tago, parameters=False)
    few = _asked(emulator)
    await records(tago, tokens=True, on_progress=lambda *progress: told.append(progress))
    many = _asked(emulator)

    assert {"GET /device": 1} == few
    assert {
        "GET /device": 2,
        "GET /device/:device_id/params": 3,
        "GET /device/token/:device_id": 3,
    } == many
    assert [("devices", 1, 3), ("devices", 2, 3), ("devices", 3, 3)] == told


def _asked(emulator: Emulator) -> dict[str, int]:
    routes = emulator.stats()["routes"]
    return {name: route["accepted"] for name, route in routes.items() if name.startswith("GET")}


async def test_an_export_with_tokens_can_be_applied(tago: Tago, tmp_path: Path) -> None:
    """The tokens in it go no further: a new device has one of its own."""
    await tago.devices.create(DeviceCreate(name="a", serie_number="0042"))
    for chosen in FORMATS:
        path = tmp_path / f"profile.{chosen}"
        write_file(path, pieces(chosen, await records(tago, tokens=True)))
        (row,) = read_devices(path)
        assert ("a", "0042") == (row.device.name, row.device.serie_number)


# --- CSV -----------------------------------------------------------------------------------------


def record(**more: Any) -> dict[str, Any]:
    """Return a record of one device."""
    return {"name": "a", "tags": [], **more}


def pair(key: str, value: str) -> dict[str, str]:
    """Return a tag or a parameter."""
    return {"key": key, "value": value}


def test_columns_of_a_table() -> None:
    """The name first, then fields, tags and parameters by their keys; nobody's is left out."""
    table = csv_file(
        [
            record(tags=[pair("site", "1")], active=True, token="secret"),
            record(configuration_params=[pair("rate", "600")], tags=[pair("room", "2")]),
        ]
    )

    assert (
        b"name,active,tag.room,tag.site,param.rate,token\na,true,,1,,secret\na,,2,,600,\n"
    ) == table


def test_an_empty_table_has_a_header() -> None:
    """So that it is read as a list without devices."""
    assert b"name\n" == csv_file([])


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"tags": [pair("k", "1"), pair("k", "2")]}, "has tag.k twice"),
        ({"tags": [pair("k", "")]}, "has an empty tag.k"),
        ({"tags": [pair(" k", "1")]}, "has a key that begins or ends with a space"),
        ({"configuration_params": [pair("k", "")]}, "has an empty param.k"),
    ],
)
def test_what_a_table_can_not_say(more: dict[str, Any], told: str) -> None:
    """It is refused with the device's name and what to do, before anything is written."""
    with pytest.raises(InputError, match=f"device 'a' .*: it {told}.*--format json"):
        csv_file([record(**more)])


#: Text without what ends a line or a file.
keys = cells = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=6
)
pairs: st.SearchStrategy[Any] = st.builds(pair, keys.filter(str.strip), cells)


def key_of(one: dict[str, str]) -> str:
    """Return the key of a tag or a parameter."""
    return one["key"]


@given(
    found=st.lists(
        st.fixed_dictionaries(
            {
                "name": cells.filter(str.strip),
                "tags": st.lists(pairs, max_size=3),
                "configuration_params": st.lists(pairs, max_size=2, unique_by=key_of),
            }
        ),
        min_size=1,
        max_size=4,
    )
)
@pytest.mark.parametrize("chosen", FORMATS)
def test_whatever_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, chosen: str, found: list[dict[str, Any]]
) -> None:
    """A file that is written at all is read as what it was written from."""
    found = [{**one, "tags": [tag for tag in one["tags"] if tag["key"].strip()]} for one in found]
    for one in found:
        parameters = [pair for pair in one["configuration_params"] if pair["key"].strip()]
        one["configuration_params"] = parameters
    path = tmp_path_factory.mktemp("any") / f"profile.{chosen}"
    try:
        write_file(path, pieces(chosen, found))
    except InputError:
        assert chosen == "csv"
        return
    rows = list(read_devices(path))

    assert found == [
        {
            "name": row.device.name,
            "tags": _by_key(chosen, row.device.tags, one["tags"]),
            "configuration_params": _by_key(
                chosen, row.device.configuration_params, one["configuration_params"]
            ),
        }
        for row, one in zip(rows, found, strict=True)
    ]


def _by_key(chosen: str, items: Any, wanted: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return tags or parameters in the order in which they were written; a table has its own."""
    read = [pair(one.key, one.value) for one in items or ()]
    if chosen == "csv":
        order = {one["key"]: place for place, one in enumerate(wanted)}
        read.sort(key=lambda one: order.get(one["key"], 0))
    return read


# --- by what devices are known -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "known_by"),
    [
        ([], "name"),
        ([record(), record(name="b")], "name"),
        ([record(), record()], None),
        ([record(tags=[pair("k", "1")]), record(tags=[pair("k", "2")])], "tag:k"),
        ([record(tags=[pair("k", "1")]), record(tags=[pair("k", "1")])], None),
        ([record(tags=[pair("k", "1"), pair("k", "2")]), record()], None),
        (
            [record(tags=[pair("k", "1"), pair("k", "2")]), record(tags=[pair("k", "1")])],
            None,
        ),
    ],
)
def test_what_is_different_on_each_device(
    found: list[dict[str, Any]], known_by: str | None
) -> None:
    """Names where they are; or a tag that every device has, and none shares."""
    assert known_by == known_by_of(found)
