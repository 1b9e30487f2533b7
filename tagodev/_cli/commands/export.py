"""``tagodev export``: write a profile's devices to a file for ``tagodev apply``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from cyclopts import App

from tagodev._cli.options.devices import FilterOptions
from tagodev._cli.options.files import ReadProgress
from tagodev._cli.options.service import ServiceOptions
from tagodev._cli.output.console import print_message
from tagodev._cli.output.text import plural
from tagodev._filesystem.atomic_write import check_out, write_file
from tagodev.errors import InputError
from tagodev.provision._managers import stem_of
from tagodev.provision._plan.model import PlanSettings
from tagodev.provision._write.document import DocumentHeader, document
from tagodev.provision._write.export import EXPORT_FIELDS, export_records, known_by_of
from tagodev.provision._write.formats import csv_file, json_line_pieces, yaml_pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tagodev._client import Tago

__all__ = ["Format", "app", "export"]

Format: TypeAlias = Literal["csv", "json", "jsonl", "yaml"]

_EXAMPLES: Final = """\
Example: tagodev export --out site.csv --tag site=dairy

With serial numbers and tokens: tagodev export --out profile.json --tokens
"""
_SUFFIXES: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".yaml": "yaml",
    ".yml": "yaml",
}


app: Final = App(name="export", help_epilogue=_EXAMPLES)


@app.default
def export(
    *,
    out: Path | None = None,
    format: Format | None = None,
    which: FilterOptions = FilterOptions(),
    no_params: bool = False,
    tokens: bool = False,
    force: bool = False,
    service: ServiceOptions = ServiceOptions(),
) -> None:
    """Write a profile's devices to a file for tagodev apply.

    Writes devices with their tags and configuration parameters, without the tags that tagodev
    itself sets. Applying the file to the same profile changes nothing; applying it to an empty
    profile creates the same devices with new ids and tokens.

    Args:
        out: File to write; default: standard output.
        format: File format; default: by the file's suffix, or csv.
        no_params: Skip configuration parameters, which need one request per device.
        tokens: Include each device's first token and its serial number, which is stored on the
            token: one request per device. The file is then readable only by you.
        force: Overwrite an existing file.
    """
    if out is not None:
        check_out(out)
        if out.exists() and not force:
            raise InputError(
                f"{out} already exists", path="--out", hint="Name another file, or use --force"
            )
    file_format = format or _SUFFIXES.get("" if out is None else out.suffix.casefold(), "csv")
    tago = service.client()
    records = asyncio.run(_read(tago, which, parameters=not no_params, tokens=tokens))
    known_by = known_by_of(records)
    settings = PlanSettings(
        manager=stem_of(out) if out is not None else "export", known_by=known_by or "name"
    )
    head = DocumentHeader(kind="export", service=tago.base_url, settings=settings)
    pieces = _pieces(file_format, head, records)
    if out is None:
        _print(pieces)
    else:
        write_file(out, pieces, private=tokens)
        print_message(f"{plural(len(records), 'device')} in {out}")
    _note_identity(known_by, file_format)


async def _read(
    tago: Tago, which: FilterOptions, *, parameters: bool, tokens: bool
) -> list[dict[str, Any]]:
    async with tago:
        devices = await which.find(tago, EXPORT_FIELDS, complete=True)
        records = export_records(
            tago, devices, parameters=parameters, tokens=tokens, on_progress=ReadProgress()
        )
        return [record async for record in records]


def _pieces(
    file_format: Format, head: DocumentHeader, records: Sequence[dict[str, Any]]
) -> Iterable[bytes]:
    if file_format == "json":
        return document(head, records)
    if file_format == "jsonl":
        return json_line_pieces(records)
    return [csv_file(records)] if file_format == "csv" else yaml_pieces(records)


def _print(pieces: Iterable[bytes]) -> None:
    sys.stdout.flush()
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _note_identity(known_by: str | None, file_format: Format) -> None:
    """Print how to apply the file if several devices have the same name."""
    if known_by is None:
        print_message(
            "Some devices have the same name: before you apply this file, give each a tag with a "
            "unique value, and use --by tag:KEY"
        )
    elif known_by != "name" and file_format != "json":
        print_message(f"Some devices have the same name: apply this file with --by {known_by}")
