"""What columns mean, what rows have that do not say otherwise, names made of other values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tagodev import UNSET, ConfigurationParameter, Tag
from tagodev.provision import InvalidFileError, read_defaults, read_devices
from tagodev.provision._read.columns import shown_name
from tests.provision.files import problems_in, write

if TYPE_CHECKING:
    from pathlib import Path

    from tagodev import DeviceCreate


def device_in(path: Path, **options: Any) -> DeviceCreate:
    """Return the only device of a file."""
    (row,) = read_devices(path, **options)
    return row.device


def tags_of(device: DeviceCreate) -> set[Tag]:
    """Return a device's tags, in whatever order."""
    return set() if device.tags is UNSET else set(device.tags)


# --- names of columns --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "title",
    [
        "serie_number",
        "Serie Number",
        "SERIAL_NUMBER",
        "serial-number",
        "Serial",
        " serial  number ",
    ],
)
def test_spelling_does_not_matter(tmp_path: Path, title: str) -> None:
    """Letter case, spaces, underscores and dashes do not, nor the API's own word for a serial."""
    for name, text in (
        ("a.csv", f"NAME,{title}\na,1\n"),
        ("a.json", f'[{{"Name": "a", "{title}": "1"}}]'),
        ("a.yaml", f'- nAmE: a\n  "{title}": 1\n'),
    ):
        (row,) = read_devices(write(tmp_path, text, name))
        assert "1" == row.device.serie_number
        assert {"name", "serie_number"} == row.given


def test_keys_of_tags_are_taken_as_they_are_written(tmp_path: Path) -> None:
    """Their prefix is ours, the rest is somebody's own."""
    path = write(tmp_path, "name,Tag.Floor No,tags: floor_no,PARAM.x.y\na,1,2,3\n")
    device = device_in(path)

    assert (Tag("Floor No", "1"), Tag("floor_no", "2")) == device.tags
    assert (ConfigurationParameter("x.y", "3"),) == device.configuration_params


def test_what_else_a_device_has(tmp_path: Path) -> None:
    """A pattern, a payload parser, and the id of a device that is there."""
    path = write(
        tmp_path,
        "id,name,type,chunk period,chunk retention,mutable variable regex,payload decoder\n"
        "5f5a,a,hybrid,day,3,^x,YQ==\n,b,,,,,\n",
    )
    first, second = read_devices(path)

    assert ("^x", "YQ==") == (first.device.mutable_variable_regex, first.device.payload_decoder)
    assert ("5f5a", "") == (first.device_id, second.device_id)


# --- columns that mean something else ----------------------------------------------------------


def test_columns_mean_what_somebody_chooses(tmp_path: Path) -> None:
    """However they are spelt; nothing leaves one out."""
    path = write(tmp_path, "Label,dev eui,Site,Notes,type\na,0042,north,hm,x\n")
    columns = {
        "label": "Name",
        "Dev EUI": "serial",
        "Site": "tag.site",
        "notes": "",
        "Type": "tag.kind",
    }
    (row,) = read_devices(path, columns=columns)

    assert ("a", "0042", "mutable") == (row.device.name, row.device.serie_number, row.device.type)
    assert (Tag("site", "north"), Tag("kind", "x")) == row.device.tags
    assert {"name", "serie_number", "tag.site", "tag.kind"} == row.given


def test_problems_name_the_column_as_the_file_does(tmp_path: Path) -> None:
    """Nobody has to think back to what was chosen."""
    path = write(tmp_path, "Label,On\na,so\n")

    assert ["2: On (column B): must be true or false, not 'so'. Also accepted: yes, no, 1, 0"] == (
        problems_in(path, columns={"label": "name", "on": "active"})
    )


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (
            {"EUI": "serail"},
            ["EUI: can't be mapped to serail: unknown column; did you mean serie_number?"],
        ),
        ({"EUI": "tag."}, ["EUI: can't be mapped to tag.: a key must follow tag."]),
        ({"EUI": "serial", "Room": "tag.room"}, ["1: no column Room, which is mapped to a field"]),
        ({"EUI": "name"}, ["1: EUI (column B): is the same field (name) as name (column A)"]),
        (
            {"EUI": "serial", "eui": "tag.eui"},
            ["eui: is mapped to tag.eui, but EUI to another field"],
        ),
        (
            {"EUI": "", "x-{EUI}": "active"},
            ["x-{EUI}: templates are for names, descriptions and tags, not for active"],
        ),
    ],
)
def test_choices_that_can_not_be(
    tmp_path: Path, columns: dict[str, str], expected: list[str]
) -> None:
    """Each is told once, whatever the number of rows."""
    path = write(tmp_path, "name,EUI\na,1\nb,2\n")

    assert expected == problems_in(path, columns=columns)


