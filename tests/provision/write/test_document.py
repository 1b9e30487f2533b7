"""Documents: written as a whole or not at all, and read as what they were."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import UNSET, ConfigurationParameter, InputError, Tag
from tagodev.provision import read_devices
from tagodev.provision._managers import stem_of
from tagodev.provision._plan.model import PlanSettings
from tagodev.provision._plan.planner import make_plan
from tagodev.provision._write.document import (
    DocumentHeader,
    check_profile,
    check_service,
    document,
    read_head,
    record_of_device,
    record_of_row,
    save_plan,
    write_document,
)
from tests.provision.support import SETTINGS, device, row
from tests.support.clients import client
from tests.support.strategies import texts

if TYPE_CHECKING:
    from tagodev import Tago

HEAD = DocumentHeader(
    kind="plan",
    service="https://api.us-e1.tago.io",
    profile="67e1a2b3c4d5e6f708192a3b",
    settings=PlanSettings(
        manager="site", known_by="tag:room", new_by="serial", prune=True, tag_mode="replace"
    ),
    fingerprint="1a2b3c",
)
RECORDS: list[dict[str, Any]] = [{"name": "a", "tags": []}, {"name": "b", "active": False}]


# --- writing and reading -------------------------------------------------------------------------


def test_head_and_devices_come_back(tmp_path: Path) -> None:
    """What was written is what is read: the head at once, the devices as rows."""
    path = tmp_path / "plan.json"

    assert 2 == write_document(path, HEAD, iter(RECORDS))
    assert HEAD == read_head(path)
    assert [("a", {"name", "tags"}), ("b", {"name", "active"})] == [
        (one.device.name, set(one.given)) for one in read_devices(path)
    ]


def test_no_devices(tmp_path: Path) -> None:
    """A document without devices is one, too."""
    path = tmp_path / "snapshot.json"
    write_document(path, HEAD, [])

    assert HEAD == read_head(path)
    assert [] == list(read_devices(path))


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    """Plans and snapshots hold serial numbers: mode 0600, whatever the umask."""
    path = tmp_path / "plan.json"
    write_document(path, HEAD, RECORDS)

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_a_place_that_takes_nothing(tmp_path: Path) -> None:
    """A folder that is not there is an error with the file's name."""
    path = tmp_path / "nowhere" / "plan.json"
    with pytest.raises(InputError, match="No such file or directory") as caught:
        write_document(path, HEAD, RECORDS)

    assert str(path) == caught.value.source


@pytest.mark.parametrize(
    "text",
    ["", "name\na\n", '{"name": "a"}', "[]", '{"devices": []}', ' {"tagodev": {}}', "\xff"],
)
def test_other_files_have_no_head(tmp_path: Path, text: str) -> None:
    """What tagodev has not written is not taken for a document."""
    path = tmp_path / "site.json"
    path.write_text(text, encoding="latin-1")

    assert read_head(path) is None


def test_what_is_no_file_has_no_head(tmp_path: Path) -> None:
    """Neither a folder, nor a pipe, which can be read but once, nor nothing."""
    os.mkfifo(tmp_path / "pipe")

    assert [None] * 3 == [read_head(tmp_path / name) for name in ("", "pipe", "nothing")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"format":1', '"format":2'),
        ('"format":1,', ""),
        ('"kind":', '"sort":'),
        ('"known_by":"tag:room"', '"known_by":"colour"'),
        ('"intent":{', '"intent":[],"more":{'),
        ('"manager":"site"', '"manager":7'),
        ('{"tagodev": {', '{"tagodev": ['),
    ],
)
def test_documents_of_another_version(tmp_path: Path, old: str, new: str) -> None:
    """A head that is not understood is refused, with the file's name."""
    path = tmp_path / "plan.json"
    text = b"".join(document(HEAD, RECORDS)).decode()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match="another version") as caught:
        read_head(path)

    assert str(path) == caught.value.source


def listed(items: Any) -> list[Any]:
    """Return what a row gives, which may be nothing."""
    return [] if items is UNSET else list(items)


# --- rows and devices ----------------------------------------------------------------------------


