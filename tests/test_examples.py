"""The examples run as they stand, in processes of their own, as their readers would run them."""

from __future__ import annotations

import json
import re
import socket
import time
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.support.processes import PYTHON, environment, run, start

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parent.parent / "examples"
GUIDES = [EXAMPLES.parent / "docs" / name for name in ("backends.md", "profiles.md")]
#: Seconds until a server must listen.
PATIENCE = 30.0

#: How each backend is started, but for its port.
BACKENDS = {
    "fastapi": ["-m", "uvicorn", "--workers", "2", "fastapi_backend:app", "--port"],
    "aiohttp": ["-m", "aiohttp.web", "-H", "127.0.0.1", "aiohttp_backend:make_app", "-P"],
}
every_backend = pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                any(find_spec(module) is None for module in needed),
                reason=f"needs {' and '.join(needed)}",
            ),
        )
        for name, needed in (("fastapi", ("fastapi", "uvicorn")), ("aiohttp", ("aiohttp",)))
    ],
)


def surroundings(emulator: EmulatorProcess, **more: str) -> dict[str, str]:
    """Return the environment of an example that works on an emulator."""
    service = {"TAGOIO_API": emulator.url, "TAGOIO_TOKEN": emulator.token}
    return environment(**service, PYTHONPATH=str(EXAMPLES), **more)


@contextmanager
def backend(name: str, env: dict[str, str]) -> Iterator[HTTPConnection]:
    """Run a backend, and give a connection to it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    program = (PYTHON, *BACKENDS[name], str(port))
    with start(*program, env=env, stdout=None, stderr=None) as process:
        try:
            wait_for(port, process)
            with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
                yield connection
        finally:
            process.terminate()
            process.wait(PATIENCE)


def wait_for(port: int, process: subprocess.Popen[str]) -> None:
    """Wait until a process listens."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            assert process.poll() is None, "the backend ended before it listened"
            assert time.monotonic() < until, "the backend does not listen"
            time.sleep(0.05)
        else:
            return


def post(connection: HTTPConnection, path: str, body: Any) -> tuple[int, dict[str, Any], str]:
    """Send a request; return the answer's status, body and Retry-After."""
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    said = json.loads(content) if answer.headers.get_content_subtype() == "json" else {}
    return answer.status, said, answer.headers.get("Retry-After", "")


def test_guides_show_the_examples() -> None:
    """Whatever the guides show stands in an example word for word, and so is tested."""
    sources = [path.read_text("utf-8") for path in EXAMPLES.glob("*.py")]
    text = "".join(guide.read_text("utf-8") for guide in GUIDES)
    shown = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert 7 == len(shown)
    assert [] == [block for block in shown if not any(block in source for source in sources)]


def test_provision() -> None:
    """Three hundred devices come and go, and none is rejected."""
    options = EmulatorOptions(plan="starter", minute=2, max_devices=300)
    with EmulatorProcess(options) as emulator:
        done = run(PYTHON, EXAMPLES / "provision.py", "2", env=surroundings(emulator))
        stats = emulator.stats()
    assert (0, "") == (done.code, done.err)
    assert (300, 300, 0) == (stats["created"], stats["deleted"], stats["rejected"])
    assert "0 rejected" in done.out


@every_backend
@pytest.mark.timeout(120)
def test_backend_beside_a_bulk_job(name: str, tmp_path: Path) -> None:
    """While a job takes what there is, everybody who asks gets a device; none is rejected."""
    ledger = str(tmp_path / "site.ledger")
    options = EmulatorOptions(plan="starter", minute=2, max_devices=1000)
    answers: list[tuple[int, dict[str, Any], str]] = []
    with EmulatorProcess(options) as emulator:
        env = surroundings(emulator, LEDGER=ledger, MINUTE="2")
        with (
            backend(name, env) as connection,
            start(PYTHON, EXAMPLES / "provision.py", "2", ledger, env=env) as job,
        ):
            while job.poll() is None or len(answers) < 20:
                sensor = {"name": f"Office {len(answers)}", "site": "8"}
                answers.append(post(connection, "/sensors", sensor))
                # People ask one after the other; without a pause they would be a bulk job too.
                time.sleep(0.05)
            assert job.stdout is not None
            told = job.stdout.read()
        stats = emulator.stats()

    assert [201] * len(answers) == [status for status, _, _ in answers]
    assert len(answers) == len({body["device_id"] for _, body, _ in answers})
    assert (0, "0 rejected") == (job.returncode, told.splitlines()[-1])
    assert (300 + len(answers), 300) == (stats["created"], stats["deleted"])
    assert 0 == stats["rejected"]


