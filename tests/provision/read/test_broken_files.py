"""More than a hundred broken files: each gets all its errors, where they are, and no traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.provision.broken_objects import broken_objects
from tests.provision.broken_tables import broken_tables
from tests.provision.broken_values import broken_values
from tests.provision.faults import Broken, Expected
from tests.provision.files import problems_of, write

if TYPE_CHECKING:
    from pathlib import Path

FILES = (*broken_values(), *broken_tables(), *broken_objects())


def test_there_are_more_than_a_hundred() -> None:
    """No two of them are the same, and every format is among them."""
    suffixes = {one.name.rpartition(".")[2] for one in FILES}

    assert {"csv", "tsv", "json", "jsonl", "yaml", "xlsx", "xls"} == suffixes
    assert len({(one.name.rpartition(".")[2], one.data) for one in FILES}) == len(FILES) > 100


@pytest.mark.parametrize("broken", FILES, ids=lambda one: one.name)
def test_each_gets_all_its_errors(tmp_path: Path, broken: Broken) -> None:
    """As many as were put in, each with its line, its column and what is wrong."""
    path = write(tmp_path, broken.data, f"devices.{broken.name.rpartition('.')[2]}")
    found = [
        Expected(one.line, one.path, one.column, f"{one.message}. {one.hint}")
        for one in problems_of(path)
    ]
    wanted = sorted(broken.expected, key=_place)
    found.sort(key=_place)

    assert [_place(one) for one in wanted] == [_place(one) for one in found]
    for expected, said in zip(wanted, found, strict=True):
        assert expected.words in said.words


def _place(one: Expected) -> tuple[int, str, str]:
    return one.line or 0, one.path, one.column
