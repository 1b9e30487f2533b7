"""Outcomes of items that were not done.

An item is failed or pending, and may be sent again without a search, only if the service can't have
acted on it; otherwise it is in doubt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tagodev._bulk.outcomes import Failed, InDoubt, Pending
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
    from tagodev._bulk.operations.identity import Ambiguous
    from tagodev._bulk.work_item import WorkItem
    from tagodev.errors import TagoError

__all__ = ["ambiguous", "failure", "still_in_doubt", "unsent"]


def failure(
    work: WorkItem[Any], error: TagoError, *, durable: bool, stopped: bool
) -> Failed | InDoubt | Pending | None:
    """Return the outcome of an item after an error; None if it is to be looked up later.

    Args:
        work: the item.
        error: the error.
        durable: whether the run has a journal, so that items in doubt can be looked up.
        stopped: the error that stopped the run, if any.
    """
    lost = isinstance(error, (MalformedAnswerError, NoAnswerError, ServerError))
    doubtful = (
        work.in_doubt
        or work.found is not None
        or (isinstance(error, RequestError) and error.may_have_acted)
    )
    # A resource that was found and can't be adopted now can't be adopted later either.
    again = lost or (doubtful and work.found is None)
    if again and durable and not stopped:
        return None
    never_done = isinstance(error, (ConnectError, JournalError, LedgerError)) or (lost and durable)
    if never_done and not doubtful:
        return Pending(work.index, work.item, attempts=work.record.attempts)
    cls = InDoubt if doubtful else Failed
    return cls(work.index, work.item, error=error, attempts=work.record.attempts)


def unsent(work: WorkItem[Any], stopped: TagoError | None) -> InDoubt | Pending:
    """Return the outcome of an item that was not sent because the run stopped.

    Args:
        work: the item.
        stopped: the error that stopped the run.
    """
    assert stopped is not None, "only a stop takes items back"
    if work.in_doubt or work.found is not None:
        return _in_doubt(work, stopped)
    return Pending(work.index, work.item, attempts=work.record.attempts)


def still_in_doubt(work: WorkItem[Any], stopped: TagoError | None) -> InDoubt:
    """Return the outcome of an item that was not looked up, or not found.

    Args:
        work: the item.
        stopped: the error that stopped the run; None if it continues.
    """
    error = stopped or RequestError(
        "The answer was lost, and the result could not be determined",
        attempts=max(work.record.attempts, 1),
        may_have_acted=True,
    )
    return _in_doubt(work, error)


def ambiguous(work: WorkItem[Any], finding: Ambiguous) -> InDoubt:
    """Return the outcome of an item that matches several resources.

    Args:
        work: the item.
        finding: the resources.
    """
    error = AmbiguousMatchError(
        "Several resources match this item",
        candidates=finding.ids,
        hint="Check them, and delete the duplicates",
    )
    return _in_doubt(work, error)


def _in_doubt(work: WorkItem[Any], error: TagoError) -> InDoubt:
    return InDoubt(work.index, work.item, error=error, attempts=work.record.attempts)
