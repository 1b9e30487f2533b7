"""``tagodev export``: a profile's devices in a file that ``tagodev apply`` takes."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path  # noqa: TC003  (cyclopts reads annotations)
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias

from cyclopts import Parameter

from tagodev.cli.bulk.by_filter import plural
from tagodev.cli.exit_codes import Exit
from tagodev.cli.options.devices import FilterOptions
from tagodev.cli.options.files import ReadProgress
from tagodev.cli.options.service import ServiceOptions
from tagodev.cli.output.console import say
from tagodev.errors import InputError
from tagodev.filesystem.atomic_write import check_out, write_file
from tagodev.provision.managers import stem_of
from tagodev.provision.plan.settings import PlanSettings
from tagodev.provision.write.document import DocumentHeader, document
from tagodev.provision.write.export import EXPORT_FIELDS, export_records, known_by_of
from tagodev.provision.write.formats import csv_pieces, json_line_pieces, yaml_pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tagodev.client import Tago

__all__ = ["Format", "export"]

Format: TypeAlias = Literal["csv", "json", "jsonl", "yaml"]

_SERVICE: Final = ServiceOptions()
_ALL: Final = FilterOptions()
_SUFFIXES: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".yaml": "yaml",
    ".yml": "yaml",
}


def export(
    *,
    out: Annotated[Path | None, Parameter(help="The file; default: standard output.")] = None,
    format: Annotated[  # noqa: A002  (the option's name)
        Format | None, Parameter(help="Default: what the file's name ends in, or csv.")
    ] = None,
    which: FilterOptions = _ALL,
    no_params: Annotated[
        bool,
        Parameter(
            negative="", help="Leave configuration parameters out, which take a request a device."
        ),
    ] = False,
    tokens: Annotated[
        bool,
        Parameter(
            negative="",
            help="With the first token of each device, and its serial number, which stands on it: "
            "a request a device. Only you may read the file then.",
        ),
    ] = False,
    force: Annotated[bool, Parameter(negative="", help="Replace what is there.")] = False,
    service: ServiceOptions = _SERVICE,
) -> int:
    """Write the devices of a profile down."""
    if out is not None:
        check_out(out)
        if out.exists() and not force:
            raise InputError(
                f"{out} is there already", path="--out", hint="Name another file, or say --force"
            )
    chosen = format or _SUFFIXES.get("" if out is None else out.suffix.casefold(), "csv")
    tago = service.client()
    records = asyncio.run(_read(tago, which, parameters=not no_params, tokens=tokens))
    known_by = known_by_of(records)
    intent = PlanSettings(
        manager=stem_of(out) if out is not None else "export", known_by=known_by or "name"
    )
    head = DocumentHeader(kind="export", service=tago.base_url, intent=intent)
    pieces = _pieces(chosen, head, records)
    if out is None:
        _print(pieces)
    else:
        write_file(out, pieces, private=tokens)
        say(f"{plural(len(records), 'device')} in {out}")
    _say_how_known(known_by, chosen)
    return Exit.OK


async def _read(
    tago: Tago, which: FilterOptions, *, parameters: bool, tokens: bool
) -> list[dict[str, Any]]:
    async with tago:
        devices = await which.find(tago, EXPORT_FIELDS, complete=True)
        reading = export_records(
            tago, devices, parameters=parameters, tokens=tokens, on_progress=ReadProgress()
        )
        return [record async for record in reading]


def _pieces(
    chosen: Format, head: DocumentHeader, records: Sequence[dict[str, Any]]
) -> Iterable[bytes]:
    if chosen == "json":
        return document(head, records)
    if chosen == "jsonl":
        return json_line_pieces(records)
    return csv_pieces(records) if chosen == "csv" else yaml_pieces(records)


def _print(pieces: Iterable[bytes]) -> None:
    sys.stdout.flush()
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _say_how_known(known_by: str | None, chosen: Format) -> None:
    """Say how to apply the file, where devices of one name can't be told apart by that."""
    if known_by is None:
        say("Some devices have the same name: give each a tag of its own to apply this, with --by")
    elif known_by != "name" and chosen != "json":
        say(f"Some devices have the same name: apply it with --by {known_by}")
