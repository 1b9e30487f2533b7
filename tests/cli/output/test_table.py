"""What is shown of a list and of one thing, to people and to programs."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tagodev import ConfigurationParameter, Device, DeviceToken, Secret, Tag
from tagodev._cli.output.table import OutputOptions, record_of, show_record, show_rows
from tagodev._cli.output.text import clean
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

KNOWN = ("id", "name", "active", "tags", "last_input", "description")
MOMENT = datetime(2026, 3, 1, 12, 30, 5, 250000, tzinfo=UTC)
DEVICES = [
    Device(id="a" * 24, name="Cold room 3", active=True, tags=(Tag("site", "7"), Tag("x", "1,2"))),
    Device(id="b" * 24, name="Kühlraum\x1b[2J", active=False, last_input=MOMENT),
]


def rows_of(columns: Sequence[str]) -> list[dict[str, Any]]:
    """Return the devices' plain values."""
    return [record_of(device, columns) for device in DEVICES]


def shown(capsys: pytest.CaptureFixture[str], output: OutputOptions, columns: Sequence[str]) -> str:
    """Return what a list looks like."""
    show_rows(rows_of(columns), columns, output, noun="devices", flexible=("name", "tags"))
    return capsys.readouterr().out


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let standard output be a terminal of 60 columns."""
    monkeypatch.setattr("tagodev._cli.output.table._on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    return monkeypatch


# --- which columns -----------------------------------------------------------------------------


def test_people_and_programs_see_different_columns() -> None:
    """A person sees what matters, a program gets everything, or what was asked for."""

    def columns(**given: Any) -> tuple[str, ...]:
        return OutputOptions(**given).columns(KNOWN, people=("id", "name"), programs=KNOWN[:4])

    assert ("id", "name") == columns()
    assert KNOWN[:4] == columns(json=True) == columns(csv=True)
    assert ("description", "tag.site", "id") == columns(fields="description, tag.site,id,id")
    assert ("description",) == columns(fields="description", json=True)


@pytest.mark.parametrize("fields", ["nmae", "", "id,", "tag.", "id,,name"])
def test_a_field_that_there_is_not(fields: str) -> None:
    """An unknown field is named, with the known ones."""
    with pytest.raises(InputError, match=r"unknown field: .*Known: id, name"):
        OutputOptions(fields=fields).columns(KNOWN, people=KNOWN)


def test_tags_are_fields_only_of_what_has_tags() -> None:
    """``tag.KEY`` of a parameter means nothing."""
    with pytest.raises(InputError, match="unknown field"):
        OutputOptions(fields="tag.site").columns(("key", "value"), people=("key",))


def test_json_and_csv_exclude_each_other() -> None:
    """The options exclude each other."""
    with pytest.raises(InputError, match="--csv: can't be combined with --json"):
        OutputOptions(json=True, csv=True).columns(KNOWN, people=KNOWN)


# --- lists -------------------------------------------------------------------------------------


def test_a_table_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """Columns are aligned, nothing is cut short, and nothing a terminal would obey gets out."""
    columns = ("id", "name", "active", "tags", "tag.site", "last_input")
    lines = shown(capsys, OutputOptions(), columns).splitlines()

    assert [
        ["id", "name", "active", "tags", "tag.site", "last_input"],
        ["a" * 24, "Cold room 3", "yes", "site=7, x=1,2", "7", "-"],
        ["b" * 24, "Kühlraum\\x1b[2J", "no", "-", "-", "2026-03-01T12:30:05Z"],
    ] == [re.split(" {2,}", line) for line in lines]
    assert 1 == len(
        {line.index(cell) for line, cell in zip(lines, ("active", "yes", "no"), strict=True)}
    )


def test_a_table_on_a_narrow_terminal(
    terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names are cut short so that lines fit; ids and figures never are."""
    lines = shown(capsys, OutputOptions(), ("id", "name", "active", "tags")).splitlines()

    assert all(cell_len(line) <= 60 for line in lines)
    assert f"{'a' * 24}  Cold room 3   yes     site=7, x=1…" == lines[1]


