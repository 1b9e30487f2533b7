"""Which items of a run must be finished before another one may begin.

Workers begin items in the order of the input and finish them in any order.
Two things must not overlap:

- *Phases.* A profile holds a limited number of devices, so a deletion must be finished, and not
  only sent, before a creation takes its slot. An item begins once all items of earlier phases that
  come before it in the input are finished.
- *Resources.* Two edits of one device have no defined result unless one follows the other, and two
  rows that create a token of one name for one device can't be distinguished after a lost answer.
  Items of the same resource are done one after another, in the order of the input.

An item whose answer was lost is unfinished until the service has been searched for it, and gives
way only when it has an outcome; so what follows it never acts on a state that is not known.

There is no deadlock: an item waits only for items before it in the input.
Memory is bounded: an unfinished item is in work, in doubt or waiting, and the engine reads no
further item while too many are.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Generic, TypeVar

from tagodev.bulk.operations.base import Operation

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tagodev.bulk.work_item import WorkItem

__all__ = ["Precedence", "precedence_of"]

Item = TypeVar("Item")


class Precedence(Generic[Item]):
    """Knows the unfinished items of a run, and which of them may be in work."""

    def __init__(self, operation: Operation[Item]) -> None:
        """Start without any item.

        Args:
            operation: says phase and resource of each item.
        """
        self._operation = operation
        self._phases: Counter[int] = Counter()
        self._queues: dict[Hashable, deque[WorkItem[Item]]] = {}
        self.waiting: int = 0
        """How many items wait for another one of their resource."""

    def allows(self, item: Item) -> bool:
        """Return whether all unfinished items are of the item's phase or a later one."""
        phase = self._operation.phase(item)
        return not any(unfinished < phase for unfinished in self._phases)

    def add(self, row: WorkItem[Item]) -> bool:
        """Note an unfinished item.

        Returns:
            Whether it may be in work; if not, `end` returns it when its turn comes.
        """
        self._phases[self._operation.phase(row.item)] += 1
        resource = self._operation.resource(row.item)
        if resource is None:
            return True
        queue = self._queues.setdefault(resource, deque())
        queue.append(row)
        if len(queue) == 1:
            return True
        self.waiting += 1
        return False

    def end(self, row: WorkItem[Item]) -> WorkItem[Item] | None:
        """Note that an item is finished, and return the one whose turn comes by that."""
        phase = self._operation.phase(row.item)
        self._phases[phase] -= 1
        if not self._phases[phase]:
            del self._phases[phase]
        resource = self._operation.resource(row.item)
        if resource is None:
            return None
        queue = self._queues[resource]
        assert queue[0] is row, "only the first of a queue is in work"
        queue.popleft()
        if not queue:
            del self._queues[resource]
            return None
        self.waiting -= 1
        return queue[0]


def precedence_of(operation: Operation[Item]) -> Precedence[Item] | None:
    """Return what orders the items of an operation; None where any may overlap."""
    # Most operations have neither phases nor resources, and their items should not pay for it.
    cls = type(operation)
    if cls.phase is Operation.phase and cls.resource is Operation.resource:
        return None
    return Precedence(operation)
