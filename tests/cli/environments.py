"""Running each command once, well, in a given environment: streams, folders, variables.

In this process, with streams that behave as those of a process do: `sys.stdout` is none where the
standard output is closed, and is flushed when the command has ended.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import os
import pwd
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import attrs
import orjson
import pytest

from tagodev import _session as session
from tagodev._cli import main
from tagodev._cli.app import app
from tagodev._limits.ledger import memory as ledger_memory
from tagodev._models.devices import CUSTOM_HTTPS_CONNECTOR, CUSTOM_HTTPS_NETWORK
from tests.cli.terminal import normalised
from tests.cli.test_every_command import COMMANDS, DEVICE, EXAMPLES, REGISTER, TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tagodev.emulator import EmulatorProcess

__all__ = ["LINES", "PLAIN", "Ended", "Place", "takes_json"]

#: Commands that take long, with the reason; all others are run.
_LEFT_OUT: Final = {
    "demo": "it makes thousands of devices",
    "emulator": "it goes on until Ctrl-C",
    "--install-completion": "it looks at the options of every command, for seconds",
}
#: Said otherwise than in the example.
_INSTEAD: Final = {
    "--region eu-w1": "",
    "apply site.csv": "apply site.csv --yes",
    # The journal was made elsewhere.
    "bulk resume site.journal": "bulk resume site.journal --out again.csv",
    "bulk retry-failed site.journal": "bulk retry-failed site.journal --out again.csv",
}


def _lines() -> Iterator[tuple[str, str]]:
    """Yield each command and its first example; aliases of commands do what these do."""
    for name, line in reversed(dict(reversed(EXAMPLES)).items()):
        if name not in _LEFT_OUT and (name in app or " " in name) and app[name.split()[0]].show:
            text = line.removeprefix("tagodev ")
            for one, other in _INSTEAD.items():
                text = text.replace(one, other)
            yield name, text


#: An example of each command.
LINES: Final = dict(_lines())

#: An argument that is the name of a file.
_FILE: Final = re.compile(r"^[\w.-]+\.(csv|html|json|journal)$")
#: Ids and tokens.
_ID: Final = re.compile(r"[0-9a-f]{24}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: Characters that neither cp1252 nor ASCII has, and that a terminal shows as wide as one.
_NAME: Final = "Kühlraum ℃"
_SITE: Final = f"""\
name,tag.site,tag.serial,tag.room
{_NAME},Łódź,0001,1
Cold room 2,dairy,0002,2
"""
_PROFILE: Final = f'[profile.dairy]\ntoken = "{TOKEN}"\n'


@functools.cache
def takes_json(name: str) -> bool:
    """Return whether a command has the option ``--json``.

    Args:
        name: of the command.
    """
    found = COMMANDS[name].assemble_argument_collection()
    return any("--json" in argument.names for argument in found)


#: The level of each factor in a terminal that has nothing odd about it.
PLAIN: Final[Mapping[str, str]] = {
    "encoding": "utf-8",
    "stdout": "file",
    "stderr": "file",
    "stdin": "empty",
    "width": "80",
    "TERM": "xterm",
    "colour": "-",
    "folder": "plain",
    "HOME": "folder",
    "state": "named",
}
_COLOURS: Final = {"NO_COLOR", "FORCE_COLOR"}
_FOLDERS: Final = {
    "plain": "folder",
    "dash": "-rf two  blanks ",
    "umlauts": "Kühlräume ℃",
    "not UTF-8": os.fsdecode(b"\xff\xfe\x80"),
    "long": "x" * 200,
}


@attrs.frozen(kw_only=True)
class Ended:
    """How a command ended, and what it has done."""

    code: int | str
    """Its exit code, or what it has raised."""
    out: str
    err: str
    files: Mapping[str, list[str]]
    """What is in the folder now: names, and what the files hold as far as it is always the same."""
    requests: Mapping[str, int]
    """How often each route was asked."""
    keeps_state: bool
    """Whether it has written into the state folder."""

    @property
    def changes(self) -> dict[str, int]:
        """How often each route was asked that changes something."""
        return {route: n for route, n in self.requests.items() if not route.startswith("GET ")}


@attrs.frozen
class Place:
    """A folder for folders, and a service for nobody else."""

    root: Path
    emulator: EmulatorProcess

    def run(self, name: str, level: Mapping[str, str]) -> Ended:
        """Run a command in a folder made for it, in front of a profile made for it.

        Args:
            name: of the command.
            level: of each factor that is not as in `PLAIN`.
        """
        level = {**PLAIN, **level}
        odd = _FOLDERS[level["folder"]]
        base = self.root / str(len(list(self.root.iterdir()))) / odd
        folder = base / odd
        folder.mkdir(parents=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            self._set_variables(patch, base, level)
            line = self.prepare(name)
            before = self.requests()
            if level["stdout"] == "JSON file" and takes_json(name) and "--json" not in line:
                line += " --json"
            # Named as a whole, so that what is said has the odd name in it.
            arguments = [
                _FILE.sub(lambda name: f"{folder}/{name[0]}", one) for one in shlex.split(line)
            ]
            code, out, err = _run_with_streams(patch, base, arguments, level)
        return Ended(
            code=code,
            out=out,
            err=err,
            files=_files(folder),
            requests=_more(self.requests(), before),
            keeps_state=(base / "state").exists(),
        )

    def _set_variables(
        self, patch: pytest.MonkeyPatch, base: Path, level: Mapping[str, str]
    ) -> None:
        for key in ("LC_ALL", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "TAGODEV_CONFIG", *_COLOURS):
            patch.delenv(key, raising=False)
        patch.setenv("TAGOIO_API", self.emulator.url)
        patch.setenv("TAGOIO_TOKEN", self.emulator.token)
        patch.setenv("TAGODEV_PLAN", "scale")
        patch.setenv("COLUMNS", level["width"])
        patch.setenv("TERM", level["TERM"])
        if level["colour"] in _COLOURS:
            patch.setenv(level["colour"], "1")
        no_folder = base / "no-folder"
        no_folder.touch()
        # Unlike a folder that is read-only, it can't be written into as root either.
        home = no_folder if level["HOME"] == "no folder" else base / "home"
        patch.setenv("HOME", str(home))
        state = {"named": base / "state", "no folder": no_folder / "state"}
        if level["state"] in state:
            patch.setenv("TAGODEV_STATE", str(state[level["state"]]))
            patch.setenv("TAGODEV_LEDGER", "none")
        else:
            patch.delenv("TAGODEV_STATE", raising=False)
            patch.delenv("TAGODEV_LEDGER", raising=False)
        if level["HOME"] == "absent":
            patch.delenv("HOME")
            patch.setattr(pwd, "getpwuid", _nobody)

    def prepare(self, name: str) -> str:
        """Reset the service, and make in this folder and in a profile what a command is about.

        Args:
            name: of the command.

        Returns:
            Its line, without ``tagodev``.
        """
        self.emulator.reset()
        _forget_what_processes_forget()
        created = self._ask(
            *("POST", "/device"),
            {
                "name": _NAME,
                "type": "mutable",
                "network": CUSTOM_HTTPS_NETWORK,
                "connector": CUSTOM_HTTPS_CONNECTOR,
                "tags": [{"key": "site", "value": "dairy"}],
            },
        )
        device = created["device_id"]
        self._ask("POST", f"/device/{device}/params", [{"key": "check_rate", "value": "℃"}])
        point = {"variable": "temperature", "value": "℃"}
        self._ask("POST", "/data", [point], token=created["token"])
        (register,) = self._ask("GET", f"/device/{device}/data?variables[]=temperature")
        if name == "token delete":
            token = {"device": device, "name": "gateway", "permission": "full"}
            self._ask("POST", "/device/token", {**token, "expire_time": "never"})
        if name in ("network edit", "network delete") or name.startswith("network token"):
            self._prepare_network(name)
        if name in ("connector edit", "connector delete"):
            connector = {"name": "Probe", "networks": [CUSTOM_HTTPS_NETWORK]}
            self._ask("POST", "/integration/connector", connector)
        if name == "service-token delete":
            self._ask("POST", "/serviceauth", {"name": "LoRa server"})
        Path("site.csv").write_text(_SITE, encoding="utf-8")
        Path("changes.csv").write_text(f"id,active\n{device},no\n", encoding="utf-8")
        if name == "export":
            Path("site.csv").unlink()
        if name in ("config show", "config remove"):
            os.environ["TAGODEV_CONFIG"] = "config.toml"
            Path("config.toml").touch(0o600)
            Path("config.toml").write_text(_PROFILE, encoding="utf-8")
        if name.startswith("bulk") and name not in ("bulk create", "bulk edit"):
            # Made elsewhere, and moved to here.
            elsewhere = self.root / "elsewhere"
            elsewhere.mkdir()
            shutil.copy("site.csv", elsewhere)
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(elsewhere)
                patch.setenv("TAGODEV_STATE", str(self.root / "state"))
                patch.setenv("TAGODEV_LEDGER", "none")
                _run_quietly("bulk", "create", "site.csv", "--journal", "site.journal")
            for path in elsewhere.iterdir():
                path.rename(path.name)
            elsewhere.rmdir()
        line = LINES[name].replace(DEVICE, device).replace(REGISTER, register["id"])
        return line.replace(" other.journal", "")

    def _prepare_network(self, name: str) -> None:
        network = self._ask("POST", "/integration/network", {"name": "Our LoRa"})["network"]
        if name == "network token delete":
            token = {"name": "server", "network": network, "permission": "full"}
            self._ask("POST", "/integration/network/token", token)

    def _ask(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        connection = http.client.HTTPConnection(urlsplit(self.emulator.url).netloc)
        headers = {
            "Authorization": token or self.emulator.token,
            "Content-Type": "application/json",
        }
        connection.request(method, path, None if body is None else orjson.dumps(body), headers)
        answer = orjson.loads(connection.getresponse().read())
        connection.close()
        assert answer["status"], answer
        return answer["result"]

    def requests(self) -> dict[str, int]:
        """Return how often each route was asked since the last reset."""
        routes = self.emulator.stats()["routes"]
        return {route: counts["accepted"] for route, counts in routes.items()}


def _more(after: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    found = {route: count - before.get(route, 0) for route, count in after.items()}
    return {route: count for route, count in found.items() if count}


def _forget_what_processes_forget() -> None:
    for known in (ledger_memory._ledgers, ledger_memory._plans, session._profiles):
        known.clear()


def _nobody(uid: int) -> Any:
    msg = f"getpwuid(): uid not found: {uid}"
    raise KeyError(msg)


def _run_quietly(*arguments: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert app(arguments, exit_on_error=False, result_action="return_value") == 0
    _forget_what_processes_forget()


def _run_with_streams(
    patch: pytest.MonkeyPatch, base: Path, arguments: list[str], level: Mapping[str, str]
) -> tuple[int | str, str, str]:
    given = base / "stdin"
    given.write_text(f"{TOKEN}\n" if arguments[:2] == ["config", "set"] else "")
    encoding = level["encoding"]
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(_writable(level["stdout"], base / "stdout", encoding, "strict"))
        err = stack.enter_context(
            _writable(level["stderr"], base / "stderr", encoding, "backslashreplace")
        )
        stdin = None
        if level["stdin"] != "closed":
            stdin = stack.enter_context(given.open(encoding=encoding))
        patch.setattr(sys, "argv", ["tagodev", *arguments])
        patch.setattr(sys, "stdin", stdin)
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        try:
            code: int | str = main()
        except (Exception, SystemExit) as error:  # noqa: BLE001  (the interpreter would show it)
            code = repr(error)
        # What the interpreter does in the end, and its exit code when that fails.
        for stream in (sys.stdout, sys.stderr):
            try:
                if stream is not None:
                    stream.flush()
            except (OSError, ValueError):
                code = 120
    # Programs read UTF-8, whatever the terminal has; whether they can is to be seen in the text.
    read_as = "utf-8" if encoding == "utf-8" or level["stdout"] == "JSON file" else "latin-1"
    said = (base / "stdout").read_text(read_as, "replace")
    return code, said, (base / "stderr").read_text(read_as, "replace")


@contextlib.contextmanager
def _writable(kind: str, path: Path, encoding: str, errors: str) -> Iterator[io.TextIOBase | None]:
    path.touch()
    if kind == "closed":
        yield None
        return
    if kind == "reader gone":
        reading, writing = os.pipe()
        os.close(reading)
    else:
        writing = os.open("/dev/full" if kind == "full" else path, os.O_WRONLY)
    raw = io.FileIO(writing, "w")
    stream = io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors)
    try:
        yield stream
    finally:
        with contextlib.suppress(OSError):
            stream.close()
        raw.close()


def _files(folder: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            lines: list[str] = []
            if path.suffix in {".csv", ".json", ".jsonl", ".toml"}:
                # Rows are in the order of the answers, and ids were numbered in that of the rows.
                text = _ID.sub("ID", normalised(path.read_text(encoding="utf-8")))
                lines = sorted(text.splitlines())
            found[re.sub(r"\d{8}-\d{6}", "DATE", path.name)] = lines
    return found