@given(
    tags=st.lists(st.builds(Tag, texts.filter(str.strip), texts), max_size=4),
    parameters=st.lists(
        st.builds(ConfigurationParameter, texts.filter(str.strip), texts, sent=st.booleans()),
        max_size=4,
        unique_by=lambda one: one.key,
    ),
    name=texts.filter(str.strip),
    description=texts,
)
def test_any_device_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    tags: list[Tag],
    parameters: list[ConfigurationParameter],
    name: str,
    description: str,
) -> None:
    """Whatever a device holds, its record is read as the same; and so is that row's record."""
    path = tmp_path_factory.mktemp("any") / "snapshot.json"
    there = device(name, *tags, description=description)
    write_document(path, HEAD, [record_of_device(there, parameters=parameters, with_id=True)])
    (first,) = read_devices(path)
    write_document(path, HEAD, [record_of_row(first)])
    (second,) = read_devices(path)

    assert there.id == first.device_id
    assert (name, description) == (first.device.name, first.device.description)
    assert tags == listed(first.device.tags)
    assert parameters == listed(first.device.configuration_params)
    assert (first.device, first.device_id) == (second.device, second.device_id)
    # Of lists it does not matter whether an empty one is given.
    lists = {"tags", "configuration_params"}
    assert first.given - lists == second.given - lists


def test_of_parameters_with_one_key_the_first_counts() -> None:
    """It is the one that setting it would change."""
    twins = [ConfigurationParameter("a", "1"), ConfigurationParameter("a", "2")]
    record = record_of_device(device(), parameters=twins)

    assert [{"key": "a", "value": "1", "sent": False}] == record["configuration_params"]


def test_every_field_is_kept(tmp_path: Path) -> None:
    """A device of the richest kind loses nothing on the way."""
    there = device(
        type="hybrid",
        chunk_period="day",
        chunk_retention=0,
        mutable_variable_regex="^set",
        payload_decoder="Ly8=",
        description="north",
        active=False,
        visible=False,
    )
    path = tmp_path / "snapshot.json"
    write_document(path, HEAD, [record_of_device(there)])
    (found,) = read_devices(path)

    for name in found.given - {"tags", "name"}:
        assert getattr(there, name) == getattr(found.device, name)
    assert 11 == len(found.given - {"tags", "name"}) + 1


# --- what belongs where --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("site.csv", "site"),
        ("SITE.XLSX", "SITE"),
        ("hall 1.1.csv", "hall 1.1"),
        ("hall 1.2.csv", "hall 1.2"),
        ("site.csv.csv", "site.csv"),
        ("site.tsv", "site"),
        ("site.json", "site"),
        ("site.jsonl", "site"),
        ("site.ndjson", "site"),
        ("site.yaml", "site"),
        ("site.Yml", "site"),
        ("site.xlsm", "site"),
        ("site.2026", "site.2026"),
        ("site.old", "site.old"),
        ("site", "site"),
        (".hidden.csv", "hidden"),
        ("...", "..."),
    ],
)
def test_the_name_of_what_is_managed(name: str, stem: str) -> None:
    """A file's own name without the suffix of its format, and nothing else cut."""
    assert stem == stem_of(Path("folder.d") / name)


async def test_a_kept_plan_comes_out_the_same(tago: Tago, tmp_path: Path) -> None:
    """The plan that is made from what was kept has the fingerprint of the one that was kept."""
    rows = [
        row("a", line=5, active=False, tags={"room": "1"}, params={"rate": "600"}),
        row("b", line=9, description="two\nlines", serie_number="0042"),
    ]
    path = tmp_path / "plan.json"
    plan = await make_plan(tago, rows, SETTINGS)
    save_plan(path, plan, rows, tago)
    head = read_head(path)
    assert head is not None
    again = await make_plan(tago, read_devices(path), head.settings)

    assert plan.fingerprint == again.fingerprint == head.fingerprint
    assert ("plan", tago.base_url, SETTINGS) == (head.kind, head.service, head.settings)


async def test_documents_of_elsewhere_are_refused(tago: Tago) -> None:
    """A plan or a snapshot is about one service and one profile; an export is about any."""
    plan = attrs.evolve(await make_plan(tago, [], SETTINGS), profile="2" * 24)
    here = attrs.evolve(HEAD, service=tago.base_url, profile="2" * 24)
    check_service(here, tago)
    check_profile(here, plan)
    check_profile(attrs.evolve(here, profile=""), plan)
    check_profile(HEAD, attrs.evolve(plan, profile=""))
    export = attrs.evolve(HEAD, kind="export")
    check_service(export, tago)
    check_profile(export, plan)
    with pytest.raises(InputError, match=r"belongs to https://api\.us-e1\.tago\.io, not to"):
        check_service(HEAD, tago)
    with pytest.raises(InputError, match=r"belongs to profile 67e1.*, not to 2222"):
        check_profile(HEAD, plan)


def test_a_client_of_another_service_is_another(tmp_path: Path) -> None:
    """The address counts, not the client."""
    check_service(attrs.evolve(HEAD, service="http://127.0.0.1:9"), client("http://127.0.0.1:9"))
