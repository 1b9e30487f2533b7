"""Models of a journal: its entries, their states, and batches of writes.

Each entry is in one of these states:

=========  =======================================================================
PENDING    nothing was sent for it
SENT       a request may have been sent, and its answer is not known
DONE       done; the result is stored
FAILED     the service refused it and did nothing
UNSOLVED   looked up, and several resources match
=========  =======================================================================
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from tagodev.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagodev._address import Target

__all__ = ["FINISHED", "Batch", "EntryState", "JournalEntry", "JournalInfo", "damaged_entry"]


class EntryState(enum.IntEnum):
    """State of an entry."""

    PENDING = 0
    """Nothing was sent for it."""
    SENT = 1
    """A request may have been sent, and its answer is not known."""
    DONE = 2
    """Done; the result is stored."""
    FAILED = 3
    """The service refused it and did nothing."""
    UNSOLVED = 4
    """Looked up, and several resources match."""


#: States of finished entries.
FINISHED: Final = (EntryState.DONE, EntryState.FAILED, EntryState.UNSOLVED)


@attrs.frozen(kw_only=True)
class JournalInfo:
    """Facts about a journal's run; never the account's token."""

    run: str
    """Id of the run, created with the journal: eight hex digits."""
    kind: str
    """The operation: ``create_devices``."""
    options: Mapping[str, Any] = attrs.field(factory=dict)
    """The operation's options, needed to resume it."""
    service: str = ""
    """The service's address."""
    profile: str = ""
    """Id of the profile; empty before the first run, and if the token may not read its profile."""
    account: str = ""
    """Digest of the token that the journal was last run with; empty before the first run."""
    began: float = 0.0
    """When the journal was created, in seconds since the epoch."""
    keywords: Mapping[str, Any] = attrs.field(factory=dict)
    """Options of the first run, as defaults when it is resumed."""


@attrs.frozen(kw_only=True)
class JournalEntry:
    """An entry of a journal."""

    number: int
    """The index of the item, from 0."""
    state: EntryState
    """Its state."""
    payload: bytes = attrs.field(repr=False)
    """The item, as JSON."""
    attempts: int = 0
    """How often it was sent."""
    sent: float | None = None
    """When it was first about to be sent, in seconds since the epoch."""
    ended: float | None = None
    """When it was finished, in seconds since the epoch."""
    progress: bytes | None = attrs.field(default=None, repr=False)
    """The steps done so far of an operation with several, as JSON."""
    result: bytes | None = attrs.field(default=None, repr=False)
    """The service's result, as JSON; it may hold a device's token."""
    error: str | None = None
    """Why it failed, or is in doubt."""

    def item(self) -> Any:
        """Return the item, decoded.

        Raises:
            JournalError: it is damaged.
        """
        return self._decoded(self.payload, "payload")

    def given(self) -> Mapping[str, Any]:
        """Return the service's result, decoded; empty if there is none.

        Raises:
            JournalError: it is damaged.
        """
        found = self._decoded(self.result, "result") if self.result else {}
        if not isinstance(found, dict):
            raise damaged_entry(self.number, "its result can't be read")
        return found

    def _decoded(self, text: bytes, field: str) -> Any:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            raise damaged_entry(self.number, f"its {field} can't be read") from None


def damaged_entry(number: int, problem: str, journal: str = "") -> JournalError:
    """Return the error for an entry that can't be read.

    Args:
        number: the index of its item, from 0.
        problem: what is damaged.
        journal: the journal.
    """
    return JournalError(
        f"entry {number + 1} is damaged: {problem}",
        journal=journal,
        hint="tagodev bulk export reads the other entries",
    )


@attrs.define
class Batch:
    """The writes of one commit."""

    pulled: list[tuple[int, bytes, bytes]] = attrs.field(factory=list)
    """Items read from the input: number, hash, payload."""
    sent: list[tuple[float, int]] = attrs.field(factory=list)
    """Items about to be sent: time, and number."""
    progress: list[tuple[bytes, int]] = attrs.field(factory=list)
    """Steps that were done: progress, and number."""
    ended: list[tuple[int, int, float | None, bytes | None, str | None, int]] = attrs.field(
        factory=list
    )
    """Finished items: state, attempts, time, result, error, number."""
    spent: dict[tuple[str, str, float, int], int] = attrs.field(factory=dict)
    """Charges by ledger, route, minute and window."""
    asked: dict[tuple[str, float, int], int] = attrs.field(factory=dict)
    """Requests that have ended, by route, minute and the first window that may have counted
    each.
    """
    whole: bool = False
    """Whether the input has no more items."""
    target: Target | None = None
    """The service and the profile that the journal belongs to, if new."""

    def __bool__(self) -> bool:
        return self != Batch()
