"""A generator of files with broken values: it knows every error that it puts in, and where.

Each fault is put into every format, alone and many at once, among rows that are right.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

import attrs

from tests.provision.faults import Broken, Expected
from tests.provision.files import FORMATS, KEYED, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["broken_values"]


@attrs.frozen
class _Fault:
    """What is put into a row, and what there is to be said of it: key and words."""

    name: str
    values: Mapping[str, Any]
    says: tuple[tuple[str, str], ...]


def _fault(name: str, values: Mapping[str, Any], *says: tuple[str, str]) -> _Fault:
    return _Fault(name, values, says)


_WHOLE = "must be a whole number"
#: Faults that any format can hold: values are text.
_FAULTS: Final = (
    _fault("no name", {"name": None}, ("name", "is required")),
    _fault("blank name", {"name": "  "}, ("name", "must not be empty")),
    _fault("blank type", {"type": " "}, ("type", "must not be empty")),
    _fault("blank serial", {"serie_number": " "}, ("serie_number", "must not be empty")),
    _fault("wrong boolean", {"active": "perhaps"}, ("active", "must be true or false")),
    _fault("a number for a boolean", {"visible": "2"}, ("visible", "must be true or false")),
    _fault("retention in words", {"chunk_retention": "many"}, ("chunk_retention", _WHOLE)),
    _fault("negative retention", {"chunk_retention": "-1"}, ("chunk_retention", _WHOLE)),
    _fault("half a retention", {"chunk_retention": "1.5"}, ("chunk_retention", _WHOLE)),
    _fault("long retention", {"chunk_retention": "99"}, ("chunk_retention", "0 to 36")),
    _fault("no such period", {"chunk_period": "year"}, ("chunk_period", "must be one of day")),
    _fault(
        "retention beyond its period",
        {"type": "immutable", "chunk_period": "week", "chunk_retention": "30"},
        ("chunk_retention", "0 to 26 for chunk_period week"),
    ),
    _fault(
        "immutable and no more",
        {"type": "immutable"},
        ("chunk_period", "is required for type immutable"),
        ("chunk_retention", "is required for type immutable"),
    ),
    _fault(
        "hybrid without a pattern",
        {"type": "hybrid", "chunk_period": "day", "chunk_retention": "3"},
        ("mutable_variable_regex", "is required for type hybrid"),
    ),
    _fault("misspelt network", {"network": "chirpstak"}, ("network", "did you mean ChirpStack?")),
    _fault("no such connector", {"connector": "nobody's"}, ("connector", "no connector is named")),
    _fault(
        "half a pair",
        {"network": "0123456789abcdef01234567"},
        ("connector", "network and connector must be given together"),
    ),
    _fault("path for an id", {"device_id": "../token"}, ("device_id", "is not a device id")),
    _fault("id too long", {"device_id": "a" * 129}, ("device_id", "is not a device id")),
    _fault(
        "too many tags", {f"tag.t{number}": "x" for number in range(31)}, ("tags", "at most 30")
    ),
    _fault(
        "too many parameters",
        {f"param.p{number}": "x" for number in range(61)},
        ("configuration_params", "61 items"),
    ),
    _fault(
        "all at once",
        {
            "name": None,
            "type": "immutable",
            "active": "maybe",
            "visible": "never",
            "chunk_retention": "37",
            "network": "nobody's",
            "connector": "nobody's",
            "device_id": "a b",
            "tag.site": "here",
        },
        ("name", "is required"),
        ("active", "must be true or false"),
        ("visible", "must be true or false"),
        ("chunk_retention", "0 to 36"),
        ("chunk_period", "is required for type immutable"),
        ("network", "no network is named"),
        ("connector", "no connector is named"),
        ("device_id", "is not a device id"),
    ),
)
#: Faults of types, which only objects have; YAML's scalars are text.
_TYPE_FAULTS: Final = (
    _fault("number for a name", {"name": 5}, ("name", "must be text, not a number")),
    _fault("list for a name", {"name": ["a"]}, ("name", "must be text, not a list")),
    _fault("object for a type", {"type": {"a": "b"}}, ("type", "must be text, not an object")),
    _fault("boolean for a tag", {"tag.x": True}, ("tag.x", "must be text, not true or false")),
    _fault("list for a boolean", {"active": []}, ("active", "must be true or false")),
    _fault("fraction", {"chunk_retention": 1.5}, ("chunk_retention", _WHOLE)),
    _fault("truth for a number", {"chunk_retention": True}, ("chunk_retention", _WHOLE)),
    _fault("number for an id", {"device_id": 7}, ("device_id", "is not a device id")),
    _fault("list for a parameter", {"param.x": [1]}, ("param.x", "must be text or a number")),
    _fault("unknown key", {"nmae": "x"}, ("nmae", "did you mean name?")),
    _fault("key of nothing", {"tag.": "x"}, ("tag.", "a key must follow tag.")),
    _fault("one key, two spellings", {"NAME": "x"}, ("NAME", "is the same field (name)")),
)
#: Faults of lists within an object: the items of YAML have lines of their own.
_LIST_FAULTS: Final = (
    _fault("text for tags", {"tags": "x"}, ("tags", "must be an object like")),
    _fault("tag without value", {"tags": [{"key": "a"}]}, ("tags[0]", "must be an object like")),
    _fault(
        "bad tags among good",
        {"tags": [{"key": "a", "value": "b"}, {"key": " ", "value": "b"}, "c"]},
        ("tags[1].key", "must not be empty"),
        ("tags[2]", "must be an object like"),
    ),
    _fault(
        "parameter of three",
        {"configuration_params": [{"key": "a", "value": [], "sent": "x"}]},
        ("configuration_params[0]", "must be text or a number"),
    ),
)


def _right(number: int) -> dict[str, Any]:
    return {
        "name": f"Device {number}\nin two lines" if number % 3 == 0 else f"Device {number}",
        "active": "yes",
        "tag.site": "north, and south",
    }


def _with(fault: _Fault, number: int) -> dict[str, Any]:
    values = {**_right(number), **fault.values}
    return {key: value for key, value in values.items() if value is not None}


def _file(name: str, form: str, rows: Sequence[tuple[dict[str, Any], _Fault | None]]) -> Broken:
    """Return a file of rows, some of them with faults."""
    written = FORMATS[form]([values for values, _ in rows])
    expected = [
        Expected(
            written.line(index, key.partition("[")[0]), key, written.columns.get(key, ""), words
        )
        for index, (_, fault) in enumerate(rows)
        if fault is not None
        for key, words in fault.says
    ]
    return Broken(f"{form}: {name}.{written.suffix}", written.data, tuple(expected))


def _single(form: str, fault: _Fault) -> Broken:
    rows = [(_right(1), None), (_with(fault, 2), fault), (_right(3), None)]
    return _file(fault.name, form, rows)


def _mixture(form: str, seed: int) -> Broken:
    """Return a file in which about every other row has a fault, drawn by lot."""
    lots = random.Random(f"{form} {seed}")
    rows: list[tuple[dict[str, Any], _Fault | None]] = []
    for number in range(lots.randrange(5, 25)):
        fault = lots.choice(_FAULTS) if lots.random() < 0.5 or number == 3 else None
        rows.append((_right(number), None) if fault is None else (_with(fault, number), fault))
    return _file(f"mixture {seed}", form, rows)


def broken_values() -> Iterator[Broken]:
    """Yield them all."""
    for form in FORMATS:
        yield from (_single(form, fault) for fault in _FAULTS)
        yield from (_mixture(form, seed) for seed in range(3))
    for form in KEYED:
        if form != "yaml":
            yield from (_single(form, fault) for fault in (*_TYPE_FAULTS, *_LIST_FAULTS))
    for form in TABLES:
        yield from _headers(form)


# --- headers -----------------------------------------------------------------------------------


def _headers(form: str) -> Iterator[Broken]:
    """Yield tables whose header is wrong: each is told once, and the rows are read all the same."""
    for title, words in (
        ("colour", "unknown column"),
        ("nmae", "did you mean name?"),
        ("tag.", "a key must follow tag."),
        ("NAME", "is the same field (name) as name (column A)"),
    ):
        rows = [{"name": "a", title: "x"}, {"name": "b", title: "y", "active": "so"}]
        written = FORMATS[form](rows)
        yield Broken(
            f"{form}: column {title}.{written.suffix}",
            written.data,
            (
                Expected(1, title, "B", words),
                Expected(3, "active", "C", "must be true or false"),
            ),
        )
    written = FORMATS[form]([{"name": "a", "": "x"}, {"name": "b"}, {"name": "c", "": "y"}])
    yield Broken(
        f"{form}: values without a name.{written.suffix}",
        written.data,
        (Expected(2, "", "B", "column has no name in the header"), Expected(4, "", "B", "no name")),
    )
