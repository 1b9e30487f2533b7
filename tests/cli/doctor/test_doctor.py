"""``tagodev doctor``: everything in order, or the first that is not, and what to do about it."""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tagodev import Tago
from tagodev._cli.doctor.checks import kind_by_info, kind_by_prefix
from tagodev._cli.doctor.network import Step
from tagodev._cli.output.console import clock_difference
from tagodev._models import TokenInfo
from tagodev._secrets import Secret
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.cli.support import Command, InProcess
from tests.support.answers import http

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def free() -> Iterator[EmulatorProcess]:
    """Give a profile of the free plan, with room for two more devices and a clock of its own."""
    options = EmulatorOptions(plan="free", devices=3, clock_offset=3000.0)
    with EmulatorProcess(options) as emulator:
        yield emulator


@pytest.fixture
def doctor(
    free: EmulatorProcess, in_process: InProcess, monkeypatch: pytest.MonkeyPatch
) -> InProcess:
    """Give the command, with that profile in the environment."""
    for name in ("TAGODEV_PLAN", "TAGODEV_PROFILE", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("TAGOIO_API", free.url)
    monkeypatch.setenv("TAGOIO_TOKEN", free.token)
    return lambda *options: in_process("doctor", *options)


def problems(diagnosis: dict[str, Any]) -> list[tuple[str, int]]:
    """Return what is wrong, and the exit code of each."""
    return [(problem["what"], problem["code"]) for problem in diagnosis["problems"]]


# --- in order ------------------------------------------------------------------------------------


def test_everything_in_order(doctor: InProcess, free: EmulatorProcess) -> None:
    """0: every fact is reported with few requests, and the token is not shown."""
    before = free.stats()["accepted"]
    done = doctor("--json")
    diagnosis = done.json()
    assert (done.code, problems(diagnosis), done.err) == (0, [], "")
    assert free.stats()["accepted"] <= before + 5
    assert free.token not in done.out
    assert diagnosis["service"] == {"address": free.url, "region": None, "source": "TAGOIO_API"}
    assert ["DNS", "TCP", "HTTP"] == [step["name"] for step in diagnosis["connection"]]
    assert all(step["works"] for step in diagnosis["connection"])
    assert diagnosis["token"] == {
        "source": "TAGOIO_TOKEN",
        "kind_by_prefix": "profile",
        "kind": "profile",
        "name": "Emulated Profile",
        "expires": None,
    }
    assert diagnosis["plan"] == {
        "plan": "free",
        "source": "profile",
        "kept": "free",
        "soft_limits": None,
    }
    assert diagnosis["devices"] == {"used": 3, "cap": 5, "free": 2}
    assert diagnosis["clock"]["ahead"] == pytest.approx(
        3000, abs=diagnosis["clock"]["uncertainty"] + 0.1
    )
    assert "The two clocks differ" in diagnosis["notes"][0]
    assert diagnosis["environment"]["TAGOIO_TOKEN"] == "set"
    assert {"tagodev", "python", "aiohttp", "orjson", "sqlite"} <= set(diagnosis["versions"])


def test_in_words(doctor: InProcess) -> None:
    """A person reads the same, and that nothing is wrong."""
    done = doctor()
    assert done.code == 0
    assert done.out.endswith("\n\nNo problems found\n")
    lines = dict(line.split(maxsplit=1) for line in done.out.splitlines() if " " in line)
    assert lines["Devices"] == "3 of 5 used, 2 free"
    assert lines["Plan"] == "free (from the profile); using the limits of free; soft limits: none"
    assert "TAGOIO_TOKEN (set)" in lines["Environment"]
    assert re.fullmatch(
        r"the service's clock is \d+\.\d\d s ahead of this machine's \(± \d+\.\d\d s\)",
        lines["Clock"],
    )


def test_clocks_apart() -> None:
    """A clock is ahead or behind, never so many seconds below nothing ahead."""
    assert "0.00 s ahead of this machine's (± 0.60 s)" == clock_difference(0.0, 0.6)
    assert "90.10 s behind this machine's (± 1.00 s)" == clock_difference(-90.1, 1.0)


# --- something is wrong --------------------------------------------------------------------------


def test_full(tmp_path: Path) -> None:
    """7: the plan holds no more devices; a process of its own tells it too."""
    with EmulatorProcess(EmulatorOptions(plan="free", devices=5)) as emulator:
        done = Command(tmp_path, emulator.url, emulator.token).run("doctor")
    assert done.code == 7
    assert "5 of 5 used, 0 free" in done.out
    assert "Problem: The plan allows no more devices: all 5 are used\n  Delete devices" in done.out


def test_a_cap_of_its_own(in_process: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """More devices than the plan documents are no mistake; how many fit is not known then."""
    options = EmulatorOptions(plan="free", devices=6, max_devices=50)
    with EmulatorProcess(options) as emulator:
        monkeypatch.setenv("TAGOIO_API", emulator.url)
        monkeypatch.setenv("TAGOIO_TOKEN", emulator.token)
        diagnosis = in_process("doctor", "--json").json()
    assert diagnosis["devices"] == {"used": 6, "cap": None, "free": None}
    assert problems(diagnosis) == []


def test_a_token_that_the_service_does_not_know(doctor: InProcess) -> None:
    """5: it is not repeated, and it is said what may be the matter."""
    wrong = "4bff8bf8-1f6e-4ee5-a371-a9c1c1e5b2f0"
    done = doctor("--token", wrong)
    assert done.code == 5
    assert "Problem: The service rejects the token" in done.out
    assert "the token is of this region" in done.out
    assert wrong not in done.out + done.err


def device_token(emulator: EmulatorProcess) -> str:
    """Return the token of a device that is there."""

    async def ask() -> str:
        async with Tago(emulator.token, api=emulator.url, plan="free") as tago:
            device = await tago.devices.list().first()
            assert device is not None
            token = await tago.tokens.list(device.id).first()
            assert token is not None
            return token.token.reveal()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("kind", "code"), [("device", 5), ("network", 5), ("authorization", 5), ("analysis", 0)]
)
def test_tokens_of_other_kinds(
    doctor: InProcess, free: EmulatorProcess, kind: str, code: int
) -> None:
    """What does not open the profile is wrong; an analysis may do what it was granted."""
    tokens = {str(name): token for name, token in free.tokens_by_kind.items()}
    done = doctor("--json", "--token", tokens.get(kind) or device_token(free))
    diagnosis = done.json()
    assert (done.code, [code] if code else []) == (code, [one for _, one in problems(diagnosis)])
    assert kind in diagnosis["token"]["kind"]
    assert diagnosis["plan"] is None or diagnosis["plan"] == {
        "plan": None,
        "source": None,
        "kept": "free",
        "soft_limits": None,
    }


def test_limits_that_are_too_wide(doctor: InProcess) -> None:
    """3: a plan that is larger than the profile's would have requests rejected."""
    diagnosis = doctor("--json", "--plan", "scale").json()
    ((what, code),) = problems(diagnosis)
    assert (what.startswith("The plan is set to scale, but"), code) == (True, 3)


def test_limits_that_are_too_narrow(in_process: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that is smaller is only slower."""
    with EmulatorProcess() as emulator:
        monkeypatch.setenv("TAGOIO_API", emulator.url)
        monkeypatch.setenv("TAGOIO_TOKEN", emulator.token)
        monkeypatch.setenv("TAGODEV_PLAN", "starter")
        done = in_process("doctor", "--json")
    assert (done.code, done.json()["plan"]["kept"]) == (0, "starter")
    assert "The plan is set to starter, which is slower than scale" in done.json()["notes"]
    assert done.json()["environment"]["TAGODEV_PLAN"] == "starter"


def test_no_token(doctor: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """3: the way is looked at all the same."""
    monkeypatch.delenv("TAGOIO_TOKEN")
    diagnosis = doctor("--json").json()
    assert problems(diagnosis) == [("No token is set", 3)]
    assert ["DNS", "TCP"] == [step["name"] for step in diagnosis["connection"]]


@pytest.mark.parametrize(
    ("address", "first"),
    [
        ("http://127.0.0.1:9", "TCP fails: 127.0.0.1:9: Connection refused"),
        ("https://tagodev.invalid", "DNS fails: tagodev.invalid: "),
    ],
)
def test_the_way_ends(doctor: InProcess, address: str, first: str) -> None:
    """4: the first step that fails is named, and the token goes nowhere."""
    diagnosis = doctor("--json", "--api", address).json()
    ((what, code),) = problems(diagnosis)
    assert (what.startswith(first), code) == (True, 4)
    assert not diagnosis["connection"][-1]["works"]
    assert diagnosis["token"]["kind_by_prefix"] == "profile"


def test_no_certificate(doctor: InProcess, free: EmulatorProcess) -> None:
    """4: who speaks no TLS is not the service."""
    diagnosis = doctor("--json", "--api", free.url.replace("http:", "https:")).json()
    ((what, code),) = problems(diagnosis)
    assert (what.startswith("TLS fails: 127.0.0.1: "), code) == (True, 4)


@contextmanager
def somebody_else(answer: bytes | dict[str, bytes]) -> Iterator[str]:
    """Give the address of a server that answers everything in the same way, or by its path."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    asked = connection.recv(65_536)
                    if not asked:
                        continue
                    path = asked.split()[1].decode().partition("?")[0]
                    by_path = {path: answer} if isinstance(answer, bytes) else answer
                    connection.sendall(by_path.get(path, http(403, b"{}", connection="close")))

        thread = Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n<portal>", "another server"),
        (b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\n{}", "another server"),
        (b"HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\n{}", "Try again later"),
        (b"", "another server"),
    ],
)
def test_somebody_else_answers(doctor: InProcess, answer: bytes, hint: str) -> None:
    """4: another server is distinguished from a service that is in trouble."""
    with somebody_else(answer) as address:
        diagnosis = doctor("--json", "--api", address).json()
    ((what, code),) = problems(diagnosis)
    assert (what.startswith("HTTP fails: "), code) == (True, 4)
    assert hint in diagnosis["problems"][0]["hint"]
    assert "HTTP" == diagnosis["connection"][-1]["name"]


def says(result: Any) -> bytes:
    """Return a success after which the connection ends."""
    return http(200, orjson.dumps({"status": True, "result": result}), connection="close")


INFO = says({"name": "laptop", "type": "profile", "expire_time": "2099-01-31T12:00:00.000Z"})


def test_a_plan_that_nobody_has_published(doctor: InProcess) -> None:
    """3: its limits can't be known; how many devices fit neither, nor what time it is there."""
    answers = {
        "/info": INFO,
        "/profile/current": says({"info": {"id": "x"}, "account_plan": "galaxy"}),
        "/profile/current/summary": says({"amount": {"device": 7}}),
    }
    with somebody_else(answers) as address:
        done = doctor("--api", address)
    assert done.code == 3
    assert (
        "Problem: The rate limits of the plan galaxy are not published\n  Set the plan" in done.out
    )
    lines = dict(line.split(maxsplit=1) for line in done.out.splitlines() if " " in line)
    assert lines["Devices"] == "7 used, limit unknown"
    assert lines["Plan"].startswith("galaxy (from the profile); using the limits of free")
    assert lines["Token"].endswith("named laptop, expires 2099-01-31T12:00:00+00:00")
    assert lines["Note"].startswith("The service does not send its time")
    assert "Clock" not in lines


def test_soft_limits_and_the_plan_of_the_account(doctor: InProcess) -> None:
    """The plan comes from the account if the profile has none; soft limits are shown."""
    rpm = {"data_input": 60, "data_output": None}
    answers = {
        "/info": INFO,
        "/profile/current": says({"info": {"id": "x", "rpm": rpm}}),
        "/account/plan": says({"plan": "starter"}),
    }
    with somebody_else(answers) as address:
        done = doctor("--api", address)
    assert done.code == 0
    plan = "starter (from the account); using the limits of starter"
    assert f"{plan}; soft limits: data_input 60 per minute\n" in done.out
    assert "Devices" not in done.out


def test_a_service_in_trouble(doctor: InProcess) -> None:
    """4: a failed request is a problem, and the other facts are shown."""
    trouble = http(503, b"{}", connection="close")
    answers = {"/info": INFO, "/profile/current": trouble, "/account/plan": says({"plan": "free"})}
    with somebody_else(answers) as address:
        diagnosis = doctor("--json", "--api", address).json()
    ((what, code),) = problems(diagnosis)
    assert ("503" in what, code) == (True, 4)
    assert ("free", "account") == (diagnosis["plan"]["plan"], diagnosis["plan"]["source"])


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--region", "moon-1"), 3),
        (("--api", "nowhere"), 3),
        (("--api", "http://example.com"), 3),
        (("--region", "eu-w1", "--minute", "6"), 3),
    ],
)
def test_settings_that_can_not_work(
    doctor: InProcess,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    code: int,
) -> None:
    """3: the problem is reported with the other facts, and nothing is sent."""

    async def no_way(address: str) -> list[Any]:
        return [Step("DNS", works=True, detail=address)]

    monkeypatch.setattr("tagodev._cli.doctor.checks.check_connection", no_way)
    done = doctor("--json", *options)
    assert (done.code, [code]) == (code, [one for _, one in problems(done.json())])


