"""What an emulator keeps: devices from the start, resets, and the file from run to run."""

from __future__ import annotations

import os
import random
import signal
import stat
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs
import orjson
import pytest
from aiohttp import ClientSession

from tagodev.emulator import Emulator, EmulatorOptions, EmulatorProcess
from tagodev.emulator._http.service import Service
from tagodev.emulator._model.saved_state import StateError, from_state, load, save, to_state
from tests.emulator.support import CONNECTOR, DEVICE, NETWORK, create, refusal, result

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tagodev.emulator._model.store import Store


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[tuple[Emulator, ClientSession]]:
    """Run an emulator, and a client that sends its profile token."""
    async with (
        Emulator(EmulatorOptions(**options)) as emulator,
        ClientSession(emulator.url, headers={"token": emulator.token}) as http,
    ):
        yield emulator, http


def has_identity(value: Any) -> bool:
    """Return whether an object is one of the emulator's that can be changed."""
    kind: Any = type(value)
    return attrs.has(kind) and kind.__hash__ in {None, object.__hash__}


def parts(value: Any) -> Iterator[Any]:
    """Yield what an object of any kind is made of, in a fixed order."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from (key, item)
    elif isinstance(value, list | tuple):
        yield from value
    elif isinstance(value, random.Random):
        yield from value.getstate()
    elif attrs.has(type(value)):
        yield from (getattr(value, field.name) for field in attrs.fields(type(value)))
    elif hasattr(value, "__dict__"):
        yield from parts(vars(value))


def everything(root: object) -> list[Any]:
    """Return all that can be reached from an object, each identity once."""
    found: dict[int, Any] = {}
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if id(value) not in found:
            found[id(value)] = value
            waiting += parts(value)
    return list(found.values())


def assert_same(one: Any, other: Any, seen: dict[int, int] | None = None) -> None:
    """Make sure that two graphs have the same objects in the same places."""
    seen = {} if seen is None else seen
    assert type(one) is type(other)
    inner, inner_other = list(parts(one)), list(parts(other))
    if not inner and not inner_other:
        if not hasattr(one, "__dict__"):
            assert one == other
        return
    if has_identity(one):
        # One that was met before must be the very same one, on both sides.
        assert seen.get(id(one), id(other)) == id(other)
        if id(one) in seen:
            return
        seen[id(one)] = id(other)
    for first, second in zip(inner, inner_other, strict=True):
        assert_same(first, second, seen)


def filled() -> Store:
    """Return a store in which every field of every object has something in it."""
    service = Service(EmulatorOptions(seed=4, token="p-1"))
    service.add_devices(3)
    store = service.store
    first, *_ = store.devices.values()

    def ask(method: str, path: str, body: Any, token: str = "p-1") -> None:
        service.answer(service.admit(method, path, {"token": token}), orjson.dumps(body))

    parameters = [{"key": "$is", "value": "store.Device"}, {"key": "k", "value": "v"}]
    ask("PUT", f"/device/{first.id}", {"tags": [{"key": "$ref", "value": "0"}]})
    ask("POST", f"/device/{first.id}/params", parameters)
    ask("POST", "/integration/network", {"name": "n"})
    (network,) = store.networks
    ask("POST", "/integration/connector", {"name": "c", "networks": [network]})
    point = {"variable": "v", "value": 1, "metadata": {"$items": [{"a": None}]}, "time": 5.5}
    point["location"] = {"lat": 1.5, "lng": -2.5}
    ask("POST", "/data", [point, {**point, "variable": "w"}], next(iter(first.tokens)))
    for number, value in enumerate(everything(store)):
        if has_identity(value):
            for field in attrs.fields(type(value)):
                if getattr(value, field.name) is None:
                    setattr(value, field.name, f"{field.name}-{number}")
    store.index_serials()
    return store


def test_filled_store_comes_back_equal() -> None:
    """Whatever is in a store is in the state, and comes back in the same places."""
    store = filled()
    state = orjson.loads(orjson.dumps(to_state(store)))
    other = Service(EmulatorOptions()).store
    from_state(other, state)

    kinds = {type(value).__name__ for value in everything(store)}
    assert {"Device", "Token", "Tag", "Parameter", "Point", "Traffic", "Network"} <= kinds
    assert {"Connector", "AccessTokenStore", "AccessToken"} <= kinds
    assert store.devices
    other.cap = store.cap
    assert_same(vars(store), vars(other))
    assert store.new_id() == other.new_id()


def test_unknown_kind_is_not_lost_silently() -> None:
    """What has no form in a state is an error when it is written, not when it is missed."""
    store = filled()
    next(iter(store.devices.values())).tags = {1: iter(())}  # type: ignore[assignment]

    with pytest.raises(TypeError, match="a state can't hold a tuple_iterator"):
        to_state(store)


async def test_next_run_goes_on(tmp_path: Path) -> None:
    """Token, ids and all that was made are there again, and new ids are new."""
    file = tmp_path / "site.json"
    async with running(state=file, seed=1) as (emulator, http):
        tags = [{"key": "$ref", "value": "0"}]
        created = await create(http, tags=tags, serie_number="S1", name="Milk")
        body = {"device": created["device_id"], "name": "t", "permission": "read"}
        made = await result(await http.post("/device/token", json=body))
        before = await result(await http.get(f"/device/{created['device_id']}"))
        who = await result(await http.get("/info"))
        token = emulator.token
    async with running(state=file, seed=1) as (emulator, http):
        after = await result(await http.get(f"/device/{created['device_id']}"))
        found = await result(await http.get("/device", params={"serial": "S1"}))
        second = await create(http)

        assert (token, who) == (emulator.token, await result(await http.get("/info")))
        assert before == after
        assert [created["device_id"]] == [device["id"] for device in found]
        assert 400 == (await http.post("/device", json={**DEVICE, "serie_number": "S1"})).status
        assert 2 == len({created["device_id"], second["device_id"]})
        assert 2 == emulator.stats()["devices"]
        async with ClientSession(emulator.url, headers={"token": made["token"]}) as device:
            assert "Milk" == (await result(await device.get("/info")))["name"]


async def test_limiter_begins_anew(tmp_path: Path) -> None:
    """What was counted belongs to a window that is over."""
    options = {"plan": "free", "minute": 3600.0, "state": tmp_path / "site.json"}
    async with running(**options) as (_, http):
        assert 429 == [(await http.post("/device")).status for _ in range(11)][-1]
    async with running(**options) as (emulator, http):
        assert {} == emulator.stats()["routes"]
        assert 201 == (await http.post("/device", json=DEVICE)).status


async def test_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """It holds tokens, whatever mode an older file had."""
    file = tmp_path / "site.json"
    async with running(state=file):
        pass
    file.chmod(0o644)
    async with running(state=file) as (emulator, _):
        token = emulator.token

    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert token in file.read_text(encoding="utf-8")
    assert [file] == [*tmp_path.iterdir()]  # noqa: ASYNC240 - a folder of one file


async def test_saving_on_demand(tmp_path: Path) -> None:
    """The control route writes the file while the emulator runs."""
    file = tmp_path / "site.json"
    async with running(state=file) as (emulator, http):
        await create(http)
        assert not file.exists()
        async with http.post("/_emulator/save") as response:
            assert {"status": True, "result": "Emulator Saved"} == await response.json()
        saved = load(file)

        assert saved is not None
        assert emulator.token == saved.token
        other = Service(EmulatorOptions(token=saved.token)).store
        saved.restore(other)
        assert 1 == len(other.devices)


async def test_what_another_has_written_is_not_written_over(tmp_path: Path) -> None:
    """Of two that go on from one file the second to end says that it could not keep its own."""
    file = tmp_path / "site.json"
    async with running(state=file) as (first, http):
        first.save()
        async with running(state=file) as (second, _):
            await create(http, name="Kept")
            first.save()
            with pytest.raises(OSError, match="another process has written the file"):
                second.save()
            # Whoever takes the file away wants another.
            file.unlink()
            second.save()
        file.unlink()

    async with running(state=file) as (emulator, _):
        assert 1 == emulator.stats()["devices"]


async def test_saving_nowhere_is_refused() -> None:
    """An emulator without a file has nothing to write."""
    async with running() as (_, http):
        message = "the emulator was started without a state file"
        assert (400, message) == await refusal(await http.post("/_emulator/save"))


async def test_saving_that_fails_is_told(tmp_path: Path) -> None:
    """Where the folder has gone the control route says so, and so does the end."""
    folder = tmp_path / "gone"
    folder.mkdir()
    with pytest.raises(FileNotFoundError):  # noqa: PT012 - the answer comes before the end
        async with running(state=folder / "site.json") as (_, http):
            folder.rmdir()
            told = await refusal(await http.post("/_emulator/save"))
            assert (500, "No such file or directory") == told


def test_file_is_replaced_as_a_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk costs the new state, never the old one, and leaves nothing behind."""
    file, store = tmp_path / "site.json", filled()
    save(file, "p-1", store)
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    store.devices.clear()
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(file, "p-1", store)

    assert before == file.read_bytes()
    assert [file] == list(tmp_path.iterdir())


