"""Commands that follow each other, or run side by side, count together without being told to."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from tagodev.emulator import EmulatorProcess
from tests.cli.support import Command, hour_long, write_devices
from tests.support.processes import finish

if TYPE_CHECKING:
    from pathlib import Path


def test_started_twice_within_one_window(tmp_path: Path) -> None:
    """The second run knows what the first one has sent, and waits where nothing is left."""
    write_devices(tmp_path / "first.csv", (f"a{n}" for n in range(6)))
    write_devices(tmp_path / "second.csv", (f"b{n}" for n in range(6)))
    how = ("--plan", "free", "--minute", "3600")
    with EmulatorProcess(hour_long()) as emulator:
        tagodev = Command(tmp_path, emulator.url, emulator.token)
        tagodev.environment |= {"XDG_STATE_HOME": str(tmp_path / "state"), "TAGODEV_LEDGER": ""}
        first = tagodev.run("bulk", "create", "first.csv", *how)
        second = tagodev.start("bulk", "create", "second.csv", *how)
        while emulator.stats()["created"] < 10 and second.poll() is None:
            time.sleep(0.05)
        second.send_signal(signal.SIGTERM)
        done = finish(second)
        stats = emulator.stats()

    assert (0, 130) == (first.code, done.code)
    assert (10, 0) == (stats["created"], stats["rejected"])
    (ledger,) = (tmp_path / "state" / "tagodev").glob("*.sqlite")
    assert 0o600 == ledger.stat().st_mode & 0o777
    assert 0o700 == ledger.parent.stat().st_mode & 0o777
