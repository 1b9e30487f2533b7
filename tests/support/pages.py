"""Pages of the documentation: their blocks, and a reader who tries all of them.

What a block is can be seen from its fence:

- a block with a ``title="name"`` is a file of that name, which the reader saves;
- ``console`` holds commands behind ``$``, and what they print;
- ``sh`` holds commands alone;
- ``python`` is a program, or one more part of it: names stay from one block to the next, and
  ``await`` works at the top, as in ``python -m asyncio``;
- ``pycon`` is a session in an interpreter;
- ``text`` and the like are there to be read.

The first command of a page may be ``tagodev emulator``: it is started, and the rest of the page is
read with its address and token.
Where a page has none, an emulator is there all the same.
"""

from __future__ import annotations

import ast
import asyncio
import doctest
import inspect
import io
import os
import re
import shlex
import subprocess
import sys
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any, Final

import attrs
import pytest

from tagodev import _session as session
from tagodev._cli import main
from tagodev._limits.ledger import memory
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.support.processes import environment, run, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

__all__ = ["INSTEAD", "READ_ONLY", "Block", "Reader", "blocks", "comparable"]

#: Languages of blocks that are shown, and do nothing.
READ_ONLY: Final = ("text", "promql", "mermaid")
#: What a reader on a machine without an account types instead.
INSTEAD: Final = {
    "tagodev emulator": "tagodev emulator --port 0",
    # Six thousand devices take their time; a hundred tell the same.
    "tagodev demo": "tagodev demo --devices 100 --plan starter --minute 1",
    # `nox -s install` does what it says, in an environment of its own.
    "python3 -m venv .venv && .venv/bin/pip install '.[cli]' && .venv/bin/": "",
    # It asks for the token, and reads it from a pipe as well.
    "tagodev config set dairy": 'echo "$TAGOIO_TOKEN" | tagodev config set dairy',
    "--region eu-w1": '--api "$TAGOIO_API"',
    'region="us-e1"': 'api=os.environ["TAGOIO_API"]',
    '"region": "us-e1"': '"region": "env"',
}
#: Commands that are run elsewhere: `nox` runs these tests, and installs what it needs.
ELSEWHERE: Final = re.compile(
    r"nox -s .*|(python3 -m venv|pipx install|uv tool install|\.venv/bin/pip install) .*"
)
_FENCE: Final = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)?(?P<more>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
#: A line with one short command, which may have its messages among its output, and then a filter.
_SIMPLE: Final = re.compile(
    r"tagodev (?P<words>[^|&;<>`$]+?)(?P<both> 2>&1)?( \| (?P<then>(head|tail|wc) [^|&;<>`$]+))?"
)
_TITLE: Final = re.compile(r'title="([^"]+)"')
#: What is another at each reading, and what it is called instead; the first that fits.
_VARYING: Final = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "TOKEN"),
    (re.compile(r"\b[0-9a-f]{24}\b"), "ID"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
    # Two of one second are numbered.
    (re.compile(r"20\d{6}-\d{6}(-\d)?"), "STAMP"),
    (re.compile(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?Z?"), "MOMENT"),
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "TIME"),
    (re.compile(r"[-+]?\b\d+(\.\d+)? (s|ms|min|seconds)\b( (ahead of|behind))?"), "DURATION"),
    (re.compile(r"\b\d+ per second|\b\d+(\.\d+)?/s\b"), "RATE"),
    # The beginning of a token, as it is shown.
    (re.compile(r"\b(\w-)?[0-9a-f]{2,4}…"), "TOKEN…"),
    (re.compile(r" +$", re.MULTILINE), ""),
)


@attrs.frozen
class Block:
    """A fenced block."""

    language: str
    """What it is written in."""
    text: str
    """What stands in it, without its indentation."""
    title: str = attrs.field(default="", kw_only=True)
    """The name of the file that it is, if it is one."""
    line: int = attrs.field(default=0, kw_only=True)
    """Where it begins on its page."""

    def commands(self) -> Iterator[tuple[str, str]]:
        """Yield each command of a console, and what it is said to print."""
        for part in re.split(r"(?m)^\$ ", self.text)[1:]:
            # A line that ends in a backslash goes on.
            command, _, printed = re.sub(r"\\\n> ", "", part).partition("\n")
            yield command, printed


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page."""
    source = page.read_text("utf-8")
    return [
        Block(
            found["language"] or "",
            re.sub(rf"(?m)^{found['indent']}", "", found["text"]),
            title="".join(_TITLE.findall(found["more"])),
            line=source[: found.start()].count("\n") + 1,
        )
        for found in _FENCE.finditer(source)
    ]


def comparable(text: str) -> str:
    """Return what is the same whenever a command is run."""
    for varying, name in _VARYING:
        text = varying.sub(name, text)
    return text.strip()


def instead(text: str) -> str:
    """Return what is typed on a machine without an account."""
    for shown, typed in INSTEAD.items():
        text = text.replace(shown, typed)
    return text


class Reader:
    """Somebody who reads a page and tries everything, from top to bottom, in a folder of his own.

    Example:
        with Reader(folder) as reader:
            for block in blocks(page):
                reader.try_out(block)
    """

    def __init__(self, folder: Path) -> None:
        """Sit down in an empty folder."""
        self._folder = folder
        self._stack = ExitStack()
        self._emulator: EmulatorProcess | None = None
        self._names: dict[str, Any] = {"os": os, "__name__": "__main__"}
        self._environment = environment()

    def __enter__(self) -> Self:
        """Put ``tagodev`` on the path."""
        tools = self._folder / ".bin"
        tools.mkdir()
        for name, module in (("tagodev", "tagodev"), ("python", ""), ("pytest", "pytest")):
            words = f"{sys.executable} {f'-m {module}' if module else ''}"
            (tools / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n', "utf-8")
            (tools / name).chmod(0o755)
        self._environment |= {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "HOME": str(self._folder / ".home"),
            "XDG_CONFIG_HOME": str(self._folder / ".home"),
            "TAGODEV_CONFIG": str(self._folder / ".home" / "tagodev.toml"),
            "TAGODEV_LEDGER": str(self._folder / ".home" / "ledger.sqlite"),
            "COLUMNS": "100",
        }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop whatever was started."""
        self._stack.close()

    def try_out(self, block: Block) -> list[tuple[str, str, str]]:
        """Do what a block says.

        Returns:
            Each command of it, what it is said to print, and what it printed.
        """
        if block.title:
            path = self._folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, "utf-8")
        elif block.language == "console":
            return [(line, said, self._command(line)) for line, said in block.commands()]
        elif block.language == "sh":
            for line in block.text.splitlines():
                self._command(line, must_work=True)
        elif block.language == "python":
            self._python(block)
        elif block.language == "pycon":
            self._session(block)
        else:
            assert block.language in READ_ONLY, f"line {block.line}: who reads {block.language}?"
        return []

    # --- commands ------------------------------------------------------------------------------

    def _command(self, line: str, *, must_work: bool = False) -> str:
        """Run a command and return all that it prints."""
        if line.startswith("tagodev emulator"):
            return self._start_emulator(instead(line))
        typed = instead(line)
        if ELSEWHERE.fullmatch(typed):
            return ""
        self._need_emulator()
        simple = _SIMPLE.fullmatch(typed)
        code, out = self._run_here(simple) if simple else self._run_in_shell(typed)
        assert "Traceback" not in out, out
        assert not must_work or code == 0, f"{line}: {out}"
        return out.replace(f"{self._folder}/.home", "~").replace(f"{self._folder}/", "")

    def _run_in_shell(self, line: str, given: str | None = None) -> tuple[int, str]:
        """Run a line in a shell; return its exit code and all that it prints."""
        done = run(
            *("sh", "-c", line),
            folder=self._folder,
            env=self._environment,
            given=given,
            stderr=subprocess.STDOUT,
        )
        return done.code, done.out

    def _run_here(self, line: re.Match[str]) -> tuple[int, str]:
        """Run a simple line with its command in this process: its start would take the longest."""
        out = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
        piped = line["then"] is not None and not line["both"]
        err = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) if piped else out
        with (
            chdir(self._folder),
            _Environment(self._environment),
            pytest.MonkeyPatch.context() as patch,
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            patch.setattr("sys.argv", ["tagodev", *shlex.split(line["words"])])
            patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
            # What a process remembers of those before it stands in files.
            patch.setattr(memory, "_ledgers", {})
            patch.setattr(memory, "_plans", {})
            patch.setattr(session, "_profiles", {})
            code = main()
        printed, said = (_contents(stream) for stream in (out, err))
        if line["then"] is None:
            return code, printed
        code, filtered = self._run_in_shell(line["then"], printed)
        return code, f"{said if piped else ''}{filtered}"

    def _start_emulator(self, line: str) -> str:
        """Leave an emulator running, as in another terminal, and use it from now on."""
        process = self._stack.enter_context(
            start(
                *("sh", "-c", f"exec {line}"),
                folder=self._folder,
                env=self._environment,
                stderr=subprocess.STDOUT,
            )
        )
        self._stack.callback(process.terminate)
        assert process.stdout is not None
        printed = ""
        while "TAGOIO_TOKEN=" not in printed:
            more = process.stdout.readline()
            assert more, f"{line}: {printed}"
            printed += more
        for word in re.findall(r"export (\S+)", printed):
            name, _, value = shlex.split(word)[0].partition("=")
            self._environment[name] = value
        return printed

    def _need_emulator(self) -> None:
        if "TAGOIO_TOKEN" not in self._environment:
            options = EmulatorOptions(plan="starter", minute=2.0, max_devices=1000)
            emulator = self._stack.enter_context(EmulatorProcess(options))
            self._environment |= {"TAGOIO_API": emulator.url, "TAGOIO_TOKEN": emulator.token}

    # --- Python --------------------------------------------------------------------------------

    def _python(self, block: Block) -> None:
        """Run a block in this process, with the page's emulator in the environment."""
        self._need_emulator()
        code = compile(
            "\n" * block.line + instead(block.text),
            "<page>",
            "exec",
            flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
        )
        with chdir(self._folder), _Environment(self._environment):
            self._names.setdefault("token", os.environ["TAGOIO_TOKEN"])
            outcome = eval(code, self._names)
            if inspect.iscoroutine(outcome):
                asyncio.run(outcome)

    def _session(self, block: Block) -> None:
        """Try a session, as far as it does not need a service."""
        parser = doctest.DocTestParser()
        test = parser.get_doctest(block.text, self._names, "page", "page", block.line)
        result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, clear_globs=False)
        self._names.update(test.globs)
        assert not result.failed, f"line {block.line}"


def _contents(stream: io.TextIOWrapper) -> str:
    """Return what was written into a stream over memory."""
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()


class _Environment:
    """Variables of the environment, for a while."""

    def __init__(self, variables: dict[str, str]) -> None:
        self._variables = {
            key: value
            for key, value in variables.items()
            if key.startswith(("TAGOIO_", "TAGODEV_", "XDG_")) or key in ("HOME", "COLUMNS")
        }

    def __enter__(self) -> None:
        self._before = dict(os.environ)
        os.environ.update(self._variables)

    def __exit__(self, *_: object) -> None:
        os.environ.clear()
        os.environ.update(self._before)
