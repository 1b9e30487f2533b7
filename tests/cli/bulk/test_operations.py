"""Rows of a run and their results."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from tagodev import DeviceCreated, InputError, Secret
from tagodev._cli.bulk.operations import RunRow
from tests.bulk.test_outcomes import OUTCOMES

#: What a made-up outcome holds.
VALUES: dict[str, Any] = {
    "index": 3,
    "item": None,
    "attempts": 1,
    "error": InputError("no"),
    "result": DeviceCreated(device_id="made", token=Secret("t-1")),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_result_has_the_status_of_its_outcome(name: str) -> None:
    """Whatever the outcome, its status, its error and what it has created are in the result."""
    cls = OUTCOMES[name]
    fields = {one.name for one in attrs.fields(cls)}
    outcome = cls(**{name: value for name, value in VALUES.items() if name in fields})
    made, failed = "result" in fields, "error" in fields

    assert (
        4,
        "a",
        "made" if made else "d",
        "t-1" if made else "",
        cls.status,
        "no"[: 2 * failed],
    ) == (RunRow(4, "a", None, "d").result(outcome).cells())
