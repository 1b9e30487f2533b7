"""What a bulk run does with one row: do it, find what a lost attempt left, adopt that.

An operation knows what may be sent again and what must be looked up first; it knows neither HTTP
nor limits, and reaches the service through the functions that it is given.
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

#: Makes the record of one more request of a run.
MakeRecord: TypeAlias = Callable[[], CallRecord]


class Operation(ABC, Generic[Item]):
    """One kind of bulk work.

    An item that is not of the operation's type, ``DeviceCreate`` in ``Operation[DeviceCreate]``,
    fails with an `InputError` before `do` sees it, and the run goes on.
    """

    kind: ClassVar[str]
    """Its name in journals."""
    resendable: ClassVar[bool] = True
    """Whether a row in doubt may simply be done again."""

    adjustable: ClassVar[frozenset[str]] = frozenset()
    """Options that may change when a run is resumed: how rows are done, not which."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        # Derived from the class's own base, so that no operation can forget the check.
        super().__init_subclass__(**keywords)
        do = vars(cls).get("do")
        item_type = _item_type(cls)
        # attrs makes each class a second time, with slots: its methods are wrapped already.
        if do is not None and item_type is not None and not hasattr(do, "__wrapped__"):
            cls.do = _checking(do, item_type)  # type: ignore[assignment, method-assign]
            for name, default in (("phase", 0), ("resource", None)):
                if method := vars(cls).get(name):
                    setattr(cls, name, _guarded(method, item_type, default))

    def options(self) -> Mapping[str, Any]:
        """Return what a journal keeps, so that another process can go on."""
        return {}

    def phase(self, item: Item) -> int:  # noqa: ARG002  (see `result`)
        """Return the phase of an item, 0 for the first.

        An item begins once all items of earlier phases that come before it are finished.
        """
        return 0

    def resource(self, item: Item) -> Hashable | None:  # noqa: ARG002  (see `result`)
        """Return what an item works on; None if nothing else in the run can concern it.

        Items of the same resource are done one after another, in the order of the input.
        """
        return None

    @property
    def uses_history(self) -> bool:
        """Whether `remember` is of use; default: no."""
        return False

    def remember(self, index: int, item: Item, result: bytes | None) -> None:
        """Take note of a row that an earlier process has sent or finished.

        Args:
            index: which row, from 0.
            item: the row.
            result: what `result` returned for it; None if nothing.
        """

    @classmethod
    def encode(cls, item: Item) -> bytes:
        """Write a row down as JSON.

        Raises:
            InputError: it holds something that JSON has no form for.
        """
        return to_json(item)

    @abstractmethod
    def decode(self, payload: bytes) -> Item:
        """Read a row that was written down."""

    def result(self, done: Done) -> bytes | None:  # noqa: ARG002  (some operations have one)
        """Write down what the service gave, as JSON; None if it gave nothing."""
        return None

    @abstractmethod
    async def do(self, row: WorkItem[Item]) -> Done:
        """Do one row.

        Raises:
            TagoError: the row failed.
        """

    def can_find(self, item: Item) -> bool:  # noqa: ARG002  (see `result`)
        """Return whether `find` can find anything of an item; default: where it is called."""
        return not self.resendable

    async def find(
        self,
        rows: Sequence[WorkItem[Item]],  # noqa: ARG002  (see `result`)
        record: MakeRecord,  # noqa: ARG002  (see `result`)
    ) -> Mapping[int, Finding]:
        """Look for what lost attempts have left; only where rows are not resendable.

        Args:
            rows: those in doubt.
            record: makes the record of each request.

        Returns:
            What was found of each row, by its index; nothing of a row that was not done.
        """
        return {}

    async def adopt(self, row: WorkItem[Item]) -> Done:
        """Make what was found (`WorkItem.found`) the row's own.

        Raises:
            TagoError: it can't be.
        """
        return await self.do(row)

    def stops(self, error: TagoError) -> bool:
        """Return whether an error would meet every further row too."""
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
    # A plain function that hands the coroutine on: a row costs no second one.
    @wraps(do)
    def checked(self: Any, row: WorkItem[Any]) -> Coroutine[Any, Any, Done]:
        if not isinstance(row.item, item_type):
            expected = "text" if item_type is str else f"a {item_type.__name__}"
            raise InputError(f"must be {expected}, not {type(row.item).__name__}", path="item")
        return do(self, row)

    return checked


def _guarded(
    method: Callable[[Any, Any], Any], item_type: type, default: object
) -> Callable[[Any, Any], Any]:
    """Return a method that is asked about items of the right type only; `do` refuses the others."""

    @wraps(method)
    def guarded(self: Any, item: Any) -> Any:
        return method(self, item) if isinstance(item, item_type) else default

    return guarded