def mended(change: str, to: str) -> bytes:
    """Return the text of a state in which something was changed."""
    text = orjson.dumps({"format": 1, "token": "p-1", "store": to_state(filled())}).decode()
    assert change in text
    return text.replace(change, to, 1).encode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not the state of an emulator, or cut off"),
        (("}}", ""), "not the state of an emulator, or cut off"),
        (b"[]", "not the state of an emulator"),
        (b'{"format": 1, "token": "p-1"}', "not the state of an emulator"),
        (('"format":1', '"format":2'), "has format 2, this version reads 1"),
        (('"token":"p-1"', '"token":"p 1"'), "token must be printable"),
        (("store.Device", "store.Gadget"), "damaged, or written by another version"),
        (("store.Device", "state.Path"), "damaged, or written by another version"),
        (("store.Device", "store.Final"), "damaged, or written by another version"),
        (("store.Device", "nowhere.Device"), "damaged, or written by another version"),
        (('"payload_decoder"', '"decoder"'), "damaged, or written by another version"),
        (('"networks"', '"network"'), "damaged, or written by another version"),
        (('"_tokens"', '"tokens"'), "damaged, or written by another version"),
        (('"created":0', '"created":null'), "damaged, or written by another version"),
        (('{"$ref":', '{"$ref":9'), "damaged, or written by another version"),
        (('"store":', '"store":[],"x":'), "damaged, or written by another version"),
    ],
)
def test_broken_file_is_told(tmp_path: Path, data: bytes | tuple[str, str], message: str) -> None:
    """A file that is no state says which one it is and what is wrong, and stays as it is."""
    file = tmp_path / "site.json"
    if isinstance(data, tuple):
        data = mended(*data)
    file.write_bytes(data)
    with pytest.raises(StateError) as caught:
        Emulator(EmulatorOptions(state=file))

    assert str(caught.value).startswith(f"{file}: {message}")
    assert data == file.read_bytes()


