"""``tagodev emulator``, ``tagodev demo``, and the help of all commands."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING

import orjson
import pytest

from tagodev._cli.commands.demo import write_sites
from tagodev.provision import read_devices
from tests.cli.support import Command, InProcess, write_devices
from tests.support.processes import finish

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "command",
    [
        ("bulk", "create"),
        ("bulk", "delete"),
        ("bulk", "edit"),
        ("bulk", "rotate"),
        ("bulk", "resume"),
        ("bulk", "status"),
        ("bulk", "report"),
        ("bulk", "export"),
        ("bulk", "retry-failed"),
        ("bulk", "untag"),
        ("demo",),
        ("doctor",),
        ("emulator",),
        ("limits",),
    ],
)
def test_help_has_an_example(in_process: InProcess, command: tuple[str, ...]) -> None:
    """Every command's help ends with a line to try."""
    done = in_process(*command, "--help")
    assert done.code == 0
    assert f"Example: tagodev {' '.join(command)} " in done.out


def test_help_names_commands_and_exit_codes(alone: Command) -> None:
    """The first help that one sees says what there is."""
    done = alone.run("--help")
    assert done.code == 0
    assert all(word in done.out for word in ("bulk", "demo", "emulator", "Exit codes", "130"))


def test_emulator_prints_what_to_paste(alone: Command) -> None:
    """The emulator says where it is in lines that a shell understands, until a signal comes."""
    process = alone.start("emulator", "--port", "0", "--plan", "starter", "--minute", "6")
    assert process.stdout is not None
    first, *exports = (process.stdout.readline() for _ in range(3))
    settings = dict(line.removeprefix("export ").strip().split("=", 1) for line in exports)
    assert settings["TAGOIO_API"] in first
    assert "plan starter, minute 6 s" in first
    client = Command(alone.folder, settings["TAGOIO_API"], settings["TAGOIO_TOKEN"])
    write_devices(alone.folder / "site.csv", ["a"])
    created = client.run("bulk", "create", "site.csv", "--plan", "starter", "--minute", "6")
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert (created.code, done.code) == (0, 0)
    assert done.out + done.err == ""


def test_emulator_json(alone: Command) -> None:
    """For programs the emulator prints one JSON line."""
    process = alone.start(
        "emulator", "--port", "0", "--json", "--token", "p-made-up", "--seed", "7"
    )
    assert process.stdout is not None
    answer = orjson.loads(process.stdout.readline())
    process.terminate()
    done = finish(process)
    assert (done.code, done.out) == (0, "")
    assert answer.pop("url").startswith("http://127.0.0.1:")
    assert answer == {"token": "p-made-up", "plan": "scale", "minute": 60.0}


def test_emulator_whose_port_is_taken(alone: Command) -> None:
    """A port in use is said in one line, with what to do: 4."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = alone.run("emulator", "--port", port)
    assert done.code == 4
    assert f"can't listen on 127.0.0.1:{port}" in done.err
    assert done.err.count("\n") == 1


def test_demo_json(alone: Command) -> None:
    """The demonstration makes and deletes every device without a 429 and prints its figures."""
    done = alone.run("demo", "--devices", "300", "--plan", "starter", "--minute", "1", "--json")
    assert done.code == 0
    answer = done.json()
    assert {
        "devices",
        "created",
        "deleted",
        "throttled",
        "elapsed_s",
        "ideal_s",
        "ratio",
        "requests_per_window",
    } == set(answer)
    assert (answer["created"], answer["deleted"], answer["throttled"]) == (300, 300, 0)
    assert answer["ratio"] == pytest.approx(answer["elapsed_s"] / answer["ideal_s"], abs=0.01)
    assert answer["elapsed_s"] <= 1.05 * answer["ideal_s"] + 1.5
    for route in ("POST /device", "DELETE /device/:device_id"):
        accepted = [w["accepted"] for w in answer["requests_per_window"] if w["route"] == route]
        assert sum(accepted) == 300
        assert max(accepted) <= 250
    assert "The minute is shortened to 1 s" in done.err
    assert list(alone.folder.iterdir()) == []


def test_demo_interrupted(alone: Command) -> None:
    """Ctrl-C ends the demonstration, its service and its files: 130."""
    process = alone.start("demo", "--devices", "300", "--plan", "free", "--minute", "60")
    assert process.stderr is not None
    while "Running with limits" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert done.code == 130
    assert "Traceback" not in done.err


def test_shipped_site(tmp_path: Path) -> None:
    """The shipped list is valid, and further sites differ from it by name and tag."""
    path = tmp_path / "sites.csv"
    write_sites(path, 1000)
    devices = [row.device for row in read_devices(path)]
    assert len({device.name for device in devices}) == 1000
    assert all(device.tags and device.configuration_params for device in devices)
