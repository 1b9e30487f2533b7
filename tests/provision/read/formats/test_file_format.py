"""Formats: what each of them may look like, and how it is told from the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tagodev import ConfigurationParameter, Tag
from tagodev.provision import read_device_ids, read_devices
from tagodev.provision._plan.model import PlanSettings
from tagodev.provision._write.document import DocumentHeader, write_document
from tests.provision.files import problems_in, problems_of, write

if TYPE_CHECKING:
    from pathlib import Path


def names_in(path: Path) -> list[tuple[int, str]]:
    """Return the line and the name of each device."""
    return [(row.line, row.device.name) for row in read_devices(path)]


@pytest.mark.parametrize(
    "text",
    [
        "name,type\na,mutable\n",
        "name;type\na;mutable\n",
        "name\ttype\na\tmutable\n",
        "type;name\r\nmutable;a\r\n",
        '"name";"type"\n"a";"mutable"\n',
        "name;tag.a,b\na;c\n",
        'name,"tag.a;b"\na,c\n',
        "\ufeffname;type\na;\n",
        "name\na\n",
        "\n\nname\na\n",
    ],
)
def test_separators_follow_from_the_header(tmp_path: Path, text: str) -> None:
    """Commas, semicolons and tabs do, in files with a mark and without."""
    assert ["a"] == [name for _, name in names_in(write(tmp_path, text))]


def test_a_spreadsheet_may_say_its_separator(tmp_path: Path) -> None:
    """The line that some spreadsheets begin with is no header, and is what counts."""
    path = write(tmp_path, "sep=;\nname;tag.x,y\na;1\n")
    (row,) = read_devices(path)

    assert (3, (Tag("x,y", "1"),)) == (row.line, row.device.tags)


def test_the_separator_is_told(tmp_path: Path) -> None:
    """Whoever mixes them reads which one the header has."""
    path = write(tmp_path, "name;type\na,mutable\n")

    (problem,) = problems_in(path)

    assert problem == (
        "2: 1 cell, but the header has 2. Cells are separated by semicolons: "
        "quote values that contain a semicolon"
    )


def test_empty_cells_behind_the_last_column_do_not_matter(tmp_path: Path) -> None:
    """Spreadsheets write them where a column was once."""
    path = write(tmp_path, "name,type,\na,,\nb,,,,\n")

    assert [(2, "a"), (3, "b")] == names_in(path)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('[{"name": "a"}, {"name": "b"}]', [1, 1]),
        ('\n[\n  {\n"name": "a"},\n{"name":\n"b"}]\n', [3, 5]),
        ('{"devices": [{"name": "a"},\n{"name": "b"}]}', [1, 2]),
        ('{"x-mine": {"devices": 1},\n"Devices":\n[{"name": "a"},\n{"name": "b"}]\n}', [3, 4]),
        ('{"name": "a"}\n{"name": "b"}\n', [1, 2]),
        ('{\n"name": "a"\n} {"name": "b"}\n', [1, 3]),
    ],
)
def test_json_of_any_shape(tmp_path: Path, text: str, lines: list[int]) -> None:
    """An array, a document, objects one after the other: each with its line."""
    wanted = list(zip(lines, ("a", "b"), strict=True))

    assert wanted == names_in(write(tmp_path, text, "site.json"))
    assert wanted == names_in(write(tmp_path, text, "site"))


def test_no_devices_are_no_problem(tmp_path: Path) -> None:
    """A list without devices is a list."""
    for name, text in (("a.json", "[]"), ("b.json", '{"devices": []}'), ("c.yaml", "[]")):
        assert [] == names_in(write(tmp_path, text, name))


def test_documents_of_tagodev_are_lists_of_devices(tmp_path: Path) -> None:
    """What was exported is read; the token that it holds is not."""
    path = tmp_path / "export.json"
    head = DocumentHeader(
        kind="export", service="https://api.example", settings=PlanSettings(manager="x")
    )
    token = "8be70d95-0dbc-4e16-89b6-b23b077d05e5"
    tags = [{"key": "a", "value": "b"}, {"key": "a", "value": "c"}]
    write_document(path, head, [{"id": "5f5a", "name": "n", "token": token, "tags": tags}])
    (row,) = read_devices(path)

    assert ("5f5a", "n") == (row.device_id, row.device.name)
    assert (Tag("a", "b"), Tag("a", "c")) == row.device.tags
    assert {"device_id", "name", "tags"} == row.given
    assert token not in repr(row)


def test_tokens_are_in_no_message(tmp_path: Path) -> None:
    """Neither from their own column nor where one went astray."""
    token = "8be70d95-0dbc-4e16-89b6-b23b077d05e5"
    columns = "name,token,active,chunk_period,network,device_id"
    path = write(tmp_path, f"{columns},{token}\n,{','.join([token] * 5)},\n")
    found = problems_of(path)

    assert 5 == len(found)
    assert not any(token in repr(problem) or token in str(problem) for problem in found)


def test_yaml_is_read_as_it_is_written(tmp_path: Path) -> None:
    """What looks like a number, a time or a date stays what it is; a null gives nothing."""
    text = """\
