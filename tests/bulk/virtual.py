"""Virtual time for runs with a journal: threads do at once what they are given."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar, TypeVarTuple, Unpack
from unittest import mock

from tests.limits.jumping import JumpingLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from concurrent.futures import Executor

__all__ = ["EPOCH", "VirtualLoop", "run_virtually", "wall_clock"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

#: What the wall clock shows when the loop's own clock shows 0.
EPOCH: Final = 1_800_000_000.0


class VirtualLoop(JumpingLoop):
    """A loop in virtual time; a thread would take real time, so it is not given one."""

    def __init__(self) -> None:
        super().__init__()
        self.after_thread: Callable[[], None] = lambda: None
        """Called whenever something is done that a thread would have done."""

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Do it here and now."""
        done = super().run_in_executor(executor, func, *args)
        if done.exception() is None:
            self.after_thread()
        return done


@contextmanager
def wall_clock(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Let the wall clock go with a loop's clock."""

    def now() -> float:
        return EPOCH + loop.time()

    with mock.patch("time.time", now):
        yield


def run_virtually(coroutine: Coroutine[object, object, T]) -> T:
    """Run a coroutine to its end in virtual time, and return its result."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner, wall_clock(runner.get_loop()):
        return runner.run(coroutine)
