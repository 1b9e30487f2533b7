"""The order of a run's items: which must be finished before another one may start.

Workers start items in the order of the input and finish them in any order.
Two things must not overlap:

- *Phases.* A profile holds a limited number of devices, so a deletion must be finished before a
  creation uses its slot. An item starts once all items of earlier phases before it in the input are
  finished.
- *Resources.* Two edits of one device have no defined result unless one follows the other, and two
  items that create a token of one name for one device can't be distinguished after a lost answer.
  Items of the same resource are done one after another, in the order of the input.

An item whose answer was lost is unfinished until it has an outcome, so items after it never act on
an unknown state.

There is no deadlock: an item waits only for items before it in the input.
Memory is bounded: an unfinished item is in work, in doubt or waiting, and the engine reads no
further item while there are too many.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tagodev._bulk.operations.base import Operation
    from tagodev._bulk.work_item import WorkItem

__all__ = ["Precedence"]

Item = TypeVar("Item")


class Precedence(Generic[Item]):
    """The unfinished items of a run, and which of them may be in work."""

    def __init__(self, operation: Operation[Item]) -> None:
        """Initialize without items.

        Args:
            operation: gives phase and resource of each item.
        """
        self._operation = operation
        self._phases: Counter[int] = Counter()
        self._queues: dict[Hashable, deque[WorkItem[Item]]] = {}
        self.waiting: int = 0
        """The number of items that wait for another one of their resource."""

    def allows(self, item: Item) -> bool:
        """Return whether all unfinished items are of the item's phase or a later one."""
        phase, _ = self._place_of(item)
        return not any(unfinished < phase for unfinished in self._phases)

    def add(self, work: WorkItem[Item]) -> bool:
        """Add an unfinished item.

        Returns:
            Whether it may be in work; if not, `end` returns it later.
        """
        phase, resource = self._place_of(work.item)
        self._phases[phase] += 1
        if resource is None:
            return True
        queue = self._queues.setdefault(resource, deque())
        queue.append(work)
        if len(queue) == 1:
            return True
        self.waiting += 1
        return False

    def end(self, work: WorkItem[Item]) -> WorkItem[Item] | None:
        """Remove a finished item, and return the one that it released."""
        phase, resource = self._place_of(work.item)
        self._phases[phase] -= 1
        if not self._phases[phase]:
            del self._phases[phase]
        if resource is None:
            return None
        queue = self._queues[resource]
        assert queue[0] is work, "only the first of a queue is in work"
        queue.popleft()
        if not queue:
            del self._queues[resource]
            return None
        self.waiting -= 1
        return queue[0]

    def _place_of(self, item: Item) -> tuple[int, Hashable | None]:
        """Return phase and resource of an item."""
        # An item of another type is refused when it is done.
        if not isinstance(item, self._operation.item_type):
            return 0, None
        return self._operation.phase(item), self._operation.resource(item)
