"""The verdict of a command depends on nothing around it: streams, terminal, folders, home.

Each command is run well in combinations of environments in which every two levels of two factors
meet, and compared with the same command in a plain terminal.
"""

from __future__ import annotations

import functools
import re
import shutil
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson
import pytest

from tagodev._cli.app import app
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.cli.environments import LINES, PLAIN, Ended, Place, takes_json
from tests.cli.support import Command
from tests.support.pairwise import pairs_of, pairwise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: What must change nothing.
TERMINAL: Final = {
    "command": tuple(LINES),
    "folder": ("plain", "dash", "umlauts", "not UTF-8", "long"),
    "stdout": ("file", "JSON file", "closed", "full", "reader gone"),
    "encoding": ("utf-8", "cp1252", "ascii"),
    "stderr": ("file", "closed", "reader gone"),
    "colour": ("-", "NO_COLOR", "FORCE_COLOR"),
    "stdin": ("empty", "closed"),
    "width": ("80", "20"),
    "TERM": ("xterm", "dumb"),
}
#: What may make a command refuse its work, and nothing else.
HOMES: Final = {
    "command": tuple(LINES),
    "HOME": ("folder", "absent", "no folder"),
    "state": ("named", "in the home", "no folder"),
}
#: Exit codes that the table in ``docs/command-line.md`` or ``tagodev --help`` explains.
DOCUMENTED: Final = {
    int(code)
    for code in (
        *re.findall(r"(?m)^\| (\d+) \|", Path("docs/command-line.md").read_text(encoding="utf-8")),
        *re.findall(r"(\d+) [a-z]", str(app.help_epilogue).partition("Environment")[0]),
    )
}
#: Commands that note the name of a folder or file as JSON: in a journal, a plan, their results.
NOTING: Final = (
    "apply",
    "bulk edit",
    "bulk resume",
    "bulk retry-failed",
    "bulk rotate",
    "bulk untag",
    "token rotate",
)
NOT_UTF_8: Final = (
    "command line: a name of a folder that is no UTF-8 can't be written as JSON (a TypeError)"
)
#: Python's way to write values, errors and warnings.
PYTHON: Final = re.compile(
    r"Traceback|Warning\b|\{'|<tagodev|<_|=(False|True|None)\b|\b[A-Z]\w+Error\b"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Give folders, and a service that gives the same ids again after each reset."""
    with EmulatorProcess(EmulatorOptions(unlimited=True, seed=1)) as emulator:
        yield Place(tmp_path_factory.mktemp("places"), emulator)


@pytest.fixture(scope="module")
def plain(place: Place) -> Any:
    """Give a command's end in a plain terminal, run once."""

    @functools.cache
    def run(command: str) -> Ended:
        ended = place.run(command, {})
        assert ended.code in {0, 10}, ended.err
        return ended

    return run


def wrong_with(level: Mapping[str, str], ended: Ended) -> Iterator[str]:
    """Yield what is wrong with how a command has ended.

    Args:
        level: of each factor.
        ended: how it has ended.
    """
    if not isinstance(ended.code, int):
        yield f"it ended with {ended.code}"
    elif ended.code not in DOCUMENTED:
        yield f"the exit code {ended.code} is not documented"
    if found := PYTHON.search(ended.out + ended.err):
        yield f"it says {found[0]!r}"
    if level.get("stdout") == "JSON file" and takes_json(level["command"]):
        yield from wrong_json(ended.out)


def wrong_json(out: str) -> Iterator[str]:
    """Yield why an output is not one value as JSON, with all its characters."""
    try:
        orjson.loads(out)
    except orjson.JSONDecodeError as error:
        yield f"the output is no JSON: {error}"
    # As far as the odd name shows it: a route has a question mark, too.
    if any(lost in out for lost in ("K?hl", " ?", "\ufffd")):
        yield "characters are lost"


def other_than(ended: Ended, expected: Ended, asked: str = "requests") -> Iterator[str]:
    """Yield in what a command has done something else than in a plain terminal.

    Args:
        ended: how it has ended.
        expected: how it ends there.
        asked: which requests count, ``requests`` or ``changes``.
    """
    for what in ("code", "files", asked):
        one, other = getattr(ended, what), getattr(expected, what)
        if one != other:
            yield f"{what}: expected {other}, and there is {one}"


def case(level: Mapping[str, str], *marks: Any) -> Any:
    """Return a parameter of a test, named after what is not as in a plain terminal."""
    odd = (f"{factor} {one}" for factor, one in level.items() if PLAIN.get(factor, "") != one)
    return pytest.param(level, id=", ".join(odd).removeprefix("command "), marks=marks)


def terminals() -> Iterator[Any]:
    """Yield the combinations of `TERMINAL`, as parameters."""
    for level in pairwise(TERMINAL):
        noted = level["folder"] == "not UTF-8" and level["command"] in NOTING
        yield case(level, *([pytest.mark.xfail(reason=NOT_UTF_8)] if noted else []))


@pytest.mark.parametrize("level", [*terminals()])
def test_the_verdict_does_not_depend_on_the_terminal(
    place: Place, plain: Any, level: dict[str, str]
) -> None:
    """Exit code, files and requests are those of a plain terminal; JSON is whole, text is text."""
    expected = plain(level["command"])
    ended = place.run(level["command"], level)
    if level["command"] == "config set" and level["stdin"] == "closed":
        # It reads the token there.
        expected = attrs.evolve(expected, code=3)

    assert [] == [*wrong_with(level, ended), *other_than(ended, expected)]


@pytest.mark.parametrize("level", [case(level) for level in pairwise(HOMES)])
def test_without_a_home_a_command_does_its_work_or_refuses_it(
    place: Place, plain: Any, level: dict[str, str]
) -> None:
    """A command refuses only if it must keep something, and then before anything is changed."""
    command = level["command"]
    expected = plain(command)
    ended = place.run(command, level)
    places = {level["HOME"] if level["state"] == "in the home" else level["state"]}
    if command.startswith("config"):
        places.add(level["HOME"])
    must_keep = expected.keeps_state or command.startswith("config")
    wrong = list(other_than(ended, expected, "changes"))
    if wrong and must_keep and places & {"absent", "no folder"} and not ended.changes:
        assert ended.code in DOCUMENTED - {0}
        wrong = [] if re.search(r"TAGODEV_|config\.toml", ended.err) else ["it says no way out"]

    assert [] == [*wrong_with(level, ended), *wrong]


# --- processes -----------------------------------------------------------------------------------

#: Commands that change something, that print much, and that end with another code than 0.
APPLY: Final = "apply site.csv --yes --json"
LIST: Final = "device list"
PLAN: Final = "plan site.csv"
#: A line for the shell, with ``@`` for the command, and the variables that are set.
SHELLS: Final[tuple[tuple[str, str, str, dict[str, str]], ...]] = (
    ("cp1252", PLAN, "@ | cat", {"PYTHONIOENCODING": "cp1252"}),
    ("cp1252, JSON", APPLY, "@ | cat", {"PYTHONIOENCODING": "cp1252"}),
    ("C locale", LIST, "@", {"LC_ALL": "C"}),
    ("ASCII locale", APPLY, "@", {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}),
    ("stdout closed", APPLY, "@ >&-", {}),
    ("stderr closed", PLAN, "@ 2>&-", {}),
    ("all closed", APPLY, "@ <&- >&- 2>&-", {}),
    ("stdout full", PLAN, "@ >/dev/full", {}),
    ("stderr full", APPLY, "@ 2>/dev/full", {}),
    ("reader gone", PLAN, "@ | true", {}),
    ("readers gone", APPLY, "@ 2>&1 | true", {}),
    ("narrow and dumb", LIST, "@", {"COLUMNS": "20", "TERM": "dumb"}),
)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize("shell", [pytest.param(one[1:], id=one[0]) for one in SHELLS])
def test_the_verdict_of_a_process(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: Place,
    shell: tuple[str, str, dict[str, str]],
) -> None:
    """The interpreter's own start and end add no message and no exit code."""
    command, line, variables = shell
    monkeypatch.chdir(tmp_path)
    place.prepare(next(name for name in LINES if command.startswith(name)))
    before = place.requests().get("POST /device", 0)
    tagodev = Command(tmp_path, place.emulator.url, place.emulator.token, variables)
    program = f'{line.replace("@", f"tagodev {command}")}; exit "${{PIPESTATUS[0]}}"'
    done = tagodev.pipe(program)
    said = done.out + done.err

    assert (10 if command == PLAN else 0) == done.code, said
    assert (command == APPLY) == place.requests()["POST /device"] - before
    assert None is PYTHON.search(said)
    if "--json" in command and done.out:
        assert done.json()["created"] == 1


# --- what the tests stand on ---------------------------------------------------------------------


def test_every_two_levels_meet() -> None:
    """The combinations hold each pair of levels, and few enough are made of them."""
    rows = list(pairwise(TERMINAL))
    met = set().union(*(pairs_of(row, TERMINAL) for row in rows))
    sizes = [len(levels) for levels in TERMINAL.values()]

    assert sum(one * other for one, other in combinations(sizes, 2)) == len(met)
    assert len(rows) <= 1.1 * sizes[0] * sizes[1]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"code": "ValueError()"}, "it ended with"),
        ({"code": 77}, "not documented"),
        ({"out": '{"a":"℃"}\n{}\n'}, "no JSON"),
        ({"out": '{"a":"K?hlraum ?"}\n'}, "lost"),
        ({"err": "Traceback (most recent call last):"}, "it says"),
        ({"err": "x.py:3: UserWarning: the token"}, "it says"),
        ({"code": 1}, "code: expected 0"),
        ({"files": {}}, "files: expected"),
        ({"requests": {"GET /device": 2}}, "requests: expected"),
    ],
)
def test_a_doctored_end_is_noticed(change: dict[str, Any], wrong: str) -> None:
    """Each check fails on its own breach, and no other does."""
    good = Ended(
        code=0,
        out='{"a":"℃"}\n',
        err="",
        files={"site.csv": []},
        requests={"GET /device": 1},
        keeps_state=False,
    )
    doctored = attrs.evolve(good, **change)
    level = {**PLAIN, "stdout": "JSON file", "command": "device list"}
    found = [*wrong_with(level, doctored), *other_than(doctored, good)]

    assert wrong in found[0]
    assert found[1:] == [] or "code" in change
