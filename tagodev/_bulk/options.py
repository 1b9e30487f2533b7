"""Options of bulk runs."""

from __future__ import annotations

import os
from math import inf
from typing import Literal, TypedDict

import attrs

from tagodev.errors import InputError

__all__ = ["ResumeKeywords", "RunKeywords", "RunOptions"]


class ResumeKeywords(TypedDict, total=False):
    """Options of a resumed run."""

    on_error: Literal["continue", "stop"]
    """Whether a failed item stops the run; default: ``continue``."""
    max_failures: int | None
    """The number of failed items that stops the run; default: no limit."""
    ordered: bool
    """Whether outcomes are in the order of the input; default: as they complete."""
    settle: float
    """Seconds that a request without an answer may take to show on the service, 0 to 600;
    default 10, an assumption.
    """
    patience: float
    """Seconds of pauses in a row, without a connection, before the run stops; default 900."""
    same_profile: bool
    """Whether to resume a journal with another token if the profile of either is not known;
    default: no.
    """
    incomplete: bool
    """Whether to resume from a journal that is an older copy, or has lost its write-ahead log: each
    item that it shows as pending is looked up before it is sent; default: no.
    """


class RunKeywords(ResumeKeywords, total=False):
    """Options of every bulk method."""

    journal: str | os.PathLike[str] | None
    """The journal's path, so that the run can be resumed; default: no journal."""


@attrs.frozen(kw_only=True)
class RunOptions:
    """Options of a bulk run; the fields are those of `RunKeywords`."""

    journal: str | os.PathLike[str] | None = None
    """The journal's path; None for no journal."""
    on_error: Literal["continue", "stop"] = "continue"
    """Whether a failed item stops the run."""
    max_failures: int | None = None
    """The number of failed items that stops the run; None for no limit."""
    ordered: bool = False
    """Whether outcomes are in the order of the input."""
    settle: float = 10.0
    """Seconds that a request without an answer may take to show on the service."""
    patience: float = 900.0
    """Seconds of pauses in a row, without a connection, before the run stops."""
    same_profile: bool = False
    """Whether to accept a journal whose profile, or the token's, is not known."""
    incomplete: bool = False
    """Whether to resume from a journal that is not the newest state of its run."""
    settle_only: bool = False
    """Whether to look up what an earlier process has sent, and to send nothing else."""

    def __attrs_post_init__(self) -> None:
        journal, failures = self.journal, self.max_failures
        is_path = isinstance(journal, (str, os.PathLike)) and bool(os.fspath(journal))
        is_count = type(failures) is int and failures >= 0
        switches = ("ordered", "same_profile", "incomplete", "settle_only")
        for name, valid, expected in (
            ("journal", journal is None or is_path, "the path of a file"),
            ("on_error", self.on_error in ("continue", "stop"), "continue or stop"),
            (
                *("max_failures", failures is None or is_count),
                "a whole number of at least 0, or None",
            ),
            *((one, isinstance(getattr(self, one), bool), "true or false") for one in switches),
            ("settle", _is_in(self.settle, 0, 600), "from 0 to 600 seconds"),
            ("patience", _is_in(self.patience, 0, inf), "at least 0 seconds"),
        ):
            if not valid:
                raise InputError(f"must be {expected}, not {getattr(self, name)!r}", path=name)

    @property
    def failures_allowed(self) -> float:
        """Return the number of failed items that stops the run."""
        if self.on_error == "stop":
            return 0
        return float("inf") if self.max_failures is None else self.max_failures


def _is_in(value: object, least: float, most: float) -> bool:
    # In Python true and false are numbers.
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return least <= value <= most