def test_file_that_could_not_be_written_is_told_at_the_start(tmp_path: Path) -> None:
    """A run whose end would be lost is refused at its beginning."""
    with pytest.raises(StateError, match="no file can be made in its folder"):
        Emulator(EmulatorOptions(state=tmp_path / "nowhere" / "site.json"))
    with pytest.raises(StateError, match="is not a regular file"):
        Emulator(EmulatorOptions(state=tmp_path))


def test_file_of_another_token_is_told(tmp_path: Path) -> None:
    """A different token is refused; the message contains neither."""
    file = tmp_path / "site.json"
    save(file, "p-1", filled())

    assert "p-1" == Emulator(EmulatorOptions(state=file, token="p-1")).token
    with pytest.raises(StateError, match="belongs to another token") as caught:
        Emulator(EmulatorOptions(state=file, token="p-2"))
    assert not {"p-1", "p-2"} & set(str(caught.value).split())


@pytest.mark.parametrize("value", ["", 5, b"site.json"])
def test_state_that_is_no_path_is_refused(value: Any) -> None:
    """The file is named by a path."""
    with pytest.raises(ValueError, match="state must be the path of a file"):
        EmulatorOptions(state=value)


@pytest.mark.parametrize("number", [None, signal.SIGINT, signal.SIGTERM])
def test_process_saves_at_its_end(tmp_path: Path, number: signal.Signals | None) -> None:
    """The file is written when the process is stopped and when a signal ends it."""
    file = tmp_path / "site.json"
    options = EmulatorOptions(state=file, devices=2)
    emulator = EmulatorProcess(options)
    emulator.start()
    try:
        assert emulator.pid is not None
        if number is not None:
            os.kill(emulator.pid, number)
    finally:
        emulator.stop()
    with EmulatorProcess(attrs.evolve(options, devices=0)) as again:
        assert emulator.token == again.token
        assert 2 == again.stats()["devices"]


def test_process_saves_on_demand(tmp_path: Path) -> None:
    """The parent can save the file; without a state file it gets an error."""
    file = tmp_path / "site.json"
    with EmulatorProcess(EmulatorOptions(state=file)) as emulator:
        emulator.save()
        assert file.exists()
    with (
        EmulatorProcess() as emulator,
        pytest.raises(ValueError, match="without a state file"),
    ):
        emulator.save()


async def test_stock_is_there_from_the_start() -> None:
    """Initial devices have names in order and a token each, and do not count as created."""
    async with running(devices=12, plan="starter") as (emulator, http):
        query = {"amount": "100", "fields": "name"}
        listed = await result(await http.get("/device", params=query))
        info = await result(await http.get(f"/device/{listed[0]['id']}"))
        (token,) = await result(await http.get(f"/device/token/{listed[0]['id']}"))

        assert [f"device-{n:04}" for n in range(1, 13)] == [device["name"] for device in listed]
        assert (NETWORK, CONNECTOR, "mutable") == (info["network"], info["connector"], info["type"])
        assert "full" == token["permission"]
        stats = emulator.stats()
        assert (12, 12, 0) == (stats["devices"], stats["tokens"], stats["created"])


