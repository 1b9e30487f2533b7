"""Where a client's bulk runs are begun."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import attrs

from tagodev.bulk.options import RunKeywords, RunOptions
from tagodev.bulk.run import BulkRun
from tagodev.errors import InputError

if TYPE_CHECKING:
    import asyncio

    from tagodev.bulk.input import Many
    from tagodev.bulk.operations.base import Operation
    from tagodev.session import Session

__all__ = ["RunFactory"]

Item = TypeVar("Item")


@attrs.frozen(eq=False)
class RunFactory:
    """Begins runs through one session, and knows which are going on."""

    session: Session
    """The door to the service."""
    concurrency: int
    """Rows of a run in work at once."""
    running: set[asyncio.Task[None]]
    """Where runs are kept while they last, so that closing the client ends them."""

    def begin(
        self, operation: Operation[Item], items: Many[Item] | None, keywords: RunKeywords
    ) -> BulkRun[Item]:
        """Return a run; nothing is read or sent before it is entered.

        Args:
            operation: what to do with each row.
            items: the rows; None for those that the journal holds.
            keywords: how to go about it.

        Raises:
            InputError: a keyword out of bounds, or one text instead of the rows.
        """
        if isinstance(items, (str, bytes)):
            # It would be iterated over: each letter of an id would be an id of its own.
            raise InputError(
                f"must be a list or another iterable, not {type(items).__name__}",
                path="items",
                hint="Put a single item into a list: [item]",
            )
        return BulkRun(
            operation,
            items,
            session=self.session,
            concurrency=self.concurrency,
            running=self.running,
            options=RunOptions(**keywords),
        )
