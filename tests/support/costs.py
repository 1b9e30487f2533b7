"""What a piece of work costs, counted in lines of the package that were run.

A count does not depend on how fast the machine is, what else it does, or how the interpreter was
built; it tells a loop that was not there before from one that was.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, Self

from tests.support.modules import PACKAGE

if TYPE_CHECKING:
    from types import FrameType, TracebackType

__all__ = ["LinesRun"]

_OURS: Final = str(PACKAGE)


class LinesRun:
    """Counts the lines of the package that this thread runs while it is entered.

    Whatever traces already, coverage or a debugger, goes on afterwards.
    """

    def __init__(self) -> None:
        self.count = 0
        self._before: Any = None

    def __enter__(self) -> Self:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(_OURS):
            return None
        self.count += event == "line"
        return self._trace
