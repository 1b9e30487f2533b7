"""How a bulk run is to go."""

from __future__ import annotations

import os
from typing import Literal, TypedDict

import attrs

from tagodev.errors import InputError

__all__ = ["ResumeKeywords", "RunKeywords", "RunOptions"]


class ResumeKeywords(TypedDict, total=False):
    """How a run goes about its rows."""

    on_error: Literal["continue", "stop"]
    """Whether a row that fails ends the run; default: ``continue``."""
    max_failures: int | None
    """How many rows may fail before the run ends; default: any number."""
    ordered: bool
    """Whether outcomes come in the order of their rows; default: as they complete."""
    settle: float
    """Seconds that a request without an answer may still take to show on the service, 0 to 600;
    default 10, an assumption."""
    patience: float
    """Seconds of pauses in a row, while there is no connection, before the run ends; default 900.
    """
    same_profile: bool
    """Whether to resume a journal though neither its profile nor the token's can be found out, and
    its token was another; default: no."""
    incomplete: bool
    """Whether to resume from a journal that is an older copy, or has lost its write-ahead log: each
    row that it shows as pending is looked up before it is sent; default: no."""


class RunKeywords(ResumeKeywords, total=False):
    """What every bulk method takes besides its rows."""

    journal: str | os.PathLike[str] | None
    """Where the run is written down, so that it can be resumed; default: nowhere."""


@attrs.frozen(kw_only=True)
class RunOptions:
    """How a bulk run is to go; the fields are those of `RunKeywords`."""

    journal: str | os.PathLike[str] | None = None
    """Where the run is written down; None for nowhere."""
    on_error: Literal["continue", "stop"] = "continue"
    """Whether a row that fails ends the run."""
    max_failures: int | None = None
    """How many rows may fail before the run ends; None for any number."""
    ordered: bool = False
    """Whether outcomes come in the order of their rows."""
    settle: float = 10.0
    """Seconds that a request without an answer may still take to show on the service."""
    patience: float = 900.0
    """Seconds of pauses in a row, while there is no connection, before the run ends."""
    same_profile: bool = False
    """Whether to trust that a journal's profile is the token's where it can't be found out."""
    incomplete: bool = False
    """Whether to resume from a journal that is not the newest state of its run."""
    settle_only: bool = False
    """Whether to look up what an earlier process has sent, and to send nothing else."""

    def __attrs_post_init__(self) -> None:
        if self.journal is not None and not (
            isinstance(self.journal, (str, os.PathLike)) and os.fspath(self.journal)
        ):
            raise InputError(f"is the path of a file, not {self.journal!r}", path="journal")
        if self.on_error not in ("continue", "stop"):
            raise InputError(f"is continue or stop, not {self.on_error!r}", path="on_error")
        if self.max_failures is not None and not (
            type(self.max_failures) is int and self.max_failures >= 0
        ):
            raise InputError(
                f"is a whole number, 0 or more, or None, not {self.max_failures!r}",
                path="max_failures",
            )
        for name in ("ordered", "same_profile", "incomplete", "settle_only"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise InputError(f"is true or false, not {value!r}", path=name)
        if not (_is_number(self.settle) and 0 <= self.settle <= 600):
            raise InputError(f"is from 0 to 600 seconds, not {self.settle!r}", path="settle")
        if not (_is_number(self.patience) and self.patience >= 0):
            raise InputError(f"is 0 or more seconds, not {self.patience!r}", path="patience")

    @property
    def failures_allowed(self) -> float:
        """How many rows may fail before the run ends."""
        if self.on_error == "stop":
            return 0
        return float("inf") if self.max_failures is None else self.max_failures


def _is_number(value: object) -> bool:
    # To Python true and false are numbers.
    return isinstance(value, (int, float)) and not isinstance(value, bool)
