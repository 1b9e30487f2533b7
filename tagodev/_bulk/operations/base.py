"""The base class of operations: what a bulk run does with each item.

An operation does an item, finds what a lost attempt created, and adopts it. It does not handle HTTP
or limits, and sends requests through the functions that it gets.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, TypeVar

import attrs
import orjson

from tagodev._bulk.circuit_breaker import STOPS_ANY_RUN
from tagodev._bulk.claims import Claims
from tagodev._bulk.outcomes import Done
from tagodev._serialization.converter import from_json, to_json
from tagodev._session import CallRecord
from tagodev.errors import InputError

if TYPE_CHECKING:
    from tagodev._bulk.operations.identity import Finding
    from tagodev._bulk.work_item import WorkItem
    from tagodev.errors import TagoError

__all__ = ["CreatingOperation", "MakeRecord", "Operation"]

Item = TypeVar("Item")

#: Creates the record of a further request of a run.
MakeRecord: TypeAlias = Callable[[], CallRecord]


class Operation(ABC, Generic[Item]):
    """An operation of a bulk run; its class variables describe it to everything that reports it.

    An item that is not an `item_type` fails with an `InputError` and the run continues.
    """

    kind: ClassVar[str]
    """Name of the operation in journals."""
    method: ClassVar[str]
    """The method of `Tago` that starts and resumes its runs: ``devices.create_many``."""
    item_type: ClassVar[type]
    """The class of its items."""
    outcome: ClassVar[type[Done]] = Done
    """The outcome of an item that was done."""
    noun: ClassVar[str] = "rows"
    """What the items are, in the plural, for summaries."""
    route: ClassVar[str] = ""
    """The route that limits the operation."""
    has_tokens: ClassVar[bool] = False
    """Whether results contain tokens."""
    resendable: ClassVar[bool] = True
    """Whether an item in doubt may be sent again without a search."""
    needs_progress: ClassVar[bool] = False
    """Whether `find` needs the item's progress, which only the newest journal has."""
    stored: ClassVar[tuple[str, ...]] = ()
    """Its options, which a journal stores."""
    adjustable: ClassVar[frozenset[str]] = frozenset()
    """Options that may change when a run is resumed: how items are done, not which."""

    def options(self) -> Mapping[str, Any]:
        """Return the options that a journal stores, so that another process can resume."""
        return {name: getattr(self, name) for name in self.stored}

    def phase(self, item: Item) -> int:  # noqa: ARG002  (see `result`)
        """Return the phase of an item, 0 for the first.

        An item starts once all items of earlier phases that come before it are finished.
        """
        return 0

    def resource(self, item: Item) -> Hashable | None:  # noqa: ARG002  (see `result`)
        """Return the resource that an item works on; None if no other item can work on it.

        Items of the same resource are done one after another, in the order of the input.
        """
        return None

    @property
    def uses_history(self) -> bool:
        """Whether `remember` must be called; default: no."""
        return False

    def remember(self, index: int, item: Item, result: bytes | None) -> None:
        """Load an item that an earlier process has sent or finished.

        Args:
            index: the index of the item, from 0.
            item: the item.
            result: what `result` returned for it; None if nothing.
        """

    @classmethod
    def encode(cls, item: Item) -> bytes:
        """Encode an item as JSON.

        Raises:
            InputError: JSON can't represent it.
        """
        return to_json(item)

    def decode(self, payload: bytes) -> Item:
        """Decode an item from the journal."""
        item: Item = from_json(payload, self.item_type)
        return item

    def result(self, done: Done) -> bytes | None:
        """Encode the service's result as JSON; None if there is none."""
        made = getattr(done, "result", None)
        return None if made is None else to_json(made)

    def check(self, item: object) -> None:
        """Check the type of an item.

        Raises:
            InputError: it is not an `item_type`.
        """
        if not isinstance(item, self.item_type):
            name = self.item_type.__name__
            expected = "text" if self.item_type is str else f"a {name}"
            raise InputError(f"must be {expected}, not {type(item).__name__}", path="item")

    def done(self, work: WorkItem[Item], **result: Any) -> Done:
        """Return the outcome of an item that was done.

        Args:
            work: the item.
            result: further fields of the operation's outcome.
        """
        return self.outcome(work.index, work.item, attempts=work.record.attempts, **result)

    @abstractmethod
    async def do(self, work: WorkItem[Item]) -> Done:
        """Do one item.

        Raises:
            TagoError: the item failed.
        """

    def can_find(self, item: Item) -> bool:  # noqa: ARG002  (see `result`)
        """Return whether `find` can find anything for an item; default: if it is not resendable."""
        return not self.resendable

    async def find(
        self,
        items: Sequence[WorkItem[Item]],  # noqa: ARG002  (see `result`)
        record: MakeRecord,  # noqa: ARG002  (see `result`)
    ) -> Mapping[int, Finding]:
        """Search for what lost attempts created; only for items that are not resendable.

        Args:
            items: the items in doubt.
            record: creates the record of each request.

        Returns:
            What was found for each item, by index; nothing for an item that was not done.
        """
        return {}

    async def adopt(self, work: WorkItem[Item]) -> Done:
        """Use what was found (`WorkItem.found`) as the item's result.

        Raises:
            TagoError: this is not possible.
        """
        return await self.do(work)

    def stops(self, error: TagoError) -> bool:
        """Return whether every further item would get this error too."""
        return isinstance(error, STOPS_ANY_RUN)


@attrs.frozen
class CreatingOperation(Operation[Item]):
    """An operation whose items create devices or tokens; what one creates is its own."""

    resendable = False
    created: ClassVar[str]
    """The field of a result that identifies what was created."""
    _owned: Claims = attrs.field(factory=Claims, init=False, repr=False, eq=False)

    @property
    def uses_history(self) -> bool:
        """True: what one item has created is not found for another one."""
        return True

    def remember(self, index: int, item: Item, result: bytes | None) -> None:
        """Record what an item has created."""
        del item
        try:
            made = orjson.loads(result or b"{}")
        except orjson.JSONDecodeError:
            return
        found = made.get(self.created) if isinstance(made, dict) else None
        self.own(found if isinstance(found, str) else "", index)

    def own(self, created: str, index: int) -> None:
        """Record an item as the owner of what it has created.

        Args:
            created: the device's id, or the token; empty for nothing.
            index: the index of the item, from 0.
        """
        if created:
            self._owned.take(created, index)

    def is_free(self, found: str, index: int) -> bool:
        """Return whether no other item has created what was found."""
        return self._owned.is_free(found, index)
