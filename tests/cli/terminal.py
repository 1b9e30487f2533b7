"""Running ``tagodev`` in a pseudo-terminal, as a person sees it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from typing import TYPE_CHECKING

import attrs

from tests.support.processes import PATIENCE, TAGODEV, Done, start

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.cli.support import Command

__all__ = ["Terminal", "normalised"]

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@attrs.define
class Terminal:
    """A terminal of some width, with somebody in front of it."""

    command: Command
    columns: int = 80

    def run(self, *arguments: str, answers: Iterable[tuple[str, str]] = ()) -> Done:
        """Run a command; all it prints is in ``out``, and what is typed, as a person sees it.

        Args:
            arguments: of the command.
            answers: what to wait for, and what to type then.
        """
        master, slave = pty.openpty()
        size = struct.pack("HHHH", 50, self.columns, 0, 0)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        environment = {**self.command.variables(), "TERM": "xterm-256color"}
        environment.pop("COLUMNS")
        process = start(
            *(*TAGODEV, *arguments),
            folder=self.command.folder,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            # Or a password would be asked for at the terminal of whoever runs the tests.
            start_new_session=True,
        )
        os.close(slave)
        try:
            seen = _converse(master, list(answers))
            code = process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()
            os.close(master)
        assert not self.command.token or self.command.token not in seen
        return Done(code, seen, "")


def _converse(master: int, answers: list[tuple[str, str]]) -> str:
    """Read until the other end is closed, and type each answer once it is asked for."""
    seen = b""
    looked_at = 0
    deadline = time.monotonic() + PATIENCE
    while True:
        assert time.monotonic() < deadline, seen.decode()
        if not select.select([master], [], [], 0.2)[0]:
            continue
        try:
            part = os.read(master, 65536)
        except OSError:
            # That is how Linux tells the end.
            part = b""
        if not part:
            assert not answers, f"was never asked for {answers}: {seen.decode()}"
            return seen.decode().replace("\r\n", "\n")
        seen += part
        while answers and answers[0][0].encode() in seen[looked_at:]:
            looked_at = len(seen)
            os.write(master, answers.pop(0)[1].encode())


def normalised(text: str) -> str:
    """Return what a person has seen without what is different each time, columns as they were."""
    text = _ESCAPE.sub("", text)
    numbers: dict[str, str] = {}

    def known(match: re.Match[str]) -> str:
        return numbers.setdefault(match[0], f"{len(numbers) + 1:024d}")

    text = re.sub(r"\b[0-9a-f]{24}\b", known, text)
    text = re.sub(r"\b[0-9a-f]{4}…", "0000…", text)
    text = re.sub(r"\b20[0-9]{6}-[0-9]{6}\b", "20260101-000000", text)
    text = re.sub(
        r"\b20[0-9]{2}-[0-9]{2}-[0-9]{2}([ T])[0-9]{2}:[0-9]{2}", r"2026-01-01\g<1>00:00", text
    )
    text = re.sub(r"(:00):[0-9]{2}Z", r"\1:00Z", text)
    text = re.sub(r"\b[0-9]+\.[0-9] s\b", "0.0 s", text)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