def test_a_choice_that_no_object_has(tmp_path: Path) -> None:
    """Files without a header are looked through."""
    path = write(tmp_path, '[{"name": "a", "EUI": "1"}, {"name": "b"}]', "site.json")

    assert ["1"] == [
        row.device.serie_number
        for row in read_devices(path, columns={"eui": "serial"})
        if "serie_number" in row.given
    ]
    first, second = problems_in(path, columns={"Room": ""})
    assert first.startswith("1: EUI: unknown column")
    assert "no object has the mapped key Room" == second


# --- defaults ----------------------------------------------------------------------------------


def test_defaults_stand_behind_each_row(tmp_path: Path) -> None:
    """What a row gives goes before; tags and parameters go by their key."""
    text = """[
{"name": "a", "active": true, "tags": [{"key": "site", "value": "south"}]},
{"name": "b", "tag.room": "7", "param.rate": 5, "visible": null}
]"""
    defaults = {
        "Active": "no",
        "visible": False,
        "tags": {"site": "north", "by": "us"},
        "params": [{"key": "rate", "value": "60"}],
    }
    first, second = read_devices(write(tmp_path, text, "site.json"), defaults=defaults)

    assert (True, False) == (first.device.active, first.device.visible)
    assert (False, False) == (second.device.active, second.device.visible)
    assert {Tag("by", "us"), Tag("site", "south")} == tags_of(first.device)
    assert {Tag("by", "us"), Tag("site", "north"), Tag("room", "7")} == tags_of(second.device)
    assert (ConfigurationParameter("rate", "60"),) == first.device.configuration_params
    assert (ConfigurationParameter("rate", "5"),) == second.device.configuration_params


def test_defaults_are_given(tmp_path: Path) -> None:
    """A plan compares them as if they stood in the row; a column that is missing may be one."""
    path = write(tmp_path, "tag.x\n1\n")
    (row,) = read_devices(path, defaults={"name": "a", "description": "b", "tags": {"y": "2"}})

    assert {"name", "description", "tag.x", "tag.y"} == row.given


@pytest.mark.parametrize(
    ("defaults", "expected"),
    [
        ({"colour": "x"}, "defaults.colour: unknown column"),
        ({"active": "so"}, "defaults.active: must be true or false, not 'so'"),
        ({"tags": "so"}, "defaults.tags: must be an object"),
        ({"tags": {"a": 5}}, "defaults.tag.a: must be text, not a number"),
        ({"network": "chirpstak"}, "defaults.network: no network is named 'chirpstak'"),
        ({"name": "{"}, "defaults.name: is not a valid template"),
        ({"NAME": "a", "Name": "b"}, "defaults.Name: is the same field (name) as NAME"),
    ],
)
def test_defaults_that_are_wrong(tmp_path: Path, defaults: dict[str, Any], expected: str) -> None:
    """What is wrong with them is told once, beside what is wrong with the rows."""
    path = write(tmp_path, "name,visible\na,so\nb,\nc,\n")
    first, second = problems_in(path, defaults=defaults)

    assert first.startswith(expected)
    assert second.startswith("2: visible (column B)")


def test_defaults_that_do_not_go_with_a_row(tmp_path: Path) -> None:
    """It is said that they are what does not fit."""
    path = write(tmp_path, "name,type,chunk period\na,immutable,week\nb,mutable,\n")

    assert [
        "2: defaults.chunk_retention: must be 0 to 26 for chunk_period week, not 30"
    ] == problems_in(path, defaults={"chunk_retention": "30"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("defaults.yaml", "# Ours.\nName: x-{row}\nactive: off\ntags: {site: 007}\n"),
        ("defaults", "name: x-{row}\nactive: off\ntags: {site: 007}\n"),
        ("defaults.json", '{"name": "x-{row}",\n"active": "off", "tag.site": "007"}'),
    ],
)
def test_defaults_of_a_file(tmp_path: Path, name: str, text: str) -> None:
    """One object, JSON or YAML."""
    defaults = read_defaults(write(tmp_path, text, name))

    assert {"name": "x-{row}", "active": "off", "tag.site": "007"} == defaults
    device = device_in(write(tmp_path, "serial\n1\n"), defaults=defaults)
    assert ("x-1", False, (Tag("site", "007"),)) == (device.name, device.active, device.tags)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.csv", "name\na\n", ["must be one JSON or YAML object"]),
        ("a.yaml", "- name: a\n- name: b\n", ["must be one object, not 2"]),
        ("a.json", "[]", ["must be one object, not 0"]),
        ("a.json", "{", ["1: is not JSON"]),
        (
            "a.yaml",
            "name: '{'\nactive: so\ncolour: x\n",
            [
                "3: colour: unknown",
                "1: name: is not a valid template",
                "2: active: must be true or false",
            ],
        ),
    ],
)
def test_files_of_defaults_that_are_wrong(
    tmp_path: Path, name: str, text: str, expected: list[str]
) -> None:
    """All that is wrong with one is said with its line."""
    path = write(tmp_path, text, name)
    with pytest.raises(InvalidFileError) as raised:
        read_defaults(path)
    found = [str(one).removeprefix(f"{path}:").strip() for one in raised.value.problems]

    assert len(expected) == len(found)
    assert all(one.startswith(words) for one, words in zip(found, expected, strict=True))


