"""The base class of operations: what a bulk run does with each item.

An operation does an item, finds what a lost attempt created, and adopts it. It does not handle HTTP
or limits, and sends requests through the functions that it gets.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, TypeVar, get_args

from tagodev.bulk.circuit_breaker import STOPS_ANY_RUN
from tagodev.errors import InputError
from tagodev.serialization.converter import to_json
from tagodev.session import CallRecord

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tagodev.bulk.operations.identity import Finding
    from tagodev.bulk.outcomes import Done
    from tagodev.bulk.work_item import WorkItem
    from tagodev.errors import TagoError

__all__ = ["MakeRecord", "Operation"]

Item = TypeVar("Item")

#: Creates the record of a further request of a run.
MakeRecord: TypeAlias = Callable[[], CallRecord]


class Operation(ABC, Generic[Item]):
    """An operation of a bulk run.

    An item that is not of the operation's type, ``DeviceCreate`` in ``Operation[DeviceCreate]``,
    fails with an `InputError` before `do` sees it, and the run continues.
    """

    kind: ClassVar[str]
    """Name of the operation in journals."""
    resendable: ClassVar[bool] = True
    """Whether an item in doubt may be sent again without a search."""

    adjustable: ClassVar[frozenset[str]] = frozenset()
    """Options that may change when a run is resumed: how items are done, not which."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        # Derived from the class's own base, so that no operation can omit the check.
        super().__init_subclass__(**keywords)
        do = vars(cls).get("do")
        item_type = _item_type(cls)
        # attrs creates each class again, with slots: the methods of that one are wrapped already.
        if do is not None and item_type is not None and not hasattr(do, "__wrapped__"):
            cls.do = _checking(do, item_type)  # type: ignore[assignment, method-assign]
            for name, default in (("phase", 0), ("resource", None)):
                if method := vars(cls).get(name):
                    setattr(cls, name, _guarded(method, item_type, default))

    def options(self) -> Mapping[str, Any]:
        """Return the options that a journal stores, so that another process can resume."""
        return {}

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

    @abstractmethod
    def decode(self, payload: bytes) -> Item:
        """Decode an item from the journal."""

    def result(self, done: Done) -> bytes | None:  # noqa: ARG002  (some operations have one)
        """Encode the service's result as JSON; None if there is none."""
        return None

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


def _item_type(operation: type[Operation[Any]]) -> type | None:
    """Return the type of an operation's items; None if it takes any."""
    for base in getattr(operation, "__orig_bases__", ()):
        for argument in get_args(base):
            if isinstance(argument, type) and argument is not Any:
                return argument
    return None


def _checking(
    do: Callable[[Any, WorkItem[Any]], Coroutine[Any, Any, Done]], item_type: type
) -> Callable[[Any, WorkItem[Any]], Coroutine[Any, Any, Done]]:
    # A plain function that returns the coroutine: an item needs no second one.
    @wraps(do)
    def checked(self: Any, work: WorkItem[Any]) -> Coroutine[Any, Any, Done]:
        if not isinstance(work.item, item_type):
            expected = "text" if item_type is str else f"a {item_type.__name__}"
            raise InputError(f"must be {expected}, not {type(work.item).__name__}", path="item")
        return do(self, work)

    return checked


def _guarded(
    method: Callable[[Any, Any], Any], item_type: type, default: object
) -> Callable[[Any, Any], Any]:
    """Return a method for items of the right type only; `do` refuses the others."""

    @wraps(method)
    def guarded(self: Any, item: Any) -> Any:
        return method(self, item) if isinstance(item, item_type) else default

    return guarded
