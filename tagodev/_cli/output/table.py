"""Output of lists and records as tables, JSON and CSV.

On a terminal, tables are cut to its width: names are shortened, ids and numbers are not. Output to
a pipe is complete.
"""

from __future__ import annotations

import csv
import io
import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import attrs
import orjson
from cyclopts import Group, Parameter

from tagodev._cli.output.console import print_json, print_line, print_message
from tagodev._cli.output.streams import allows_colour, use_utf8
from tagodev._cli.output.text import clean, rfc3339
from tagodev._secrets import Secret
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

__all__ = [
    "OUTPUT_GROUP",
    "JsonOption",
    "OutputOptions",
    "TokensOption",
    "record_of",
    "show_record",
    "show_rows",
]

OUTPUT_GROUP: Final = Group("Output", sort_key=8)

JsonOption: TypeAlias = Annotated[bool, Parameter(group=OUTPUT_GROUP, help="Print JSON.")]
TokensOption: TypeAlias = Annotated[
    bool,
    Parameter(
        group=OUTPUT_GROUP,
        help="Show whole device tokens instead of their first characters.",
    ),
]

_TAG: Final = "tag."
#: The cell of a missing value.
_NOTHING: Final = "-"
#: Width below which a column is not shortened.
_NARROWEST: Final = 8
_GAP: Final = 2


