"""The demonstration's devices: one dairy as it is shipped, and as many like it as are asked for."""

from __future__ import annotations

import csv
from importlib.resources import files
from itertools import count, islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["write_sites"]

#: The first is the one in the shipped file.
_TOWNS: Final = (
    "Leeuwarden",
    "Zwolle",
    "Arnhem",
    "Breda",
    "Almere",
    "Deventer",
    "Gouda",
    "Venlo",
    "Hoorn",
    "Assen",
    "Tilburg",
    "Zutphen",
)


def write_sites(path: Path, devices: int) -> None:
    """Write a list of so many devices.

    Args:
        path: where.
        devices: how many rows.
    """
    text = files("tagodev").joinpath("data/site.csv").read_text(encoding="utf-8")
    shipped = list(csv.DictReader(text.splitlines()))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(shipped[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(islice(_sites(shipped), devices))


def _sites(shipped: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Yield the shipped site, then sites like it without end."""
    for number in count():
        again, place = divmod(number, len(_TOWNS))
        town = _TOWNS[place] if not again else f"{_TOWNS[place]} {again + 1}"
        site = town.casefold().replace(" ", "-")
        for row in shipped:
            yield {**row, "name": row["name"].replace(_TOWNS[0], town), "tag.site": site}
