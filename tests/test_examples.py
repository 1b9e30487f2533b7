"""The examples run as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tagodev.emulator import EmulatorOptions, EmulatorProcess

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_provision() -> None:
    """Three hundred devices come and go, and none is rejected."""
    options = EmulatorOptions(plan="starter", minute=2, max_devices=300)
    with EmulatorProcess(options) as emulator:
        done = subprocess.run(
            [sys.executable, EXAMPLES / "provision.py", "2"],
            env={**os.environ, "TAGOIO_API": emulator.url, "TAGOIO_TOKEN": emulator.token},
            capture_output=True,
            text=True,
            check=False,
        )
        stats = emulator.stats()
    assert (0, "") == (done.returncode, done.stderr)
    assert (300, 300, 0) == (stats["created"], stats["deleted"], stats["rejected"])
    assert "0 rejected" in done.stdout
