"""Every option that names an output file, and what may be at its path.

Regular files are replaced or refused as each command says. Links are followed and stay links. What
is not a regular file is refused before anything is sent, and stays what it was.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import pytest

from tests.cli.report.test_report import a_journal
from tests.cli.test_every_command import COMMANDS
from tests.support.targets import KINDS, make_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cyclopts import App

    from tests.cli.profile import Profile
    from tests.cli.support import Done

pytestmark = pytest.mark.tago_emulator(unlimited=True, max_devices=100)

#: Options that name files to read, or files that SQLite opens: those have rules of their own.
OTHERS: Final = {"--defaults", "--journal", "--payload-decoder"}

#: A command line for each option, and whether it replaces a file that is there.
#: DEVICE stands for a device of the profile.
LINES: Final[dict[tuple[str, str], tuple[str, bool]]] = {
    ("--install-completion", "--output"): ("--install-completion --shell bash --output", True),
    ("apply", "--out"): ("apply site.csv --yes --out", False),
    ("apply", "--snapshot"): ("apply changes.csv --by id --yes --snapshot", False),
    ("bulk create", "--out"): ("bulk create site.csv --out", False),
    ("bulk delete", "--out"): ("bulk delete ids.csv --yes --no-snapshot --out", False),
    ("bulk delete", "--snapshot"): ("bulk delete ids.csv --yes --snapshot", False),
    ("bulk edit", "--out"): ("bulk edit changes.csv --out", False),
    ("bulk edit", "--snapshot"): ("bulk edit changes.csv --snapshot", False),
    ("bulk export", "--out"): ("bulk export site.journal --out", False),
    ("bulk report", "--html"): ("bulk report site.journal --html", False),
    ("bulk resume", "--out"): ("bulk resume run.journal --out", False),
    ("bulk retry-failed", "--out"): ("bulk retry-failed run.journal --out", False),
    ("bulk rotate", "--out"): ("bulk rotate tokens.csv --yes --out", False),
    ("device delete", "--out"): ("device delete --name kept --yes --no-snapshot --out", False),
    ("device delete", "--snapshot"): ("device delete DEVICE --yes --snapshot", False),
    ("device edit", "--out"): ("device edit --name kept --set active=no --yes --out", False),
    ("device edit", "--snapshot"): ("device edit DEVICE --set active=no --snapshot", False),
    ("export", "--out"): ("export --force --out", True),
    ("param delete", "--snapshot"): ("param delete DEVICE rate --yes --snapshot", False),
    ("param set", "--out"): ("param set rate=1 --name kept --yes --out", False),
    ("param set", "--snapshot"): ("param set DEVICE rate=1 --snapshot", False),
    ("plan", "--out"): ("plan site.csv --out", False),
    ("token rotate", "--out"): ("token rotate --name kept --yes --out", False),
}
#: Exit codes of a command that has done its work.
DONE: Final = {("plan", "--out"): 10}
#: Files that others may read: they hold no secrets.
OPEN: Final = {("--install-completion", "--output"), ("export", "--out")}


def file_options() -> Iterator[tuple[str, str]]:
    """Yield each command with each of its options that takes a path."""
    for name, one in COMMANDS.items():
        for argument in _arguments(one):
            long = [option for option in argument.names if option.startswith("--")]
            if long and Path in (argument.hint, *get_args(argument.hint)):
                yield name, long[0]


def _arguments(one: App) -> Any:
    return one.assemble_argument_collection()


def test_every_option_is_here() -> None:
    """A new option that names a file is added to one of the two lists."""
    found = {pair for pair in file_options() if pair[1] not in OTHERS}
    # The emulator runs until a signal: its own tests have its file.
    found -= {("emulator", "--state")}

    assert set(LINES) == found


@pytest.fixture
def stocked(profile: Profile) -> Profile:
    """Give a profile with one device, and files that speak of it."""
    profile.run("device", "create", "kept", "--param", "rate=600")
    device = profile.devices()["kept"]
    token = profile.ask(lambda tago: tago.tokens.list(device.id).collect())[0].token.reveal()
    profile.write("site.csv", "name\nnew\n")
    profile.write("ids.csv", f"id\n{device.id}\n")
    profile.write("changes.csv", f"id,name,active\n{device.id},kept,no\n")
    profile.write("tokens.csv", f"id,token\n{device.id},{token}\n")
    a_journal(profile.folder / "site.journal")
    return profile


def run(profile: Profile, line: str, path: Path) -> Done:
    """Run a command with an output file."""
    device = profile.devices()["kept"]
    if "run.journal" in line:
        profile.run("bulk", "edit", "changes.csv", "--journal", "run.journal", "--out", "first.csv")
    words = line.replace("DEVICE", device.id).split()
    return profile.run(*words, str(path))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pair", LINES, ids=" ".join)
def test_what_is_at_the_path(stocked: Profile, pair: tuple[str, str], kind: str) -> None:
    """It is written, or refused with the option's name and left as it is."""
    line, replaces = LINES[pair]
    target = make_target(stocked.folder, kind, "target.out")
    done = run(stocked, line, target.path)

    target.check_kept()
    assert [] == list(stocked.folder.rglob(".tagodev-*"))
    if target.refused:
        assert 2 == done.code, done.err
        assert pair[1] in done.err
        if pair[0] != "apply":
            assert f"{target.path} is not a regular file" in done.err
    elif target.exists and not replaces:
        assert 2 == done.code, done.err
        assert pair[1] in done.err
        assert b"old" == target.file.read_bytes()
    else:
        assert DONE.get(pair, 0) == done.code, done.err
        assert target.file.read_bytes() not in (b"", b"old")
        if pair not in OPEN:
            assert 0o600 == stat.S_IMODE(target.file.stat().st_mode)
    if target.refused:
        assert ["kept"] == list(stocked.devices())


@pytest.mark.parametrize("kind", ["fifo", "folder", "socket", "link to fifo"])
def test_the_emulator_state(stocked: Profile, kind: str) -> None:
    """The emulator's file is refused before it runs."""
    target = make_target(stocked.folder, kind, "state.json")
    done = stocked.run("emulator", "--port", "0", "--state", str(target.path))

    target.check_kept()
    assert 2 == done.code
    assert f"--state: {target.path} is not a regular file" in done.err


def test_tokens_stay_private(stocked: Profile) -> None:
    """An export with tokens is private, also where it replaces a file that others can read."""
    path = stocked.write("all.csv", "old")
    path.chmod(0o644)
    done = stocked.run("export", "--tokens", "--force", "--out", "all.csv")

    assert 0 == done.code, done.err
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_the_config_is_followed(stocked: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A config file that is a link, as people keep such files elsewhere, stays one."""
    target = make_target(stocked.folder, "link", "tagodev.toml", b"")
    monkeypatch.setenv("TAGODEV_CONFIG", str(target.path))
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    monkeypatch.setattr("sys.stdin.readline", lambda: "p-1\n", raising=False)
    done = stocked.run("config", "set", "dairy")

    assert 0 == done.code, done.err
    target.check_kept()
    assert "dairy" in target.file.read_text()
    assert 0o600 == stat.S_IMODE(target.file.stat().st_mode)