@Parameter(name="*", group=OUTPUT_GROUP)
@attrs.frozen(kw_only=True)
class OutputOptions:
    """Options for the output of a list."""

    json: bool = False
    """Print a JSON array."""
    csv: bool = False
    """Print CSV with a header."""
    fields: str | None = None
    """Show these fields, separated by commas: id,name,tag.site."""

    def columns(
        self, known: Sequence[str], *, people: Sequence[str], programs: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Return the fields to show.

        Args:
            known: all fields.
            people: the default fields of a table.
            programs: the default fields of JSON and CSV; empty for all.

        Raises:
            InputError: a field is unknown, or ``--json`` and ``--csv`` are both given.
        """
        if self.json and self.csv:
            raise InputError("can't be combined with --json", path="--csv")
        if self.fields is None:
            return tuple((programs or known) if self.json or self.csv else people)
        chosen = tuple(dict.fromkeys(name.strip() for name in self.fields.split(",")))
        for name in chosen:
            is_tag = "tags" in known and name.startswith(_TAG) and name != _TAG
            if name not in known and not is_tag:
                raise InputError(
                    f"unknown field: {name}",
                    path="--fields",
                    hint=f"Known: {', '.join(known)}" + (", tag.KEY" if "tags" in known else ""),
                )
        return chosen

    def show(
        self,
        items: Iterable[Any],
        columns: Sequence[str],
        *,
        noun: str,
        flexible: Collection[str] = ("name",),
        reveal: bool = False,
    ) -> None:
        """Print a list of models.

        Args:
            items: the models.
            columns: the fields to show, in order.
            noun: what the items are, in the plural.
            flexible: columns that may be shortened on a narrow terminal.
            reveal: whether to show whole device tokens.
        """
        rows = [record_of(item, columns, reveal=reveal) for item in items]
        show_rows(rows, columns, self, noun=noun, flexible=flexible)


def record_of(item: Any, columns: Iterable[str], *, reveal: bool = False) -> dict[str, Any]:
    """Return fields of a model as plain values.

    Args:
        item: a model.
        columns: the fields; ``tag.KEY`` is the value of a tag.
        reveal: whether to show whole device tokens.
    """
    return {name: _plain(_value(item, name), reveal=reveal) for name in columns}


def _value(item: Any, name: str) -> Any:
    if name.startswith(_TAG):
        key = name.removeprefix(_TAG)
        return next((tag.value for tag in item.tags if tag.key == key), None)
    return getattr(item, name)


def _plain(value: Any, *, reveal: bool) -> Any:
    if isinstance(value, Secret):
        return value.reveal() if reveal else str(value)
    if isinstance(value, tuple):
        return [_plain(one, reveal=reveal) for one in value]
    if attrs.has(type(value)):
        fields = attrs.asdict(value, recurse=False)
        fields.pop("extra", None)
        return {name: _plain(one, reveal=reveal) for name, one in fields.items()}
    return dict(value) if isinstance(value, Mapping) else value


# --- lists -------------------------------------------------------------------------------------


def show_rows(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    output: OutputOptions,
    *,
    noun: str,
    flexible: Collection[str] = ("name",),
) -> None:
    """Print a list.

    Args:
        rows: the plain values of each item.
        columns: the fields to show, in order.
        output: the output options.
        noun: what the items are, in the plural.
        flexible: columns that may be shortened on a narrow terminal.
    """
    if output.json:
        print_json(rows)
    elif output.csv:
        _write_csv(rows, columns)
    elif not rows:
        print_message(f"No {noun}")
    else:
        _print_table(rows, columns, flexible)
        if _on_terminal():
            print_message(f"{len(rows)} {noun if len(rows) != 1 else noun.removesuffix('s')}")


def _write_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    spread = [dict(_spread(row, columns)) for row in rows]
    names = list(columns)
    if "tags" in names:
        # One column for each key, as in the input files.
        keys = sorted({name for row in spread for name in row if name.startswith(_TAG)})
        index = names.index("tags")
        names[index : index + 1] = [name for name in keys if name not in names]
    use_utf8()
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(spread)
    print_line(text.getvalue().removesuffix("\n"))


def _spread(row: Mapping[str, Any], columns: Sequence[str]) -> Iterator[tuple[str, Any]]:
    for name in columns:
        value = row[name]
        if name == "tags":
            yield from ((f"{_TAG}{tag['key']}", tag["value"]) for tag in value)
        elif isinstance(value, bool):
            yield name, "true" if value else "false"
        elif isinstance(value, list | dict):
            yield name, orjson.dumps(value).decode()
        elif isinstance(value, datetime):
            yield name, rfc3339(value)
        else:
            yield name, value


def _print_table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], flexible: Collection[str]
) -> None:
    from rich.cells import cell_len

    terminal = _on_terminal()
    cells = [
        list(columns),
        *([_cell(row[name], short=terminal) for name in columns] for row in rows),
    ]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    if terminal:
        _narrow(widths, [name in flexible for name in columns])
    lines = [(" " * _GAP).join(map(_fitted, texts, widths)).rstrip() for texts in cells]
    if terminal and allows_colour():
        lines[0] = f"\x1b[1m{lines[0]}\x1b[0m"
    for line in lines:
        print_line(line)


def _fitted(text: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return f"{set_cell_size(text, width - 1)}…"


def _on_terminal() -> bool:
    return sys.stdout.isatty()


def _narrow(widths: list[int], flexible: list[bool]) -> None:
    """Shorten flexible columns, the widest first, until the table fits the terminal."""
    available = shutil.get_terminal_size().columns - _GAP * (len(widths) - 1)
    while sum(widths) > available:
        widest = max(
            (index for index, may in enumerate(flexible) if may and widths[index] > _NARROWEST),
            key=widths.__getitem__,
            default=None,
        )
        if widest is None:
            return
        widths[widest] -= 1


def _cell(value: Any, *, short: bool = False) -> str:
    if value is None or value in ("", [], {}):
        return _NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%MZ}" if short else rfc3339(value)
    if isinstance(value, list):
        return ", ".join(_item(one) for one in value)
    if isinstance(value, dict):
        return clean(orjson.dumps(value).decode())
    return clean(str(value))


def _item(value: Any) -> str:
    if isinstance(value, dict) and {"key", "value"} <= value.keys():
        return f"{clean(value['key'])}={clean(value['value'])}"
    return _cell(value)


# --- records -----------------------------------------------------------------------------------


def show_record(record: Mapping[str, Any], *, json: bool = False) -> None:
    """Print a record: a line for each field with a value, or a JSON object.

    Args:
        record: its plain values.
        json: whether to print JSON.
    """
    if json:
        print_json(record)
        return
    lines = [pair for name, value in record.items() for pair in _lines(name, value)]
    width = max((len(name) for name, _ in lines), default=0)
    for name, text in lines:
        print_line(f"{name:<{width}}  {text}")


def _lines(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if value is None or value in ("", [], {}):
        return
    pairs = value if isinstance(value, list) else []
    if pairs and all(isinstance(one, dict) and {"key", "value"} <= one.keys() for one in pairs):
        prefix = name.removesuffix("s")
        for one in pairs:
            note = "" if one.get("sent", True) else "  (not sent)"
            yield f"{prefix}.{clean(one['key'])}", f"{clean(one['value'])}{note}"
    elif pairs and all(isinstance(one, dict) for one in pairs):
        for one in pairs:
            texts = (_cell(part) for part in one.values() if part is not None)
            yield name.removesuffix("s"), "  ".join(texts)
    else:
        yield name, _cell(value)
