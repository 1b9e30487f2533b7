"""Every command has a help text with an example, and the example works as it stands.

Each is pasted into a shell, in a folder with the files that it speaks of, in front of a profile
with the things that it speaks of and no others.
"""

from __future__ import annotations

import io
import re
import shlex
import shutil
import signal
from typing import TYPE_CHECKING, Protocol

import orjson
import pytest

from tagodev._cli.app import _COMMANDS, app
from tests.cli.shell import Shell
from tests.cli.support import Command
from tests.cli.terminal import Terminal
from tests.support import processes
from tests.support.processes import PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cyclopts import App

    from tagodev.emulator import EmulatorProcess
    from tests.cli.support import InProcess
    from tests.support.processes import Done


class Paste(Protocol):
    """Runs a line that is pasted into a shell."""

    def __call__(self, line: str, given: str = "") -> Done:
        """Run it, with something to read on standard input."""
        ...


pytestmark = pytest.mark.tago_emulator(unlimited=True, max_devices=10_000)

#: Stands in examples for a device of whoever reads them.
DEVICE = "67e1a2b3c4d5e6f708192a3b"
#: The same, for one of its registers.
REGISTER = "6298fcc3e0b6840012bb6abf"
TOKEN = "p-12345678-aaaa-bbbb-cccc-123456789012"
SITE = """\
name,tag.site,tag.serial,tag.room
Cold room 1,dairy,0001,1
Cold room 2,dairy,0002,2
"""
#: What must have been done before an example makes sense, by the command's first words.
BEFORE = {
    "bulk": "tagodev bulk create site.csv --journal site.journal && cp site.journal other.journal",
    "bulk create": "true",
    "config show": "tagodev config set dairy < token.txt",
    "config remove": "tagodev config set dairy < token.txt",
    "device-network": f"tagodev token delete {DEVICE} Default --yes",
    "nc": f"tagodev token delete {DEVICE} Default --yes",
    "data": f"tagodev data send {DEVICE} temperature=21.5",
    "export": "rm site.csv",
    "connector delete": "tagodev connector create Probe",
    "connector edit": "tagodev connector create Probe",
    "network delete": "tagodev network create 'Our LoRa'",
    "network edit": "tagodev network create 'Our LoRa'",
    "network token": "tagodev network create 'Our LoRa'",
    "network token delete": "tagodev network create 'Our LoRa' && "
    "tagodev network token create 'Our LoRa' server",
    "service-token delete": "tagodev service-token create 'LoRa server'",
    "param delete": f"tagodev param set {DEVICE} check_rate=600",
    "token delete": f"tagodev token create {DEVICE} gateway",
}
#: Exit codes that say more than that it was done.
CODES = {"plan": 10}
#: What can't be done in a test: the real service, a port that others want, ten seconds a minute.
INSTEAD = {
    "--region eu-w1": "",
    "tagodev emulator": "tagodev emulator --port 0",
    "--devices 6000 --plan scale --minute 10": "--devices 20 --plan scale --minute 1",
}


def commands(of: App, words: tuple[str, ...] = ()) -> Iterator[tuple[str, App]]:
    """Yield each command, hidden ones too, and what is typed for it."""
    for name in of:
        if name in (*of.help_flags, *of.version_flags):
            continue
        one = of[name]
        if any(not inner.startswith("-") for inner in one):
            yield from commands(one, (*words, name))
        else:
            yield " ".join((*words, name)), one


COMMANDS = dict(commands(app))
GROUPS = [name for name in app if any(not inner.startswith("-") for inner in app[name])]
EXAMPLES = [
    (name, line)
    for name, one in COMMANDS.items()
    for line in re.findall(r"(?m)(?:^|: )(tagodev .+)$", str(one.help_epilogue))
]


@pytest.fixture
def shell(tmp_path: Path, tago_emulator: EmulatorProcess) -> Shell:
    """Give a shell in a folder with the files that examples speak of."""
    (tmp_path / "site.csv").write_text(SITE)
    (tmp_path / "token.txt").write_text(f"{TOKEN}\n")
    command = Command(tmp_path, tago_emulator.url, tago_emulator.token)
    command.environment["TAGODEV_PLAN"] = "scale"
    return Shell(command)


@pytest.fixture
def paste(shell: Shell, in_process: InProcess, monkeypatch: pytest.MonkeyPatch) -> Paste:
    """Run a line as a shell does, but ``tagodev`` in this process, where only its files differ."""
    for name, value in shell.environment().items():
        if name.startswith(("TAGO", "XDG", "HOME", "COLUMNS")):
            monkeypatch.setenv(name, value)

    def one(line: str, given: str) -> Done:
        program, *arguments = shlex.split(line)
        if program != "tagodev":
            return shell.run(line, given)
        if "<" in arguments:
            given = (shell.command.folder / arguments.pop()).read_text()
            arguments.pop()
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
            return in_process(*arguments)

    def paste(line: str, given: str = "") -> Done:
        *before, last = re.split(" && |; ", line)
        for part in before:
            assert one(part, given).code in (0, CODES.get(part.split()[1]))
        return one(last, given)

    return paste


def a_device(shell: Shell, paste: Paste) -> str:
    """Make a device, and a list of changes to it; return its id."""
    made = paste("tagodev device create Example --json").json()
    device_id: str = made["id"]
    (shell.command.folder / "changes.csv").write_text(f"id,active\n{device_id},no\n")
    return device_id


def what_is_before(name: str) -> str:
    """Return the line that must have been run before an example of a command."""
    found = [words for words in BEFORE if f"{name} ".startswith((f"{words} ", f"{words}-"))]
    return BEFORE[max(found, key=len)] if found else "true"


