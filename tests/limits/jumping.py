"""An event loop whose clock jumps to the next timer instead of waiting for it."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class _JumpingSelector(selectors.SelectSelector):
    """Advances a clock by the timeout it is asked to wait, unless something is ready."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready, or jump."""
        ready = super().select(0)
        if not ready:
            if timeout is None:
                msg = "every task waits for something that no timer will bring"
                raise RuntimeError(msg)
            # A nanosecond past the timer: a limiter that is asked exactly on time would spin.
            self.now += timeout + 1e-9 if timeout > 0 else 0.0
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time; it starts at 1,000 s."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the virtual time."""
        return self._jumping.now


def run_virtually(coroutine: Coroutine[object, object, T]) -> T:
    """Run a coroutine to its end in virtual time, and return its result."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(coroutine)
