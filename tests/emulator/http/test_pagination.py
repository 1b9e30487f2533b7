"""The emulator's list of devices: pages, order, fields, filters."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.emulator.support import CONNECTOR, DEVICE, NETWORK, create, refusal, result

if TYPE_CHECKING:
    from aiohttp import ClientSession


async def names(http: ClientSession, query: str) -> list[str]:
    """Return the names in a listing."""
    url = f"/device?{quote(query, safe='=&%')}"
    return [device["name"] for device in await result(await http.get(url))]


async def test_list_is_paged_and_sorted_by_name(http: ClientSession) -> None:
    """A page holds twenty devices, by name, unless told otherwise."""
    for number in range(25):
        await create(http, name=f"d{24 - number:02}")

    assert [f"d{n:02}" for n in range(20)] == await names(http, "")
    assert [f"d{n:02}" for n in range(20, 25)] == await names(http, "page=2")
    assert ["d03", "d04", "d05"] == await names(http, "page=2&amount=3")
    assert 25 == len(await names(http, "amount=99999999"))
    assert 20 == len(await names(http, "page=0&amount=0"))
    assert [] == await names(http, "page=3")
    assert ["d24", "d23"] == await names(http, "amount=2&orderBy=name,desc")
    assert ["d24", "d23"] == await names(http, "amount=2&orderBy=created_at")


async def test_list_gives_the_fields_asked_for(http: ClientSession) -> None:
    """Id, name and tags are always there; the bucket is an id; unknown fields are left out."""
    created = await create(http)
    (usual,) = await result(await http.get("/device"))
    (more,) = await result(await http.get("/device?fields=bucket&fields=active&fields=nonsense"))

    assert {"id": created["device_id"], "name": DEVICE["name"], "tags": []} == usual
    assert {**usual, "bucket": created["device_id"], "active": True} == more


async def test_names_behind_ids_are_resolved(http: ClientSession) -> None:
    """The names of bucket, connector and network come when they are asked for."""
    await create(http, name="Known")
    await create(http, name="Unknown", connector="0" * 24, network="1" * 24)
    both = "resolveBucketName=True&resolveConnectorName=true"
    known, unknown = await result(await http.get(f"/device?{both}"))

    assert ("Known", "Unknown") == (known["bucket_name"], unknown["bucket_name"])
    assert (None, None) == (unknown["connector_name"], unknown["network_name"])
    networks = await result(await http.get(f"/integration/network?filter[id]={NETWORK}"))
    assert networks[0]["name"] == known["network_name"]
    connector = await result(await http.get(f"/integration/connector/{CONNECTOR}"))
    assert connector["name"] == known["connector_name"]
    (one, _) = await result(await http.get("/device?resolveBucketName=false"))
    assert {"id", "name", "tags"} == set(one)


async def test_last_output_is_that_of_reading(http: ClientSession) -> None:
    """What was read last stands first, what was never read last, in either direction."""
    tokens = [(await create(http, name=name))["token"] for name in "abc"]
    for token in (tokens[2], tokens[0]):
        await http.get("/data", headers={"token": token})

    assert ["a", "c", "b"] == await names(http, "orderBy=last_output,desc")
    assert ["c", "a", "b"] == await names(http, "orderBy=last_output,asc")
    fields = "fields[]=last_output&fields[]=inspected_at&fields[]=last_retention"
    read, never, _ = await result(await http.get(f"/device?{fields}"))
    assert read["last_output"].endswith("Z")
    assert (None, None, None) == tuple(
        never[name] for name in ("last_output", "inspected_at", "last_retention")
    )


@pytest.mark.parametrize("query", ["orderBy=tags", "orderBy=name,up", "orderBy=name,ASC"])
async def test_unknown_order_is_refused(http: ClientSession, query: str) -> None:
    """Only some fields can be sorted by, in lower-case directions."""
    response = await http.get(f"/device?{query}")

    assert (400, "Invalid orderBy parameter") == await refusal(response)


async def test_devices_without_the_date_stand_last(http: ClientSession) -> None:
    """A date that never was stands last, whichever the direction."""
    await create(http, name="a")
    await create(http, name="b")

    assert ["a", "b"] == await names(http, "orderBy=last_input,desc")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("filter[name]=Alpha 1", ["Alpha 1"]),
        ("filter[name]=alpha", []),
        ("filter[name]=alpha*", ["Alpha 1", "Alpha 2"]),
        ("filter[name]=*2", ["Alpha 2", "beta_2"]),
        ("filter[name]=*a*2", ["Alpha 2", "beta_2"]),
        ("filter[name]=beta_2", ["beta_2"]),
        ("filter[name]=", ["Alpha 1", "Alpha 2", "beta_2"]),
        ("filter[active]=False", ["beta_2"]),
        ("filter[active]=", ["Alpha 1", "Alpha 2", "beta_2"]),
        ("filter[type]=", ["Alpha 1", "Alpha 2", "beta_2"]),
        ("filter[created_at]=", ["Alpha 1", "Alpha 2", "beta_2"]),
        ("filter[active]=true&filter[visible]=true", ["Alpha 1"]),
        ("filter[type]=immutable", ["Alpha 2"]),
        ("filter[network]=" + NETWORK, ["Alpha 1", "Alpha 2", "beta_2"]),
        ("filter[connector]=" + "0" * 24, []),
        ("filter[tags][0][key]=site", ["Alpha 1", "Alpha 2"]),
        ("filter[tags][0][key]=SITE&filter[tags][0][value]=north*", ["Alpha 1"]),
        ("filter[tags][0][key]=floor&filter[tags][0][value]=north-7", []),
        ("filter[tags][0][key]=site&filter[tags][1][value]=3", ["Alpha 1"]),
        ("filter[tags][][key]=floor", ["Alpha 1"]),
        ("filter[tags][0][key]=", ["Alpha 1", "Alpha 2", "beta_2"]),
        ("filter[created_at]=1 day", ["Alpha 1", "Alpha 2", "beta_2"]),
        ("filter[created_at]=2999-01-01", []),
        ("filter[updated_at]=2020-01-01T00:00:00Z", ["Alpha 1", "Alpha 2", "beta_2"]),
        ("filter[last_input]=1 day", []),
        ("serial=S-1", ["Alpha 1"]),
        ("serial=S-9", []),
        ("serial=s-*", ["Alpha 1", "Alpha 2"]),
        ("serial=s-*&filter[name]=*2", ["Alpha 2"]),
    ],
)
async def test_list_is_filtered(http: ClientSession, query: str, found: list[str]) -> None:
    """Every filter lets exactly the devices through that it describes."""
    site = [{"key": "site", "value": "north-7"}, {"key": "floor", "value": "3"}]
    await create(http, name="Alpha 1", serie_number="S-1", tags=site)
    await create(
        http,
        name="Alpha 2",
        serie_number="S-2",
        visible=False,
        type="immutable",
        chunk_period="day",
        chunk_retention=0,
        tags=[{"key": "site", "value": "south"}],
    )
    await create(http, name="beta_2", active=False)

    assert found == await names(http, query)


async def test_ids_are_filtered_one_or_many(http: ClientSession) -> None:
    """One id, or any of several."""
    ids = [(await create(http, name=name))["device_id"] for name in "abc"]

    assert ["b"] == await names(http, f"filter[id]={ids[1]}")
    assert ["a", "c"] == await names(http, f"filter[id][0]={ids[0]}&filter[id][1]={ids[2]}")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("filter=x", "Filter must be an object"),
        ("filter[colour]=red", "Invalid filter: colour"),
        ("filter[active]=perhaps", "filter[active] must be true or false"),
        ("filter[created_at]=soon", "Invalid date"),
        ("filter[tags]=x", "filter[tags] must be a list of objects with key or value"),
    ],
)
async def test_senseless_filter_is_refused(http: ClientSession, query: str, message: str) -> None:
    """A filter that can't be meant is 400, rather than a list of everything."""
    assert (400, message) == await refusal(await http.get(f"/device?{query}"))