def test_ids_stay_whole_on_any_terminal(
    terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing is left to be cut, a line is longer than the terminal is wide."""
    terminal.setenv("COLUMNS", "20")

    assert "a" * 24 in shown(capsys, OutputOptions(), ("id", "name", "active"))


def test_the_header_is_bold_where_colour_is_wanted(
    terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """NO_COLOR and a dumb terminal are respected."""
    assert "\x1b" not in shown(capsys, OutputOptions(), ("id", "name"))
    terminal.delenv("NO_COLOR")
    terminal.setenv("TERM", "xterm")
    assert shown(capsys, OutputOptions(), ("id", "name")).startswith("\x1b[1mid")
    terminal.setenv("TERM", "dumb")
    assert "\x1b" not in shown(capsys, OutputOptions(), ("id", "name"))


def test_a_terminal_is_told_how_many(
    terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person sees their number, in singular and plural."""
    show_rows(rows_of(("id",)), ("id",), OutputOptions(), noun="devices")
    assert "2 devices\n" == capsys.readouterr().err
    show_rows(rows_of(("id",))[:1], ("id",), OutputOptions(), noun="devices")
    assert "1 device\n" == capsys.readouterr().err


def test_wide_letters(terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Letters that take two places do not push columns about, whole or cut short."""
    rows = [{"name": "冷蔵室" * 12, "id": "xx"}, {"name": "room", "id": "yy"}]
    show_rows(rows, ("name", "id"), OutputOptions(), noun="devices")
    lines = capsys.readouterr().out.splitlines()

    assert {60} == {cell_len(line) for line in lines[1:]}


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """A program gets one line with an array, in the service's own form."""
    out = shown(capsys, OutputOptions(json=True), ("name", "tags", "last_input", "active"))

    assert 1 == out.count("\n")
    assert [
        {
            "name": "Cold room 3",
            "tags": [{"key": "site", "value": "7"}, {"key": "x", "value": "1,2"}],
            "last_input": None,
            "active": True,
        },
        {
            "name": "Kühlraum\x1b[2J",
            "tags": [],
            "last_input": "2026-03-01T12:30:05.250000Z",
            "active": False,
        },
    ] == orjson.loads(out)


def test_csv(capsys: pytest.CaptureFixture[str]) -> None:
    """Each key of a tag has a column, as in the files that devices are made of."""
    out = shown(capsys, OutputOptions(csv=True), ("id", "tags", "active", "last_input"))

    assert [
        ["id", "tag.site", "tag.x", "active", "last_input"],
        ["a" * 24, "7", "1,2", "true", ""],
        ["b" * 24, "", "", "false", "2026-03-01T12:30:05Z"],
    ] == list(csv.reader(io.StringIO(out)))


def test_csv_of_a_tag_that_is_named_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A column stands there once."""
    out = shown(capsys, OutputOptions(csv=True), ("tag.site", "tags", "id"))

    assert ["tag.site", "tag.x", "id"] == next(csv.reader(io.StringIO(out)))


@pytest.mark.parametrize(
    ("output", "out", "err"),
    [
        (OutputOptions(), "", "No devices\n"),
        (OutputOptions(json=True), "[]\n", ""),
        (OutputOptions(csv=True), "id,name\n", ""),
    ],
)
def test_nothing(
    capsys: pytest.CaptureFixture[str], output: OutputOptions, out: str, err: str
) -> None:
    """An empty list is a message in text and an empty list in JSON."""
    show_rows([], ("id", "name"), output, noun="devices")

    assert (out, err) == capsys.readouterr()


# --- one thing ---------------------------------------------------------------------------------


def test_one_thing(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each field with a value; tags, parameters and tokens have one each."""
    record = {
        "id": "a",
        "description": None,
        "visible": False,
        "tags": [{"key": "site\n", "value": "7"}],
        "params": [
            record_of(one, ("key", "value", "sent"))
            for one in (
                ConfigurationParameter("rate", 600),
                ConfigurationParameter("read", 1, sent=True),
            )
        ],
        "tokens": [{"name": "Default", "token": "8be7…", "permission": "full", "serial": None}],
        "networks": ["n1", "n2"],
        "extra": {"a": 1},
    }
    show_record(record)

    assert capsys.readouterr().out.splitlines() == [
        "id          a",
        "visible     no",
        "tag.site\\n  7",
        "param.rate  600  (not sent)",
        "param.read  1",
        "token       Default  8be7…  full",
        "networks    n1, n2",
        'extra       {"a":1}',
    ]


def test_one_thing_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """A program gets one object, empty fields too."""
    show_record({"id": "a", "description": None}, json=True)

    assert {"id": "a", "description": None} == orjson.loads(capsys.readouterr().out)


def test_tokens_show_how_they_begin() -> None:
    """The whole token is shown on request."""
    token = DeviceToken(token=Secret("8be70d95-0dbc-4e16-89b6-b23b077d05e5"), name="Default")

    assert {"token": "8be7…"} == record_of(token, ("token",))
    assert {"token": token.token.reveal()} == record_of(token, ("token",), reveal=True)


# --- text --------------------------------------------------------------------------------------


@given(text=st.text())
def test_cleaned_text_is_printable(text: str) -> None:
    """Control characters in device names are escaped."""
    cleaned = clean(text)

    assert cleaned.isprintable()
    assert cleaned == clean(cleaned)
    if text.isprintable():
        assert cleaned == text


def test_cleaned_text_tells_what_was_there() -> None:
    """What can't be shown is spelt out."""
    assert "a\\x1b[2J\\nb\\u202e" == clean("a\x1b[2J\nb\u202e")
