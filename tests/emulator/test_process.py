"""The emulator as a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.support.processes import PYTHON, start


def alive(pid: int) -> bool:
    """Return whether a process still runs; one that ended but was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_process_serves_and_is_gone_after() -> None:
    """The child answers with the options it was given, and ends with the block."""
    options = EmulatorOptions(plan="free", minute=2.0, seed=3, token="p-mine")
    async with EmulatorProcess(options) as emulator:
        pid = emulator.pid
        assert pid is not None
        assert alive(pid)
        async with ClientSession(emulator.url, headers={"token": emulator.token}) as http:
            body = await (await http.get("/account/plan")).json()

        assert "p-mine" == emulator.token
        assert {"plan": "free"} == body["result"]
        assert 1 == emulator.stats()["accepted"]
    assert not alive(pid)
    assert emulator.pid is None


def test_process_is_gone_after_an_error() -> None:
    """Leaving the block by an exception ends the child too."""
    pid = None
    with pytest.raises(ZeroDivisionError), EmulatorProcess() as emulator:  # noqa: PT012
        pid = emulator.pid
        raise ZeroDivisionError
    assert pid is not None
    assert not alive(pid)


def test_process_can_be_started_again_but_not_twice() -> None:
    """Start and stop work without a block; stopping twice is harmless."""
    emulator = EmulatorProcess()
    emulator.start()
    try:
        with pytest.raises(RuntimeError, match="already running"):
            emulator.start()
        first = emulator.token
    finally:
        emulator.stop()
    emulator.stop()
    with emulator:
        assert first != emulator.token


def test_process_that_cannot_listen_is_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    """A taken port is told at the start, with the reason on standard error."""
    with EmulatorProcess() as first:
        port = int(first.url.rsplit(":", 1)[1])
        second = EmulatorProcess(EmulatorOptions(port=port))
        with pytest.raises(RuntimeError, match="ended with code 1 before it listened"):
            second.start()
        assert second.pid is None
    assert "address already in use" in capfd.readouterr().err


def test_child_dies_with_a_killed_parent() -> None:
    """A parent that had no chance to tidy up leaves no child behind."""
    program = (
        "import time\n"
        "from tagodev.emulator import EmulatorProcess\n"
        "emulator = EmulatorProcess()\n"
        "emulator.start()\n"
        "print(emulator.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with start(PYTHON, "-c", program) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 20
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_process_cleanly(number: signal.Signals) -> None:
    """SIGINT and SIGTERM stop the server with exit code 0."""
    options = EmulatorOptions().to_json()
    program = (PYTHON, "-m", "tagodev.emulator", options)
    with start(*program, stdin=subprocess.PIPE, stderr=None) as child:
        assert child.stdout is not None
        assert child.stdout.readline().startswith('{"url":"http://127.0.0.1:')
        os.kill(child.pid, number)
        assert 0 == child.wait(20)


async def test_a_cancelled_start_leaves_no_process() -> None:
    """A process that is started meanwhile is ended before the cancellation goes on."""
    emulator = EmulatorProcess()
    entering = asyncio.create_task(emulator.__aenter__())
    while emulator.pid is None:  # noqa: ASYNC110  (a thread sets it)
        await asyncio.sleep(0.001)
    pid = emulator.pid
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering

    assert emulator.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