def test_names_of_a_large_stock_are_equally_long() -> None:
    """In order of their names they are in order of their numbers."""
    service = Service(EmulatorOptions(max_devices=10_000))
    service.add_devices(10_000)
    names = [device.name for device in service.store.devices.values()]

    assert ("device-00001", "device-10000") == (names[0], names[-1])
    assert names == sorted(names)


@pytest.mark.parametrize(
    "options", [{"devices": 6, "plan": "free"}, {"devices": -1}, {"devices": 1.0}]
)
def test_stock_that_does_not_fit_is_refused(options: Any) -> None:
    """The stock is a number of devices that the profile may hold."""
    with pytest.raises(ValueError, match=r"devices must be a whole number from 0 to \d+"):
        EmulatorOptions(**options)


async def test_stock_is_not_added_to_a_state(tmp_path: Path) -> None:
    """A run that goes on has its devices already."""
    options = {"devices": 3, "state": tmp_path / "site.json"}
    async with running(**options) as (_, http):
        listed = await result(await http.get("/device"))
        await http.delete(f"/device/{listed[0]['id']}")
    async with running(**options) as (emulator, http):
        assert listed[1:] == await result(await http.get("/device"))
        emulator.reset()
        assert 3 == emulator.stats()["devices"]


async def test_reset_brings_the_stock_back() -> None:
    """After a reset the profile and its devices are as at the start; the token still works."""
    async with running(devices=2) as (emulator, http):
        who = await result(await http.get("/info"))
        await create(http)
        emulator.reset()

        assert who == await result(await http.get("/info"))
        stats = emulator.stats()
        assert (2, 0, 1) == (stats["devices"], stats["created"], stats["accepted"])


async def test_reset_with_a_seed_repeats_the_ids() -> None:
    """A test that runs after another one gets the ids it would have got alone."""
    async with running(seed=9, devices=1) as (emulator, http):
        profile, token = await result(await http.get("/info")), emulator.token
        first = await create(http)
        emulator.reset()

        assert token == emulator.token
        assert profile == await result(await http.get("/info"))
        assert first == await create(http)


async def test_reset_may_bring_another_token() -> None:
    """With a new token the old one opens nothing any more."""
    async with running() as (emulator, http):
        old = await create(http)
        response = await http.post("/_emulator/reset", json={"token": "p-new"})
        assert 200 == response.status

        assert (401, f"Invalid token: {old['token']}") == await refusal(
            await http.get("/info", headers={"token": old["token"]})
        )
        assert 401 == (await http.get("/info")).status
        assert 200 == (await http.get("/info", headers={"token": "p-new"})).status
        assert "p-new" == emulator.token
        message = "token must be printable ASCII without spaces"
        assert (400, message) == await refusal(
            await http.post("/_emulator/reset", json={"token": 5})
        )


async def test_request_of_before_a_reset_changes_nothing_after_it() -> None:
    """A body that arrives when the emulator has a new token is the old profile's affair."""
    async with running() as (emulator, http):
        sent: list[bytes] = []

        async def body() -> AsyncIterator[bytes]:
            data = orjson.dumps(DEVICE)
            yield data[:10]
            while not emulator.token.endswith("new"):
                if emulator.stats()["accepted"]:
                    emulator.reset("p-new")
                async with ClientSession() as other:
                    await (await other.get(f"{emulator.url}/_emulator/stats")).read()
            sent.append(data[10:])
            yield data[10:]

        response = await http.post("/device", data=body())

        assert 201 == response.status
        assert 1 == len(sent)
        assert 0 == emulator.stats()["devices"]


def test_process_can_be_reset() -> None:
    """The parent resets its child by a request, with another token if it likes."""
    emulator = EmulatorProcess(EmulatorOptions(devices=1))
    with pytest.raises(OSError, match="not running"):
        emulator.reset()
    with emulator:
        token = emulator.token
        emulator.reset()
        assert token == emulator.token
        emulator.reset("p-new")
        assert "p-new" == emulator.token
        assert 1 == emulator.stats()["devices"]
        with pytest.raises(ValueError, match="printable ASCII"):
            emulator.reset("p new")
        assert "p-new" == emulator.token
    with pytest.raises(OSError, match="not running"):
        emulator.stats()
