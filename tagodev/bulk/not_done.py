"""Which outcome a row has that was not done.

What decides is whether the service may have acted: only a row that provably changed nothing is
failed or pending, and may be sent again without a search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tagodev.bulk.outcomes import Failed, InDoubt, Pending
from tagodev.errors import (
    AmbiguousMatchError,
    ConnectError,
    JournalError,
    LedgerError,
    MalformedAnswerError,
    NoAnswerError,
    RequestError,
    ServerError,
)

if TYPE_CHECKING:
    from tagodev.bulk.operations.identity import Ambiguous
    from tagodev.bulk.work_item import WorkItem
    from tagodev.errors import TagoError

__all__ = ["ambiguous", "failure", "still_in_doubt", "unsent"]


def failure(
    row: WorkItem[Any], error: TagoError, *, kept: bool, stopped: bool
) -> Failed | InDoubt | Pending | None:
    """Return the outcome of a row that met an error; None if it is to be looked up later.

    Args:
        row: which.
        error: what happened.
        kept: whether the run has a journal, so that rows in doubt can be looked up.
        stopped: whether the run has ended.
    """
    lost = isinstance(error, (MalformedAnswerError, NoAnswerError, ServerError))
    doubtful = (
        row.in_doubt
        or row.found is not None
        or (isinstance(error, RequestError) and error.may_have_acted)
    )
    # What was found and can't be adopted will be no better another time.
    again = lost or (doubtful and row.found is None)
    if again and kept and not stopped:
        return None
    never_done = isinstance(error, (ConnectError, JournalError, LedgerError)) or (lost and kept)
    if never_done and not doubtful:
        return Pending(row.index, row.item, attempts=row.record.attempts)
    cls = InDoubt if doubtful else Failed
    return cls(row.index, row.item, error=error, attempts=row.record.attempts)


def unsent(row: WorkItem[Any], stopped: TagoError | None) -> InDoubt | Pending:
    """Return the outcome of a row that the end of the run has kept from its turn.

    Args:
        row: which.
        stopped: what ended the run.
    """
    assert stopped is not None, "only a stop takes rows back"
    attempts = row.record.attempts
    if row.in_doubt or row.found is not None:
        return InDoubt(row.index, row.item, error=stopped, attempts=attempts)
    return Pending(row.index, row.item, attempts=attempts)


def still_in_doubt(row: WorkItem[Any], stopped: TagoError | None) -> InDoubt:
    """Return the outcome of a row that was looked up in vain, or not at all.

    Args:
        row: which.
        stopped: what ended the run; None if it goes on.
    """
    attempts = row.record.attempts
    error = stopped or RequestError(
        "The answer was lost, and what became of it could not be found out",
        attempts=max(attempts, 1),
        may_have_acted=True,
    )
    return InDoubt(row.index, row.item, error=error, attempts=attempts)


def ambiguous(row: WorkItem[Any], finding: Ambiguous) -> InDoubt:
    """Return the outcome of a row that may have made any of several things.

    Args:
        row: which.
        finding: what was found.
    """
    error = AmbiguousMatchError(
        "Several things could be what this row has made",
        candidates=finding.ids,
        hint="Look at them, and delete what is too many",
    )
    return InDoubt(row.index, row.item, error=error, attempts=row.record.attempts)
