"""Emulators for tests, used by the pytest fixture ``tago_emulator``.

Starting a process takes longer than most tests, so the next test with the same options reuses the
process.
Each test gets a token of its own: a client that another test did not close is rejected, and the
requests of another test are not counted.

The fixture itself is in a module outside this package, since pytest imports it at every start, and
the import of the client is slow.
"""

from __future__ import annotations

import uuid
from typing import Final, Self

from tagodev.emulator import EmulatorOptions, EmulatorProcess

__all__ = ["EmulatorPool"]

#: The most processes to keep. Tests rarely use more sets of options than this.
_MAX_PROCESSES: Final = 4


class EmulatorPool:
    """Emulators in processes of their own, reset before each use.

    A context manager; leaving it ends all processes.

    Example:
        ```python
        with EmulatorPool() as pool:
            emulator = pool.fresh(EmulatorOptions(plan="free"))
            print(emulator.url, emulator.token)
        ```
    """

    def __init__(self) -> None:
        # The most recently used is the last.
        self._processes: dict[str, EmulatorProcess] = {}

    def fresh(self, options: EmulatorOptions | None = None) -> EmulatorProcess:
        """Return a running emulator without resources and without counted requests.

        It is valid until the next call, which may reuse its process.

        Args:
            options: the emulator's options; None for the defaults.

        Raises:
            RuntimeError: it can't be started; its output is on standard error.
            TypeError: the options are not `EmulatorOptions`.
        """
        if options is not None and not isinstance(options, EmulatorOptions):
            msg = f"options must be EmulatorOptions, not {type(options).__name__}"
            raise TypeError(msg)
        options = options or EmulatorOptions()
        key = options.to_json()
        emulator = self._processes.pop(key, None)
        if emulator is None or not _reset(emulator):
            emulator = EmulatorProcess(options)
            emulator.start()
            _reset(emulator)
        self._processes[key] = emulator
        if len(self._processes) > _MAX_PROCESSES:
            self._processes.pop(next(iter(self._processes))).stop()
        return emulator

    def close(self) -> None:
        """End all processes."""
        while self._processes:
            self._processes.popitem()[1].stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _reset(emulator: EmulatorProcess) -> bool:
    """Reset an emulator; return whether that worked, since a test may have stopped or killed it."""
    try:
        emulator.reset(emulator.options.token or f"p-{uuid.uuid4()}")
    except OSError:
        emulator.stop()
        return False
    return True
