"""Child process of `tagodev.emulator.EmulatorProcess`: JSON options in, JSON address out."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading

import orjson

from tagodev.emulator._http.app import serve
from tagodev.emulator._options import EmulatorOptions


def _announce(url: str, token: str) -> None:
    sys.stdout.buffer.write(orjson.dumps({"url": url, "token": token}) + b"\n")
    sys.stdout.buffer.flush()


def _end_with_parent() -> None:
    # The file descriptor itself: a lock on `sys.stdin` held by a thread is fatal at exit.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve until a signal arrives or standard input ends."""
    options = EmulatorOptions.from_json(sys.argv[1])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    asyncio.run(serve(options, _announce))


if __name__ == "__main__":
    main()
