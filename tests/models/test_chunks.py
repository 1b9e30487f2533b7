"""Chunks, by either of the names that their ends have."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tagodev import Chunk, ChunkBackup
from tagodev.serialization.converter import StructureError, from_wire

FIRST = "2022-07-18T00:00:00.000+00:00"
LAST = "2022-07-24T23:59:59.999+00:00"


@pytest.mark.parametrize("names", [("from", "to"), ("from_date", "to_date")])
def test_a_chunks_ends_have_two_names(names: tuple[str, str]) -> None:
    """Sources disagree on what they are called; both are read."""
    wire = {"id": "1658102400_1658707199", names[0]: FIRST, names[1]: LAST, "amount": 1584}
    expected = Chunk(
        id="1658102400_1658707199",
        from_date=datetime(2022, 7, 18, tzinfo=UTC),
        to_date=datetime(2022, 7, 24, 23, 59, 59, 999_000, tzinfo=UTC),
        amount=1584,
    )

    assert expected == from_wire(wire, Chunk)


@pytest.mark.parametrize("amount", [{}, {"amount": None}])
def test_the_amount_may_be_unknown(amount: dict[str, None]) -> None:
    """The service does not always tell."""
    assert from_wire({"id": "c", "from": FIRST, "to": LAST, **amount}, Chunk).amount is None


def test_a_chunk_without_an_end_is_none() -> None:
    """Both ends are told by the one name that the model has."""
    with pytest.raises(StructureError, match=r"@ result\.to_date"):
        from_wire({"id": "c", "from": FIRST}, Chunk)


def test_backups_are_read_with_or_without_a_status() -> None:
    """Sources disagree on whether the status is told; what else there is is kept."""
    wire = {"chunk_id": "c", "file_address": "device/c.csv"}

    assert ChunkBackup(chunk_id="c", file_address="device/c.csv") == from_wire(wire, ChunkBackup)
    told = from_wire({**wire, "status": "scheduled", "job": 5}, ChunkBackup)
    assert ("scheduled", {"job": 5}) == (told.status, told.extra)
