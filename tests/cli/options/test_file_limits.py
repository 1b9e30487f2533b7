"""The option that raises the limits on files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tagodev import InputError
from tagodev._cli.apply.stdin import readable_path
from tagodev._cli.options.file_limits import file_limits


def test_limits_are_raised_one_by_one() -> None:
    """The others stay, and the message names the option."""
    limits = file_limits(["rows=5", "file_bytes=7"])

    assert (5, 7) == (limits.rows, limits.file_bytes)
    assert file_limits(None).columns == limits.columns
    assert file_limits([]).exceeded("rows", "{}").hint.endswith(": --file-limit rows=2097152")


@pytest.mark.parametrize("text", ["rows", "rows=", "rows=a", "row=5", "rows=0", "advice=5", "=5"])
def test_other_values_are_refused(text: str) -> None:
    """With the names of the limits, where the name is wrong."""
    with pytest.raises(InputError, match=r"^--file-limit: must be "):
        file_limits([text])


@pytest.mark.skipif(sys.platform == "win32", reason="has no such device")
def test_a_pipe_without_end_is_refused() -> None:
    """It is copied up to the limit; the message names it as the user did."""
    zeros = Path("/dev/zero")
    refused = pytest.raises(InputError, match=r"^/dev/zero: has more than 100,000 bytes")
    with refused, readable_path(zeros, "site", file_limits(["file_bytes=100000"])):
        pass
