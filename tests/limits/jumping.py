"""An event loop whose clock jumps to the next timer instead of waiting for it.

Sockets on loopback work in it: no time passes while something is on the way through the kernel, and
what would run in a thread runs at once, so that the emulator, the real client and SQLite can be had
in virtual time as well.
"""

from __future__ import annotations

import asyncio
import fcntl
import functools
import selectors
import struct
import termios
from contextlib import contextmanager
from typing import TYPE_CHECKING, ParamSpec, TypeVar, TypeVarTuple
from unittest.mock import patch

from tagodev._limits.clock import ServerClock
from tagodev.emulator._model.time import ServerClock as EmulatedClock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from concurrent.futures import Executor

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

#: What the emulator's clock shows when the loop's shows 0, in seconds of the epoch.
EPOCH = 1.7e9
#: Real seconds to wait for the kernel to hand on what is on its way.
_MOMENT = 0.001


class VirtualClock:
    """Time that passes only when nothing else can happen; loops may share one."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now


class _JumpingSelector(selectors.SelectSelector):
    """Advances a clock by the timeout it is asked to wait, unless something is ready."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self.clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready, or jump."""
        ready = super().select(0)
        while not ready and timeout != 0:
            quiet = not any(map(_is_on_the_way, self.get_map().values()))
            ready = super().select(0 if quiet else _MOMENT)
            if quiet:
                break
        if not ready:
            if timeout is None:
                msg = "every task waits for something that no timer will bring"
                raise RuntimeError(msg)
            # A nanosecond past the timer: a limiter that is asked exactly on time would spin.
            self.clock.now += timeout + 1e-9 if timeout > 0 else 0.0
        return ready


def _is_on_the_way(key: selectors.SelectorKey) -> bool:
    """Return whether a socket is being connected, or the other end has not got what it sent."""
    if key.events & selectors.EVENT_WRITE:
        return True
    try:
        unsent = fcntl.ioctl(key.fd, termios.TIOCOUTQ, bytes(4))
    except OSError:
        # One that listens.
        return False
    return struct.unpack("i", unsent) != (0,)


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time.

    Args:
        clock: the time; default: one that starts at 1,000 s.
    """

    def __init__(self, clock: VirtualClock | None = None) -> None:
        self._jumping = clock or VirtualClock()
        super().__init__(_JumpingSelector(self._jumping))

    def time(self) -> float:
        """Return the virtual time."""
        return self._jumping.now

    def timers(self) -> list[asyncio.TimerHandle]:
        """Return what is to be called later."""
        # Of asyncio's own loop, which does not offer it.
        return list(self._scheduled)  # type: ignore[attr-defined]

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Run something at once: what a thread takes is no virtual time."""
        del executor
        done: asyncio.Future[T] = self.create_future()
        try:
            result = func(*args)
        except Exception as error:  # noqa: BLE001  (whoever waits for it gets it)
            done.set_exception(error)
        else:
            done.set_result(result)
        return done


@contextmanager
def _no_other_time() -> Iterator[None]:
    """Let the emulator's clock follow the running loop's, and this machine never sleep."""

    def now() -> float:
        return EPOCH + asyncio.get_running_loop().time()

    defaults = ServerClock.__init__.__kwdefaults__
    assert defaults is not None
    with (
        patch(
            "tagodev.emulator._http.service.ServerClock", lambda offset: EmulatedClock(offset, now)
        ),
        patch.dict(defaults, suspended=lambda: 0.0),
    ):
        yield


def run_virtually(coroutine: Coroutine[object, object, T], clock: VirtualClock | None = None) -> T:
    """Run a coroutine to its end in virtual time, and return its result.

    Args:
        coroutine: what to run.
        clock: the time, which goes on from where another loop has left it; default: a new one.
    """
    factory = functools.partial(JumpingLoop, clock)
    with _no_other_time(), asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(coroutine)


def in_virtual_time(test: Callable[P, Coroutine[object, object, T]]) -> Callable[P, T]:
    """Make a test of a coroutine function that runs in virtual time.

    Args:
        test: the coroutine function.
    """

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return run_virtually(test(*args, **kwargs))

    return run
