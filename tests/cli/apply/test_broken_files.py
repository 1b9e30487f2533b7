"""Messages of ``tagodev plan`` for more than a hundred broken files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.provision.broken_objects import broken_objects
from tests.provision.broken_tables import broken_tables
from tests.provision.broken_values import broken_values
from tests.provision.files import write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.support import InProcess

#: A network alone is a problem with the service's own list in hand, too, but another one.
HALF = "network and connector must be given together"
FILES = (*broken_values(), *broken_tables(), *broken_objects())


@pytest.mark.parametrize("suffix", sorted({one.name.rpartition(".")[2] for one in FILES}))
def test_each_is_refused_with_all_its_errors(
    inside: InProcess, tmp_path: Path, suffix: str
) -> None:
    """Exit code 2, a line for each error with the place where it is, and nothing on stdout.

    What each says is a matter of the reader's own tests.
    """
    for broken in FILES:
        if not broken.name.endswith(f".{suffix}"):
            continue
        path = write(tmp_path, broken.data, f"devices.{suffix}")
        done = inside("plan", path.name)
        places = [line.partition(" ")[0] for line in done.err.splitlines()]

        assert (2, "") == (done.code, done.out), broken.name
        assert len(broken.expected) == len(places), broken.name
        if any(HALF in one.words for one in broken.expected):
            continue
        expected = [
            f"{path.name}:" if one.line is None else f"{path.name}:{one.line}:"
            for one in broken.expected
        ]
        assert sorted(expected) == sorted(places), broken.name
