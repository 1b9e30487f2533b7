"""Emulators for tests: what the pytest fixture ``tago_emulator`` is made of.

Starting a process takes longer than most tests, so a process is kept and used again by the next
test that wants the same options.
Each test gets a token of its own: a client that another test left behind is turned away, and what
clients of another test have counted holds nobody back.

The fixture itself is in a module outside this package, since pytest loads it at every start, and
whoever does not ask for an emulator should not wait for the client to be imported.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final, Self

from tagodev.emulator import EmulatorOptions, EmulatorProcess

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["EmulatorPool"]

#: Processes kept. Tests with other options than these are common, with many sets of them rare.
_KEPT: Final = 4


class EmulatorPool:
    """Emulators in processes of their own, one after the other as good as new.

    A context manager; leaving it ends all processes.

    Example:
        ```python
        with EmulatorPool() as pool:
            emulator = pool.fresh(EmulatorOptions(plan="free"))
            print(emulator.url, emulator.token)
        ```
    """

    def __init__(self) -> None:
        # The one that was asked for latest is the last.
        self._kept: dict[str, EmulatorProcess] = {}

    def fresh(self, options: EmulatorOptions | None = None) -> EmulatorProcess:
        """Return a running emulator that holds and has counted nothing.

        It is good until the next call, which may give the same process to somebody else.

        Args:
            options: how it behaves; None for the defaults.

        Raises:
            RuntimeError: it can't be started; what it said is on standard error.
            TypeError: the options are no `EmulatorOptions`.
        """
        if options is not None and not isinstance(options, EmulatorOptions):
            msg = f"options must be EmulatorOptions, not {type(options).__name__}"
            raise TypeError(msg)
        options = options or EmulatorOptions()
        key = options.to_json()
        emulator = self._kept.pop(key, None)
        if emulator is None or not _renewed(emulator):
            emulator = EmulatorProcess(options)
            emulator.start()
            _renewed(emulator)
        self._kept[key] = emulator
        if len(self._kept) > _KEPT:
            self._kept.pop(next(iter(self._kept))).stop()
        return emulator

    def close(self) -> None:
        """End all processes."""
        while self._kept:
            self._kept.popitem()[1].stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _renewed(emulator: EmulatorProcess) -> bool:
    """Return whether an emulator is as good as new; a test may have stopped or killed it."""
    try:
        emulator.reset(emulator.options.token or f"p-{uuid.uuid4()}")
    except OSError:
        emulator.stop()
        return False
    return True
