"""Options of bulk runs."""

from __future__ import annotations

import os
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
        if self.journal is not None and not (
            isinstance(self.journal, (str, os.PathLike)) and os.fspath(self.journal)
        ):
            raise InputError(f"must be the path of a file, not {self.journal!r}", path="journal")
        if self.on_error not in ("continue", "stop"):
            raise InputError(f"must be continue or stop, not {self.on_error!r}", path="on_error")
        if self.max_failures is not None and not (
            type(self.max_failures) is int and self.max_failures >= 0
        ):
            raise InputError(
                f"must be a whole number of at least 0, or None, not {self.max_failures!r}",
                path="max_failures",
            )
        for name in ("ordered", "same_profile", "incomplete", "settle_only"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise InputError(f"must be true or false, not {value!r}", path=name)
        if not (_is_number(self.settle) and 0 <= self.settle <= 600):
            raise InputError(f"must be from 0 to 600 seconds, not {self.settle!r}", path="settle")
        if not (_is_number(self.patience) and self.patience >= 0):
            raise InputError(f"must be at least 0 seconds, not {self.patience!r}", path="patience")

    @property
    def failures_allowed(self) -> float:
        """Return the number of failed items that stops the run."""
        if self.on_error == "stop":
            return 0
        return float("inf") if self.max_failures is None else self.max_failures


def _is_number(value: object) -> bool:
    # In Python true and false are numbers.
    return isinstance(value, (int, float)) and not isinstance(value, bool)
