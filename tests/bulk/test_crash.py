"""Killed at any instant and begun again: each row is done once, and its token is known.

The programs are real processes and so is the emulator; the kills are SIGKILL.
``TAGODEV_KILLS`` says how many there are: 10 by default, 200 in ``nox -s crash``.
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson
import pytest
from aiohttp import ClientError, ClientSession, ContentTypeError

from tagodev._bulk.journal.entry import EntryState
from tagodev._bulk.journal.store import Journal
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.bulk.crashing import Aim, Job, Life, Program, device_name, new_name
from tests.cli.support import Command
from tests.cli.support import tokens_of as tokens_of_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tagodev import Device
    from tests.bulk.crashing import Kind

KILLS: Final = int(os.environ.get("TAGODEV_KILLS", "10"))
FEWER_KILLS: Final = max(KILLS // 4, 8)
#: Seconds that a kill may cost, on a slow machine that does other things too.
PATIENCE: Final = 8

#: How often the test itself asks where an answer is lost.
LOOKS: Final = 20
SETTLE: Final = 0.3
#: Seconds a window; where it is not much longer than the whole seconds in which the service reports
#: the time, the limit is kept without windows, and so without a memory of them.
MINUTE: Final = 3.0
FAULTS: Final = {
    "reset-after-commit": 0.05,
    "reset-before": 0.05,
    "http-502-html": 0.03,
    "slow": 0.02,
}
#: So many requests a window to the routes that rows are done by, that the limit is always near.
LIMIT: Final = 100

#: Moments to kill a program at, besides those while rows are in work: at a request to a route, the
#: first or one of the next few, and up to so many seconds later.
MOMENTS: Final[Mapping[Kind, tuple[tuple[str | None, int, float], ...]]] = {
    "create": (
        (None, 1, 0.005),
        ("GET /info", 1, SETTLE),
        ("GET /device", 1, 0.0),
        ("GET /device/token/:device_id", 8, 0.0),
    ),
    "edit": ((None, 1, 0.005),),
    "delete": ((None, 1, 0.005),),
    "rotate": (
        (None, 1, 0.005),
        ("GET /info", 1, SETTLE),
        ("POST /device/token", 8, 0.0),
        ("DELETE /device/token/:token", 8, 0.0),
    ),
}
#: What a program does while no request is under way.
BEGINNING, SETTLING = "beginning", "settling"


def emulator_for(kind: Kind, rows: int) -> EmulatorProcess:
    """Return the service with its faults, and with devices to work on where there must be some."""
    options = EmulatorOptions(
        minute=MINUTE,
        limits=limits_for(kind),
        faults=FAULTS,
        slow_seconds=0.1,
        seed=KILLS,
        devices=0 if kind == "create" else rows,
    )
    return EmulatorProcess(options)


def limits_for(kind: Kind) -> dict[str, int]:
    """Return the limits of the routes that change something."""
    routes = Job(kind=kind, rows=0, url="", token="", journal="").routes
    return {route: LIMIT for route in routes if not route.startswith("GET")}


def job_for(kind: Kind, rows: int, emulator: EmulatorProcess, place: Path) -> Job:
    """Return a job on the emulator's devices."""
    job = Job(
        kind=kind,
        rows=rows,
        url=emulator.url,
        token=emulator.token,
        journal=str(place / "crash.journal"),
        minute=MINUTE,
        limits=limits_for(kind),
        settle=SETTLE,
    )
    if kind == "create":
        return job
    ids = [device.id for device in asyncio.run(devices_of(job))]
    return attrs.evolve(job, device_ids=ids)


async def devices_of(job: Job) -> list[Device]:
    """Return all devices that there are."""
    async with job.client(attempts=LOOKS) as tago:
        return [device async for device in tago.devices.list()]


# --- killing -----------------------------------------------------------------------------------


