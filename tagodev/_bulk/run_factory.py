"""The factory of a client's bulk runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import attrs

from tagodev._bulk.options import RunKeywords, RunOptions
from tagodev._bulk.run import BulkRun
from tagodev.errors import InputError

if TYPE_CHECKING:
    import asyncio

    from tagodev._bulk.input import Many
    from tagodev._bulk.operations.base import Operation
    from tagodev._session import Session

__all__ = ["RunFactory"]

Item = TypeVar("Item")


@attrs.frozen(eq=False)
class RunFactory:
    """Creates runs that use one session, and holds those in progress."""

    session: Session
    """The session that sends requests."""
    concurrency: int
    """Items of a run in work at once."""
    running: set[asyncio.Task[None]]
    """The runs in progress, so that closing the client ends them."""

    def create(
        self, operation: Operation[Item], items: Many[Item] | None, keywords: RunKeywords
    ) -> BulkRun[Item]:
        """Return a run; nothing is read or sent before it is entered.

        Args:
            operation: the operation to do with each item.
            items: the items; None for those of the journal.
            keywords: the run's options.

        Raises:
            InputError: an option is invalid, or `items` is one text.
        """
        if isinstance(items, (str, bytes)):
            # It would be iterated over: each letter of an id would be an id.
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