def test_a_minute_that_is_none(doctor: InProcess) -> None:
    """2: an option out of bounds is named."""
    done = doctor("--minute", "0")
    assert (done.code, done.out) == (2, "")
    assert "--minute" in done.err


def test_a_proxy_is_told_of(doctor: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """That it is not used is worth knowing; what it holds is nobody's business."""
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy.example")
    done = doctor("--json")
    assert any("proxy" in note for note in done.json()["notes"])
    assert "secret" not in done.out


# --- kinds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("p-8be70d95", "profile"),
        ("a-8be70d95", "analysis"),
        ("u-8be70d95", "run user"),
        ("n-8be70d95", "network"),
        ("at8be70d95", "service authorization"),
        ("8be70d95-0dbc", None),
    ],
)
def test_kind_by_prefix(token: str, kind: str | None) -> None:
    """Newly issued tokens begin with what they are."""
    assert kind == kind_by_prefix(Secret(token))


@pytest.mark.parametrize(
    ("info", "kind"),
    [
        ({"type": "profile"}, "profile"),
        ({"type": "mutable"}, "device"),
        ({"extra": {"bucket": {"id": "x"}}}, "device"),
        ({"extra": {"device_parameters": []}}, "network"),
        ({"type": "authorization"}, "service authorization"),
        ({}, None),
    ],
)
def test_kind_by_the_services_word(info: dict[str, Any], kind: str | None) -> None:
    """What a token is shows in what the service says of it."""
    assert kind == kind_by_info(TokenInfo(**info))