def test_a_missing_file_of_defaults(tmp_path: Path) -> None:
    """It is complained about by name."""
    with pytest.raises(InvalidFileError, match=r"none\.yaml: can't be read: No such file"):
        read_defaults(tmp_path / "none.yaml")


# --- templates ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("sensor-{serie_number}", "sensor-42"),
        ("sensor-{Serial Number:06d}", "sensor-000042"),
        ("{tag.site}/{Room}", "north/B 7"),
        ("{row:03d} {{as it is}}", "001 {as it is}"),
        ("{tag.site:>8}|{active}", "   north|yes"),
        ("{serial:x}", "2a"),
    ],
)
def test_names_are_made_of_other_values(tmp_path: Path, template: str, name: str) -> None:
    """Of any column, also one that is no field of a device; defaults and choices alike."""
    path = write(tmp_path, "Serial,tag.site,room,active\n42,north,B 7,yes\n")
    columns = {"room": ""} if "Room" not in template else {}

    assert name == device_in(path, columns=columns, defaults={"name": template}).name
    assert name == device_in(path, columns={**columns, template: "name"}).name


def test_templates_are_given_and_helpers_are_not(tmp_path: Path) -> None:
    """A column that only makes a name is nothing that a plan compares."""
    path = write(tmp_path, '[{"Room": 7, "tag.a": "b"}]', "site.json")
    (row,) = read_devices(
        path,
        columns={"n{Room}": "name"},
        defaults={"description": "{tag.a}, room {Room}", "tag.label": "{Room:02d}"},
    )

    assert ("n7", "b, room 7") == (row.device.name, row.device.description)
    assert (Tag("a", "b"), Tag("label", "07")) == row.device.tags
    assert {"name", "description", "tag.a", "tag.label"} == row.given


def test_a_row_may_have_a_name_of_its_own(tmp_path: Path) -> None:
    """It goes before the template, braces and all."""
    path = write(tmp_path, "name,serial\n{a},1\n,2\n")
    names = [row.device.name for row in read_devices(path, defaults={"name": "s-{serial}"})]

    assert ["{a}", "s-2"] == names


def test_braces_elsewhere_mean_themselves(tmp_path: Path) -> None:
    """Parameters are often JSON."""
    device = device_in(
        write(tmp_path, "name\na\n"), defaults={"param.setup": '{"rate": 60}', "type": "mutable"}
    )

    assert (ConfigurationParameter("setup", '{"rate": 60}'),) == device.configuration_params


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("s-{serial}", ["3: name: uses serial, which the row does not have"]),
        ("s-{Room}", ["1: no column Room"]),
        (
            "s-{serial:03d}",
            [
                "2: name: uses serial as a number (03d), but it is not a number in this row",
                "3: name: uses serial, which the row does not have",
            ],
        ),
        ("{token}", ["defaults.name: uses token, which is not read", "1: no column name"]),
        ("{}", ["defaults.name: is not a valid template: empty braces", "1: no column name"]),
        (
            "{a!r}",
            [
                "defaults.name: is not a valid template: only a width may follow a",
                "1: no column name",
            ],
        ),
        (
            "{a:9999d}",
            [
                "defaults.name: is not a valid template: only a width may follow a",
                "1: no column name",
            ],
        ),
        (
            "{a:{b}}",
            [
                "defaults.name: is not a valid template: only a width may follow a",
                "1: no column name",
            ],
        ),
        ("{a", ["defaults.name: is not a valid template", "1: no column name"]),
        ("a}", ["defaults.name: is not a valid template", "1: no column name"]),
    ],
)
def test_templates_that_do_not_work(tmp_path: Path, template: str, expected: list[str]) -> None:
    """One that nobody understands is told once; one that a row does not fit, for that row."""
    path = write(tmp_path, "serial,token\nabc,t\n,t\n")
    found = problems_in(path, defaults={"name": template})

    assert len(expected) == len(found)
    assert all(one.startswith(words) for one, words in zip(found, expected, strict=True))


def test_lists_are_no_text(tmp_path: Path) -> None:
    """A template says so rather than writing brackets into names."""
    path = write(tmp_path, '{"Room": ["a"]}\n{"Room": true}\n', "site.jsonl")

    assert ["1: name: uses Room, which is neither text nor a number"] == problems_in(
        path, defaults={"name": "{Room}"}
    )


@pytest.mark.parametrize(
    ("expected", "name"), [("x" * 60, "x" * 60), ("x" * 57 + "...", "x" * 61), (r"a\nb", "a\nb")]
)
def test_names_in_messages_are_short(expected: str, name: str) -> None:
    """A name of sixty characters stands as it is, a longer one is cut, and none breaks a line."""
    assert expected == shown_name(name)
