"""Which loop a bulk command runs in."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType

import pytest

from tagodev.cli.execution import run_until_interrupted


class OtherLoop(asyncio.SelectorEventLoop):
    """Stands for uvloop's."""


async def running() -> asyncio.AbstractEventLoop:
    """Return the loop that this runs in."""
    return asyncio.get_running_loop()


def test_uvloop_is_used_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has installed uvloop gets its loop."""
    module = ModuleType("uvloop")
    module.new_event_loop = OtherLoop  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "uvloop", module)

    assert isinstance(run_until_interrupted(running()), OtherLoop)


def test_asyncio_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has not gets asyncio's own."""
    monkeypatch.setitem(sys.modules, "uvloop", None)

    assert type(run_until_interrupted(running())).__module__.startswith("asyncio.")


def test_an_end_from_within_is_a_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is cancelled has been interrupted, by whatever signal."""
    monkeypatch.setitem(sys.modules, "uvloop", None)

    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(KeyboardInterrupt):
        run_until_interrupted(cancelled())