# --- examples ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example(name: str) -> None:
    """Its help ends with at least one line to try, of this very command."""
    lines = [line for example_of, line in EXAMPLES if example_of == name]
    names = {name, *(other for other, one in COMMANDS.items() if one is COMMANDS[name])}

    assert any(line.startswith(f"tagodev {one}") for line in lines for one in names)
    assert str(COMMANDS[name].help_epilogue).startswith("Example: tagodev ")
    assert COMMANDS[name].help


@pytest.mark.parametrize(("name", "line"), EXAMPLES, ids=[line for _, line in EXAMPLES])
def test_examples_work(shell: Shell, paste: Paste, name: str, line: str) -> None:
    """Pasted into a shell, each does what it says, and shows no token of the account."""
    device = a_device(shell, paste)
    for text, other in INSTEAD.items():
        line = line.replace(text, other)
    before = paste(what_is_before(name).replace(DEVICE, device))
    assert before.code == 0, before.err
    if REGISTER in line:
        (register,) = orjson.loads(paste(f"tagodev data list {device} --json").out)
        line = line.replace(REGISTER, register["id"])
    done = run(shell, paste, name, line.replace(DEVICE, device))

    assert done.code == CODES.get(name, 0), done.err
    assert "Traceback" not in done.err
    if name != "emulator":
        assert shell.command.token not in done.out + done.err
        assert TOKEN not in done.out + done.err


def test_an_example_in_a_process_of_its_own(shell: Shell, paste: Paste) -> None:
    """A process of its own does and prints what the same line does in this one."""
    line = "tagodev device list --name 'Exam*' --csv"
    a_device(shell, paste)

    assert shell.run(line) == paste(line)
    assert shell.run(line).out.startswith("id,name,")


def run(shell: Shell, paste: Paste, name: str, line: str) -> Done:
    """Run an example: as it is, or with somebody who answers, or until Ctrl-C."""
    if name == "apply" and "--yes" not in line:
        arguments = shlex.split(line)[1:]
        return Terminal(shell.command).run(*arguments, answers=[("yes", "yes\n")])
    if name != "emulator":
        return paste(line, given=f"{TOKEN}\n")
    process = shell.start(line)
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    done = processes.finish(process)
    assert "Emulator at http://127.0.0.1:" in first
    return done


# --- help --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(in_process: InProcess, name: str) -> None:
    """--help says what the command does, and asks nobody."""
    done = in_process(*name.split(), "--help")

    assert (0, "") == (done.code, done.err)
    assert "Example: tagodev" in done.out


@pytest.mark.parametrize(("name", "_path", "summary"), _COMMANDS)
def test_the_summary_is_the_first_line(name: str, _path: str, summary: str) -> None:
    """The list of commands shows the first line of a command's docstring."""
    command = app[name].default_command

    assert len(summary) <= 56
    assert command is None or str(command.__doc__).startswith(f"{summary}\n")


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("name", [(), *((group,) for group in GROUPS)], ids=" ".join)
def test_help_loads_no_client(name: tuple[str, ...]) -> None:
    """What would be loaded in vain is not: that is what makes it quick on any machine."""
    program = (
        f"import sys; sys.argv = ['tagodev', *{name!r}, '--help']\n"
        "from tagodev._cli import main; main()\n"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = processes.run(PYTHON, "-c", program)
    loaded = set(done.err.split())

    assert "Usage: tagodev" in done.out
    assert set() == loaded & {"aiohttp", "cattrs", "sqlite3", "tagodev._models", "tagodev.emulator"}


# --- completion --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shell_name", "place", "option"),
    [
        ("bash", ".local/share/bash-completion/completions/tagodev", "--dry-run"),
        ("zsh", ".zsh/completions/_cyclopts_tagodev", "--dry-run"),
        ("fish", ".config/fish/completions/tagodev.fish", "-l dry-run"),
    ],
)
def test_completion_is_installed(shell: Shell, shell_name: str, place: str, option: str) -> None:
    """The script lies where the shell looks, knows commands and options, and is good syntax."""
    done = shell.run(f"tagodev --install-completion --shell {shell_name}")
    assert done.code == 0, done.err
    script = shell.command.folder / "home" / place
    text = script.read_text()
    assert all(word in text for word in ("device", "rotate", "resume", option))
    assert "device-list" not in text
    if shutil.which(shell_name):
        checked = processes.run(shell_name, "-n", script)
        assert (0, "") == (checked.code, checked.err)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes(shell: Shell) -> None:
    """In bash, Tab offers the commands of a group and the options of a command."""
    shell.run("tagodev --install-completion --shell bash --output completion.bash")

    def offered(*words: str) -> set[str]:
        line = (
            "source ./completion.bash; complete -p tagodev >/dev/null;"
            f"COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1};"
            "$(complete -p tagodev | sed 's/.*-F \\([^ ]*\\).*/\\1/') tagodev;"
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        folder, env = shell.command.folder, shell.environment()
        done = processes.run("bash", "-c", line, folder=folder, env=env)
        assert done.code == 0, done.err
        return {one.strip() for one in done.out.splitlines()}

    assert {"list", "info", "create", "edit", "delete"} <= offered("tagodev", "device", "")
    assert {"--dry-run"} == offered("tagodev", "device", "delete", "--dr")


def test_a_shell_that_is_not_known(in_process: InProcess) -> None:
    """2: other shells are told apart from the four."""
    assert 2 == in_process("--install-completion", "--shell", "csh").code