@every_backend
@pytest.mark.timeout(120)
def test_backend_says_what_went_wrong(name: str, tmp_path: Path) -> None:
    """Bad input, a full plan, no turn in time: each has the status that HTTP has for it."""
    options = EmulatorOptions(
        plan="starter",
        max_devices=2,
        limits={"POST /device": 3},
        # Its minute begins now, so the tests are done long before it ends.
        clock_offset=-(time.time() % 60),
    )
    sensors = [{"name": name, "site": "8"} for name in ("", "Office", "Lab", "Hall", "Attic")]
    with EmulatorProcess(options) as emulator:
        env = surroundings(emulator, LEDGER=str(tmp_path / "site.ledger"))
        with backend(name, env) as connection:
            answers = [post(connection, "/sensors", sensor) for sensor in sensors]

    # The client thinks that the limit is larger, so it is the service that refuses the last.
    invalid, made, _, full, late = answers
    assert [422, 201, 201, 507, 503] == [status for status, _, _ in answers]
    assert {"fastapi": {"device_id", "token"}, "aiohttp": {"device_id"}}[name] == set(made[1])
    assert not invalid[1]["may_have_been_made"]
    assert "exceeded the maximum limit of Device" in full[1]["error"]
    assert 5 < int(late[2]) <= 61
    assert [""] * 4 == [retry_after for _, _, retry_after in answers[:4]]


def test_tokens_stay_with_the_aiohttp_backend(tmp_path: Path) -> None:
    """Whoever made a sensor sends its readings without ever having seen its token."""
    with EmulatorProcess(EmulatorOptions(plan="starter", minute=2)) as emulator:
        environment = surroundings(emulator, LEDGER=str(tmp_path / "site.ledger"), MINUTE="2")
        with backend("aiohttp", environment) as connection:
            _, made, _ = post(connection, "/sensors", {"name": "Cold room 3", "site": "7"})
            readings = f"/sensors/{made['device_id']}/readings"
            assert 202 == post(connection, readings, {"celsius": 4.5})[0]
            assert 404 == post(connection, f"/sensors/{'0' * 24}/readings", {"celsius": 4.5})[0]
        stats = emulator.stats()
    assert {"device_id"} == set(made)
    assert 1 == stats["routes"]["POST /data"]["accepted"]


@pytest.mark.skipif(find_spec("distributed") is None, reason="needs distributed (Dask)")
@pytest.mark.timeout(180)
def test_fleet_worker(tmp_path: Path) -> None:
    """Each profile gets its devices, once; one that fails holds up no other, and is made good."""
    sizes = {"north": 300, "south": 40, "west": 3}
    wrong = "p-3f1c9a52-7be4-4d06-9c11-5a8e20d7f6b3"
    fleet = tmp_path / "fleet.json"
    shards: list[dict[str, Any]] = []
    environment: dict[str, str] = {}
    with ExitStack() as stack:
        emulators = {}
        for profile, size in sizes.items():
            options = EmulatorOptions(plan="starter", minute=2, max_devices=size)
            emulator = emulators[profile] = stack.enter_context(EmulatorProcess(options))
            environment |= surroundings(emulator, **{f"TOKEN_{profile}": emulator.token})
            devices = tmp_path / f"{profile}.csv"
            rows = [f"Cold room {number},{profile}" for number in range(size)]
            devices.write_text("\n".join(["name,site", *rows]), "utf-8")
            shard = {"profile": profile, "token": f"TOKEN_{profile}", "devices": str(devices)}
            shards.append({**shard, "plan": "starter", "minute": 2, "api": emulator.url})
        fleet.write_text(json.dumps(shards), "utf-8")
        first = run_fleet(fleet, {**environment, "TOKEN_west": wrong}, failed=1)
        second = run_fleet(fleet, environment)
        stats = {profile: emulator.stats() for profile, emulator in emulators.items()}

    assert "north: 300 created, 0 done before, 0 failed" == first["north"]
    assert "south: 40 created, 0 done before, 0 failed" == first["south"]
    assert "401" in first["west"]
    assert wrong not in first["west"]
    assert {
        "north": "north: 0 created, 300 done before, 0 failed",
        "south": "south: 0 created, 40 done before, 0 failed",
        "west": "west: 3 created, 0 done before, 0 failed",
    } == second
    assert sizes == {profile: one["created"] for profile, one in stats.items()}
    assert [0, 0, 0] == [one["rejected"] for one in stats.values()]


def run_fleet(fleet: Path, env: dict[str, str], *, failed: int = 0) -> dict[str, str]:
    """Run the example, and return what it tells of each profile."""
    done = run(PYTHON, EXAMPLES / "fleet_worker.py", fleet, env=env)
    assert failed == done.code, done.err
    return {line.split(":")[0]: line for line in done.out.splitlines()}