def state_of(job: Job) -> tuple[int, int]:
    """Return how many rows were never sent, and of how many no one knows what became of them."""
    if not Path(job.journal).exists():
        return job.rows, 0
    with Journal.read(job.journal) as journal:
        counts = journal.counts()
    in_doubt = counts.get(EntryState.SENT, 0)
    return job.rows - counts.get(EntryState.DONE, 0) - in_doubt, in_doubt


def moments(kind: Kind, chance: random.Random) -> Iterator[tuple[str | None, int, float]]:
    """Yield the moments of a kind of job for ever, and between them any while rows are in work."""
    while True:
        for route, count, delay in MOMENTS[kind]:
            yield route, chance.randint(1, count), delay
            yield "", 0, 0.003


def killed(program: Program, job: Job, kills: int) -> set[str]:
    """Kill a program so many times, then let it end; return what it was killed in.

    That is which requests were under way, or that it had just begun, or waited before it looked.
    """
    chance = random.Random(f"{job.kind} {kills}")
    doing: set[str] = set()
    left, in_doubt = job.rows, 0
    at = moments(job.kind, chance)
    for to_come in range(kills, 0, -1):
        route, count, delay = next(at)
        # As many rows as leave some for every kill to come.
        most = max(left // (to_come + 1), 1)
        if route == "":
            route, count = job.routes[0], chance.randint(1, most)
        aim = Aim(route, count, chance.uniform(0, delay), most=most)
        life = program.live(job, aim)
        assert life.was_killed, life
        doing |= life.under_way or {_between(life, in_doubt)}
        left, in_doubt = state_of(job)
        assert left > 0, "it was killed in the middle of its work"
    life = program.live(job)
    assert (0, "") == (life.code, life.report["stopped"])
    assert job.rows == life.report["done"] + life.report["skipped"]
    assert (0, 0) == state_of(job)
    return doing


def _between(life: Life, in_doubt: int) -> str:
    """Return what a program does while no request is under way."""
    return SETTLING if life.sent and in_doubt else BEGINNING


def results(job: Job) -> dict[int, dict[str, Any]]:
    """Return what the journal holds of each row that is done."""
    with Journal.read(job.journal) as journal:
        return {
            entry.number: orjson.loads(entry.result or b"null")
            for entry in journal.rows(EntryState.DONE)
        }


async def owners(job: Job, tokens: list[str]) -> list[str | None]:
    """Return the name of the device that each token opens; None for one that is refused."""
    at_once = asyncio.Semaphore(16)

    async def owner(session: ClientSession, token: str) -> str | None:
        while True:
            try:
                async with (
                    at_once,
                    session.get(f"{job.url}/info", headers={"token": token}) as response,
                ):
                    answer = await response.json()
            except (ClientError, ContentTypeError):
                # The faults strike here too.
                continue
            return answer["result"]["name"] if answer["status"] else None

    async with ClientSession() as session:
        return await asyncio.gather(*(owner(session, token) for token in tokens))


# --- the promise -------------------------------------------------------------------------------


@pytest.mark.timeout(60 + PATIENCE * KILLS)
def test_create(tmp_path: Path) -> None:
    """Hundreds of devices, none of them twice; journal and results hold the token of each."""
    rows = max(350, 5 * KILLS)
    with emulator_for("create", rows) as emulator, Program() as program:
        job = job_for("create", rows, emulator, tmp_path)
        doing = killed(program, job, KILLS)
        stats = emulator.stats()
        made = results(job)
        command = Command(tmp_path, job.url, job.token)
        limits = ("--plan", "scale", "--minute", str(MINUTE))
        done = command.run("bulk", "resume", job.journal, "--out", "results.csv", *limits)
        names = sorted(device.name for device in asyncio.run(devices_of(job)))
        known = asyncio.run(owners(job, [made[row]["token"] for row in range(rows)]))

    wanted = [device_name(row) for row in range(rows)]
    assert wanted == names
    assert wanted == known
    assert (0, [made[row]["token"] for row in range(rows)]) == (
        done.code,
        tokens_of_rows(tmp_path / "results.csv"),
    )
    assert (rows, rows, {}) == (stats["devices"], stats["created"], stats["duplicates"])
    assert 0 == stats["rejected"]
    assert 3 < len(stats["routes"]["POST /device"]["windows"])
    assert all(stats["faults"].values())
    assert {
        BEGINNING,
        SETTLING,
        "GET /device",
        "GET /device/token/:device_id",
        "POST /device",
    } <= doing


@pytest.mark.timeout(60 + PATIENCE * FEWER_KILLS)
def test_edit(tmp_path: Path) -> None:
    """Each device is what its row wants."""
    rows = max(120, 5 * FEWER_KILLS)
    with emulator_for("edit", rows) as emulator, Program() as program:
        job = job_for("edit", rows, emulator, tmp_path)
        doing = killed(program, job, FEWER_KILLS)
        stats = emulator.stats()
        devices = {device.id: device for device in asyncio.run(devices_of(job))}

    for row, device_id in enumerate(job.device_ids):
        assert new_name(row) == devices[device_id].name
        assert [("row", str(row))] == [(tag.key, tag.value) for tag in devices[device_id].tags]
    assert (rows, 0) == (len(devices), stats["rejected"])
    assert {"PUT /device/:device_id"} < doing


@pytest.mark.timeout(60 + PATIENCE * FEWER_KILLS)
def test_delete(tmp_path: Path) -> None:
    """No device is left."""
    rows = max(120, 5 * FEWER_KILLS)
    with emulator_for("delete", rows) as emulator, Program() as program:
        job = job_for("delete", rows, emulator, tmp_path)
        doing = killed(program, job, FEWER_KILLS)
        stats = emulator.stats()

    assert (0, rows, 0) == (stats["devices"], stats["deleted"], stats["rejected"])
    assert {"DELETE /device/:device_id"} < doing


@pytest.mark.timeout(60 + PATIENCE * FEWER_KILLS)
def test_rotate(tmp_path: Path) -> None:
    """Each device has one token: the one that the journal holds, and the old one is refused."""
    rows = max(120, 5 * FEWER_KILLS)
    with emulator_for("rotate", rows) as emulator, Program() as program:
        job = job_for("rotate", rows, emulator, tmp_path)
        before = asyncio.run(tokens_of(job))
        names = {device.id: device.name for device in asyncio.run(devices_of(job))}
        doing = killed(program, job, FEWER_KILLS)
        stats = emulator.stats()
        after = asyncio.run(tokens_of(job))
        old, new = (
            asyncio.run(owners(job, [tokens[0] for tokens in some])) for some in (before, after)
        )
        made = results(job)

    assert [[made[row]["token"]] for row in range(rows)] == after
    assert [names[device_id] for device_id in job.device_ids] == new
    assert {None} == set(old)
    assert 0 == stats["rejected"]
    assert {BEGINNING, SETTLING, "POST /device/token", "DELETE /device/token/:token"} <= doing


def test_while_the_journal_is_made(tmp_path: Path) -> None:
    """There is none yet, or all of it: the program can begin again in any case."""
    with EmulatorProcess() as emulator, Program() as program:
        job = job_for("create", 3, emulator, tmp_path)
        lives: list[Job] = []
        made = 0
        while made < 5:
            lives.append(attrs.evolve(job, journal=str(tmp_path / f"{len(lives)}.journal")))
            # A little later each time.
            assert program.live(lives[-1], Aim(None, delay=len(lives) / 1000)).was_killed
            if Path(lives[-1].journal).exists():
                Journal.open(lives[-1].journal).close()
                made += 1
        begun = [life for life in lives if Path(f"{life.journal}.draft").exists()]
        ends = [program.live(life) for life in (*begun[:3], lives[-1])]

    assert made < len(lives)
    assert {0} == {life.code for life in ends}


async def tokens_of(job: Job) -> list[list[str]]:
    """Return the tokens of each device."""
    async with job.client(attempts=LOOKS) as tago:

        async def tokens(device_id: str) -> list[str]:
            return [one.token.reveal() async for one in tago.tokens.list(device_id)]

        return await asyncio.gather(*map(tokens, job.device_ids))