# Our devices.
x-all: &all
  network: &mqtt mqtt
  tags: {site: 12:30, floor: 007, since: 2026-01-31, gone: ~}
devices:
  - <<: *all
    name: 1_000
    serie_number: 0042
    active: off
    visible: yes
    description:
    params:
      rate: 1.50
      unit: "null"
  - name: >
      folded
      text
    <<: [{description: a}, {description: b, network: *mqtt}]
"""
    first, second = read_devices(write(tmp_path, text, "site.yaml"))

    assert (6, 15) == (first.line, second.line)
    assert ("1_000", "0042") == (first.device.name, first.device.serie_number)
    assert (False, True) == (first.device.active, first.device.visible)
    assert "description" not in first.given
    assert (Tag("site", "12:30"), Tag("floor", "007"), Tag("since", "2026-01-31")) == (
        first.device.tags
    )
    assert first.device.configuration_params == (
        ConfigurationParameter("rate", "1.50"),
        ConfigurationParameter("unit", "null"),
    )
    assert ("folded text\n", "a") == (second.device.name, second.device.description)
    assert first.device.network == second.device.network


def test_yaml_documents_are_devices(tmp_path: Path) -> None:
    """One mapping a document does as well as a list; anchors end with their document."""
    path = write(tmp_path, "name: a\n---\nname: &b b\n---\nname: *b\n", "site.yml")

    assert ["5: *b is not defined", "5: name: is required"] == problems_in(path)


@pytest.mark.parametrize("text", ["---\n- name: a\n", "- name: a\n", "devices:\n- name: a\n"])
def test_yaml_by_its_beginning(tmp_path: Path, text: str) -> None:
    """Where the suffix does not tell, the first line does."""
    assert ["a"] == [name for _, name in names_in(write(tmp_path, text, "devices.txt"))]


def test_objects_in_place_of_lists(tmp_path: Path) -> None:
    """Tags and parameters may be an object of keys and values, or one pair without a list."""
    text = """[
{"name": "a", "tags": {"site": "x", "n": null}, "param": {"rate": 60}},
{"name": "b", "tag": {"key": "site", "value": "x"}}
]"""
    first, second = read_devices(write(tmp_path, text, "site.json"))

    assert (Tag("site", "x"),) == first.device.tags == second.device.tags
    assert (ConfigurationParameter("rate", "60"),) == first.device.configuration_params
    assert {"name", "tag.site", "param.rate"} == first.given


def test_ids_in_any_format(tmp_path: Path) -> None:
    """Lists of devices that exist are read in all of them, whatever else there is."""
    for name, text in (
        ("a.csv", "color;Device ID\nred;5f5a\n"),
        ("b.json", '[{"color": 1, "id": "5f5a"}]'),
        ("c.yaml", "- {color: {}, ID: 5f5a}"),
    ):
        assert ["5f5a"] == [row.device_id for row in read_device_ids(write(tmp_path, text, name))]
