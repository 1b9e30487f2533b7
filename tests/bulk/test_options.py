"""How a bulk run is to go."""

from __future__ import annotations

from typing import Any

import pytest

from tagodev import InputError
from tagodev._bulk.options import RunOptions


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *(("on_error", value) for value in ("ignore", "STOP", "")),
        *(("max_failures", value) for value in (-1, -100)),
        *(("settle", value) for value in (-0.1, 600.1, float("nan"))),
        *(("patience", value) for value in (-0.1, float("nan"))),
    ],
)
def test_what_can_not_be_meant_is_refused(path: str, value: Any) -> None:
    """The error names the option."""
    with pytest.raises(InputError) as caught:
        RunOptions(**{path: value})

    assert path == caught.value.path


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *(("on_error", value) for value in ("continue", "stop")),
        *(("max_failures", value) for value in (None, 0, 1)),
        *(("settle", value) for value in (0, 0.5, 600)),
        *(("patience", value) for value in (0, 0.5, float("inf"))),
    ],
)
def test_what_may_be_asked_for(path: str, value: Any) -> None:
    """The bounds themselves are within."""
    assert value == getattr(RunOptions(**{path: value}), path)


@pytest.mark.parametrize(
    ("allowed", "options"),
    [
        (float("inf"), {}),
        (3, {"max_failures": 3}),
        (0, {"max_failures": 0}),
        (0, {"on_error": "stop"}),
        (0, {"on_error": "stop", "max_failures": 3}),
    ],
)
def test_how_many_failures_are_allowed(allowed: float, options: dict[str, Any]) -> None:
    """Any number by default; none where the first stops the run."""
    assert allowed == RunOptions(**options).failures_allowed
