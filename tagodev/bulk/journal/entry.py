"""What stands in a journal: rows, their states, and what is to be written of many at once.

At any moment each row is in one of these states:

=========  =======================================================================
PENDING    nothing has left for it
SENT       a request may have left, and its answer is not known here
DONE       done; the result is kept
FAILED     the service refused it and did nothing
UNSOLVED   looked up, and still not clear: several things match
=========  =======================================================================
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import attrs
import orjson

from tagodev.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagodev.target import Target

__all__ = ["Batch", "EntryState", "JournalEntry", "JournalInfo"]


class EntryState(enum.IntEnum):
    """What is known of a row."""

    PENDING = 0
    """Nothing has left for it."""
    SENT = 1
    """A request may have left, and its answer is not known here."""
    DONE = 2
    """Done; the result is kept."""
    FAILED = 3
    """The service refused it and did nothing."""
    UNSOLVED = 4
    """It was looked up, and is still not clear."""


@attrs.frozen(kw_only=True)
class JournalInfo:
    """What a journal is about; it never holds the account's token."""

    run: str
    """Name of the run, made up when the journal is: eight letters and digits."""
    kind: str
    """What is done with each row: ``create_devices``."""
    options: Mapping[str, Any] = attrs.field(factory=dict)
    """How it is done, as the operation needs it to go on."""
    service: str = ""
    """Address of the service."""
    profile: str = ""
    """Id of the profile; empty until the first run has asked, and where the token may not ask."""
    account: str = ""
    """Digest of the token that the journal was last run with; empty before the first run."""
    began: float = 0.0
    """When the journal was made, in seconds of the epoch."""
    keywords: Mapping[str, Any] = attrs.field(factory=dict)
    """How whoever began it has gone about it, to go on likewise; a run may do it otherwise."""


@attrs.frozen(kw_only=True)
class JournalEntry:
    """A row of a journal."""

    number: int
    """Which row, from 0."""
    state: EntryState
    """What is known of it."""
    payload: bytes = attrs.field(repr=False)
    """The row itself, as JSON."""
    attempts: int = 0
    """How often it was sent."""
    sent: float | None = None
    """When it was about to leave first, in seconds of the epoch."""
    ended: float | None = None
    """When it was finished, in seconds of the epoch."""
    progress: bytes | None = attrs.field(default=None, repr=False)
    """What an operation of several steps has done so far, as JSON."""
    result: bytes | None = attrs.field(default=None, repr=False)
    """What the service gave, as JSON; it may hold a device's token."""
    error: str | None = None
    """Why it failed, or is not clear."""

    def item(self) -> Any:
        """Return the row itself, decoded.

        Raises:
            JournalError: it is damaged.
        """
        return self._decoded(self.payload, "payload")

    def given(self) -> Mapping[str, Any]:
        """Return what the service gave, decoded; empty if it gave nothing.

        Raises:
            JournalError: it is damaged.
        """
        found = self._decoded(self.result, "result") if self.result else {}
        if not isinstance(found, dict):
            raise self._damaged("result")
        return found

    def _decoded(self, text: bytes, field: str) -> Any:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            raise self._damaged(field) from None

    def _damaged(self, field: str) -> JournalError:
        return JournalError(
            f"row {self.number + 1} is damaged: its {field} can't be read",
            hint="tagodev bulk export reads the other rows",
        )


@attrs.define
class Batch:
    """What is to be written in one commit."""

    pulled: list[tuple[int, bytes, bytes]] = attrs.field(factory=list)
    """Rows read from the input: number, hash, payload."""
    sent: list[tuple[float, int]] = attrs.field(factory=list)
    """Rows of which a request is about to leave: when, and number."""
    progress: list[tuple[bytes, int]] = attrs.field(factory=list)
    """Steps done: what, and number."""
    ended: list[tuple[int, int, float | None, bytes | None, str | None, int]] = attrs.field(
        factory=list
    )
    """Rows at an end: state, attempts, when, result, error, number."""
    spent: dict[tuple[str, str, float, int], int] = attrs.field(factory=dict)
    """Grants by ledger, route, minute and window."""
    asked: dict[tuple[str, float, int], int] = attrs.field(factory=dict)
    """Requests that have ended, by route, minute and the first window that may have counted
    each."""
    whole: bool = False
    """Whether the input has no more rows."""
    target: Target | None = None
    """The service and the profile that the journal belongs to, where that is new."""

    def __bool__(self) -> bool:
        return any(
            (
                *(self.pulled, self.sent, self.progress, self.ended, self.spent, self.asked),
                *(self.whole, self.target),
            )
        )
