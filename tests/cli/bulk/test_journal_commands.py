"""``bulk status``, ``export`` and ``untag``, and what is written down of other work than making."""

from __future__ import annotations

import asyncio
import stat
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tagodev import Tago
from tagodev._bulk.journal.entry import Batch, EntryState, JournalInfo
from tagodev._bulk.journal.prefill import fill_journal
from tagodev._bulk.journal.store import Journal
from tests.cli.bulk.test_journalled_run import accepts
from tests.cli.support import InProcess, read_results, read_rows, tokens_of, write_devices

if TYPE_CHECKING:
    from pathlib import Path

    from tagodev.emulator import EmulatorProcess
    from tests.cli.support import Done

SCALE = ("--plan", "scale")


@pytest.fixture
def made(inside: InProcess, tmp_path: Path) -> Path:
    """Give the results of three devices made with ``site.journal``."""
    write_devices(tmp_path / "site.csv", ["a", "b", "c"])
    done = inside("bulk", "create", "site.csv", "--journal", "site.journal", *SCALE)
    assert done.code == 0
    return tmp_path / "site.results.csv"


def write_journal(
    path: Path, rows: int, batch: Batch, *, run: str = "0123abcd", **more: Any
) -> None:
    """Write a journal as a run would have left it."""
    info = JournalInfo(
        run=run,
        kind="create_devices",
        options={"identity": "tag"},
        service="http://127.0.0.1:9",
        **more,
    )
    fill_journal(path, info, ((number, b'{"name":"s%d"}' % number) for number in range(rows)))
    with Journal.open(path) as journal:
        journal.write(batch)


def kinds_of_end() -> Batch:
    """Return what leaves one row in each state, but none pending."""
    return Batch(
        sent=[(1_700_000_000.0, 0), (1_700_000_001.0, 1), (1_700_000_002.0, 2), (1.0, 3)],
        ended=[
            (2, 1, 1_700_000_010.0, b'{"device_id":"d1","token":"t-1"}', None, 1),
            (3, 1, 1_700_000_011.0, None, "no, said the service", 2),
            (4, 1, 1_700_000_012.0, None, "two of them", 3),
        ],
    )


# --- status --------------------------------------------------------------------------------------


def test_status_of_several(in_process: InProcess, tmp_path: Path) -> None:
    """Each journal has its status and the next command; any other file is an error, and 1."""
    write_journal(tmp_path / "odd one.journal", 6, kinds_of_end(), began=1_600_000_000.0)
    write_journal(tmp_path / "new.journal", 1, Batch(), run="4567abcd")
    (tmp_path / "none.journal").write_text("name\na\n")
    done = in_process("bulk", "status", "odd one.journal", "none.journal", "new.journal")
    assert done.code == 1
    assert done.err.startswith("tagodev: none.journal: ")
    assert done.out.splitlines()[:8] == [
        "odd one.journal: 1 of 6 devices created",
        "  1 failed, 1 in doubt, 1 ambiguous, 2 pending",
        "  at http://127.0.0.1:9, run 0123abcd",
        "  started 2020-09-13T12:26:40+00:00, last activity 2023-11-14T22:13:32+00:00",
        "  To resume: tagodev bulk resume 'odd one.journal'",
        "  To retry 1 failed row: tagodev bulk retry-failed 'odd one.journal'",
        "  1 row matched several devices or tokens: check the results",
        "new.journal: 0 of 1 devices created",
    ]


def test_status_for_a_program(in_process: InProcess, tmp_path: Path) -> None:
    """As JSON everything has a name, and times are in UTC."""
    write_journal(tmp_path / "x.journal", 4, kinds_of_end(), keywords={"file": "/x.csv"})
    (shown,) = in_process("bulk", "status", "x.journal", "--json").json()["journals"]
    began = shown.pop("began")
    assert began.endswith("+00:00")
    assert shown == {
        "journal": "x.journal",
        "kind": "create_devices",
        "service": "http://127.0.0.1:9",
        "run": "0123abcd",
        "file": "/x.csv",
        "out": None,
        "last_activity": "2023-11-14T22:13:32+00:00",
        "running": False,
        "rows": 4,
        "pending": 0,
        "in_doubt": 1,
        "done": 1,
        "failed": 1,
        "unsolved": 1,
        "whole": True,
        "complete": False,
        "problem": None,
        "next": [
            "To resume: tagodev bulk resume x.journal",
            "To retry 1 failed row: tagodev bulk retry-failed x.journal",
            "1 row matched several devices or tokens: check the results",
        ],
    }


def test_status_of_a_complete_run(inside: InProcess, made: Path) -> None:
    """What is done is said to be, and nothing else is to do; the journal is left as it was."""
    done = inside("bulk", "status", "site.journal")
    assert (done.code, done.err) == (0, "")
    assert "3 of 3 devices created" in done.out
    assert f"from {made.parent / 'site.csv'}" in done.out
    assert done.out.endswith("  Complete\n")
    names = {path.name for path in made.parent.glob("site.journal*")}
    assert names == {"site.journal", "site.journal.lock"}


# --- export --------------------------------------------------------------------------------------


def test_export_is_what_the_results_are(inside: InProcess, made: Path) -> None:
    """On standard output stands the results file, tokens and all; a warning stands beside."""
    done = inside("bulk", "export", "site.journal")
    assert (done.code, done.out) == (0, made.read_text())
    assert "tokens" in done.err


def test_export_as_json_lines(in_process: InProcess, tmp_path: Path) -> None:
    """One object a row, with when it was sent and when it ended; the file is its owner's alone."""
    write_journal(tmp_path / "x.journal", 4, kinds_of_end())
    done = in_process("bulk", "export", "x.journal", "--format", "jsonl", "--out", "x.jsonl")
    assert (done.code, done.out) == (0, "")
    assert 0o600 == stat.S_IMODE((tmp_path / "x.jsonl").stat().st_mode)
    rows = [orjson.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert ["in_doubt", "created", "failed", "in_doubt"] == [row["status"] for row in rows]
    assert rows[1] == {
        "row": 2,
        "name": "s1",
        "device_id": "d1",
        "token": "t-1",
        "status": "created",
        "error": None,
        "attempts": 1,
        "sent": "2023-11-14T22:13:21+00:00",
        "ended": "2023-11-14T22:13:30+00:00",
    }
    assert rows[2]["error"] == "no, said the service"
    again = in_process("bulk", "export", "x.journal", "--out", "x.jsonl")
    assert again.code == 2
    assert "x.jsonl already exists" in again.err
    assert rows == [orjson.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]


def test_several_journals(in_process: InProcess, tmp_path: Path) -> None:
    """Only the journals of a folder are exported; a column names the journal of each row."""
    folder = tmp_path / "jobs"
    folder.mkdir()
    for name, run in (("b.journal", "0123abcd"), ("a", "4567abcd")):
        write_journal(folder / name, 4, kinds_of_end(), run=run)
    (folder / "b.results.csv").write_text("row\n")
    (folder / "other.sqlite").write_bytes(b"SQLite format 3\0" + bytes(84))
    looks = in_process("bulk", "status", "jobs", "--json").json()["journals"]
    assert ["jobs/a", "jobs/b.journal"] == [look["journal"] for look in looks]
    lines = in_process("bulk", "export", "jobs").out.splitlines()
    assert "journal,row,name,device_id,token,status,error" == lines[0]
    assert ["jobs/a"] * 4 + ["jobs/b.journal"] * 4 == [line.split(",")[0] for line in lines[1:]]
    both = ("jobs/b.journal", "jobs/a", "--format", "jsonl")
    rows = [orjson.loads(line) for line in in_process("bulk", "export", *both).out.splitlines()]
    assert [("jobs/b.journal", 1), ("jobs/a", 1)] == [
        (row["journal"], row["row"]) for row in rows[::4]
    ]


def test_the_present_folder(
    in_process: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journals of the current folder are listed; 2 if there is none."""
    none = in_process("bulk", "status")
    assert (none.code, none.out) == (2, "")
    assert f"{tmp_path}: no journal in this folder" in none.err
    write_journal(tmp_path / "x.journal", 4, kinds_of_end())
    assert in_process("bulk", "status").out.startswith("x.journal: 1 of 4 devices created")
    nothing = in_process("bulk", "export")
    assert (nothing.code, nothing.out) == (2, "")
    monkeypatch.setattr("tagodev._cli.bulk.journal_commands.is_journal", _refused)
    refused = in_process("bulk", "status")
    assert (refused.code, refused.out) == (2, "")
    assert "Permission denied" in refused.err


def _refused(path: Path) -> bool:
    raise PermissionError(13, "Permission denied", str(path))


# --- results -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "tokens",
        "",
        "row,name,device_id,token,status,error\n1,s0,other,t,created,\n",
        "row,name,device_id,token,status,error\n1,s0,,other,created,\n",
        "row,name,device_id,token,status,error\n7,s0,,,pending,\n",
        'row,name,device_id,token,status,error\n1,"s0\n',
        "row,name,device_id,token,status,error\n1,s0\n",
    ],
)
@pytest.mark.parametrize("command", [("create", "site.csv", "--journal"), ("resume",)])
def test_what_is_no_result_of_the_journal_stays(
    inside: InProcess, made: Path, command: tuple[str, ...], content: str
) -> None:
    """2: nothing is overwritten that is not an earlier result, and nothing is sent."""
    (made.parent / "out.csv").write_text(content)
    done = inside("bulk", *command, "site.journal", "--out", "out.csv")
    assert done.code == 2
    assert "out.csv already exists and is not an earlier results file of this journal" in done.err
    assert content == (made.parent / "out.csv").read_text()


def test_an_earlier_result_is_replaced(inside: InProcess, made: Path) -> None:
    """A file with less of the same rows, as from an interrupted run, is replaced."""
    whole = made.read_text()
    made.write_text("row,name,device_id,token,status,error\n1,a,,,pending,\n")
    assert 0 == inside("bulk", "resume", "site.journal").code
    assert whole == made.read_text()
    assert 0o600 == stat.S_IMODE(made.stat().st_mode)


@pytest.mark.parametrize("out", ["no/such/folder.csv", "folder"])
def test_results_that_can_not_be_written(inside: InProcess, tmp_path: Path, out: str) -> None:
    """2: it is said before anything is sent."""
    (tmp_path / "folder").mkdir()
    write_devices(tmp_path / "site.csv", ["a"])
    done = inside("bulk", "create", "site.csv", "--journal", "j", *SCALE, "--out", out)
    assert done.code == 2
    assert "--out: " in done.err
    assert not (tmp_path / "j").exists() or {EntryState.PENDING: 1} == read_rows(tmp_path / "j")


# --- the input that a journal is of ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["a", "x", "c"], "row 2 is different"),
        (["a", "b"], "the input ends before row 3"),
        (["a", "b", "c", "d"], "it ends before row"),
    ],
)
def test_another_input_is_refused(
    inside: InProcess, made: Path, shared_emulator: EmulatorProcess, names: list[str], problem: str
) -> None:
    """1: a journal is of one input; what differs is said, and nothing is sent."""
    before = shared_emulator.stats()["accepted"]
    write_devices(made.parent / "site.csv", names)
    done = inside("bulk", "create", "site.csv", "--journal", "site.journal", *SCALE)
    assert (done.code, done.out) == (1, "")
    assert f"site.journal: the journal belongs to another input: {problem}" in done.err
    assert before == shared_emulator.stats()["accepted"]


@pytest.mark.parametrize(
    "other",
    [("create", "site.csv", "--identity", "name"), ("delete", "site.results.csv")],
)
def test_another_job_is_refused(inside: InProcess, made: Path, other: tuple[str, ...]) -> None:
    """1: a journal is of one job, done in one way."""
    done = inside("bulk", *other, "--journal", "site.journal", *SCALE)
    assert done.code == 1
    assert "site.journal: this journal " in done.err
    assert "name another journal" in done.err
    assert "{" not in done.err


def test_what_devices_are_known_by(inside: InProcess, tmp_path: Path) -> None:
    """2: each row must have it, and no two rows the same."""
    (tmp_path / "site.csv").write_text("name,serie_number\na,1\n\nb,\nc,1\na,2\n")
    command = ("bulk", "create", "site.csv", "--journal", "x", *SCALE, "--identity")
    done = inside(*command, "serial")
    assert (done.code, done.err.splitlines()) == (
        2,
        [
            "site.csv:4: serie_number: is required to identify the device",
            "site.csv:5: serie_number: must be unique, but line 2 has the same",
        ],
    )
    done = inside(*command, "name")
    assert done.err == ("site.csv:6: name: must be unique, but line 2 has the same\n")
    row = {"name": "full", "tags": [{"key": f"k{n}", "value": "v"} for n in range(30)]}
    (tmp_path / "site.csv").unlink()
    (tmp_path / "full.jsonl").write_bytes(orjson.dumps(row))
    done = inside("bulk", "create", "full.jsonl", "--journal", "x", *SCALE)
    assert done.code == 2
    assert done.err.startswith("full.jsonl:1: tags: 30 tags leave none for the tag that")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("identity", ["serial", "name"])
def test_known_by_other_marks(inside: InProcess, tmp_path: Path, identity: str) -> None:
    """Devices that are known by what they have anyway get no tag."""
    (tmp_path / "site.csv").write_text(f"name,serie_number\n{identity} 1,{identity}-1\n")
    command = ("bulk", "create", "site.csv", "--journal", "x", *SCALE, "--identity", identity)
    assert 0 == inside(*command).code
    done = inside("bulk", "untag", "x")
    assert (done.code, done.out) == (1, "")
    assert "x: this run did not tag any devices" in done.err


@pytest.mark.parametrize(
    "options",
    [
        ("--identity", "tag"),
        ("--settle", "1"),
        ("--journal", "x", "--settle", "-1"),
        ("--max-failures", "-1"),
    ],
)
def test_options_that_can_not_be_meant(
    inside: InProcess, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """2: an option that would do nothing, or is out of bounds, is named."""
    write_devices(tmp_path / "site.csv", ["a"])
    done = inside("bulk", "create", "site.csv", *SCALE, *options)
    assert (done.code, done.out) == (2, "")
    assert options[-2] in done.err


# --- untag ---------------------------------------------------------------------------------------


def test_untag(inside: InProcess, made: Path) -> None:
    """The run's own tag goes, the others stay, and doing it twice does no harm."""
    with Journal.read(made.parent / "site.journal") as journal:
        tag = f"tagodev.{journal.info.run}"
    done = inside("bulk", "untag", "site.journal", "--json")
    answer = done.json()
    assert answer.pop("elapsed_s") >= 0
    assert (done.code, answer) == (
        0,
        {
            "journal": "site.journal",
            "tag": tag,
            "devices": 3,
            "untagged": 3,
            "throttled": 0,
            "stopped": None,
        },
    )
    again = inside("bulk", "untag", "site.journal")
    assert (again.code, again.out) == (0, f"No device has the tag {tag}\n")
    assert {"site": "dairy"} == tags_of(read_results(made)[0]["device_id"])


def tags_of(device_id: str) -> dict[str, str]:
    """Return the tags of a device of the service that the environment names."""

    async def ask() -> dict[str, str]:
        async with Tago(plan="scale") as tago:
            device = await tago.devices.info(device_id)
            return {tag.key: tag.value for tag in device.tags}

    return asyncio.run(ask())


def test_untag_waits_until_nothing_is_in_doubt(in_process: InProcess, tmp_path: Path) -> None:
    """1: rows in doubt are looked up by the tag."""
    write_journal(tmp_path / "x.journal", 6, kinds_of_end())
    done = in_process("bulk", "untag", "x.journal", "--token", "made-up")
    assert done.code == 1
    assert "the run still needs its tags: 1 row in doubt" in done.err
    assert "tagodev bulk resume x.journal" in done.err


# --- other work ----------------------------------------------------------------------------------


def test_delete_with_a_journal(
    inside: InProcess, made: Path, shared_emulator: EmulatorProcess
) -> None:
    """Rows are numbered as in the file, also behind rows that were skipped."""
    before = shared_emulator.stats()["devices"]
    ids = [row["device_id"] for row in read_results(made)]
    (made.parent / "gone.csv").write_text(f"id,name\n{ids[0]},a\n,never made\n{ids[1]},b\n")
    command = ("bulk", "delete", "gone.csv", "--yes", "--journal", "gone.journal", *SCALE, "--json")
    done = inside(*command)
    assert (done.code, done.json()["deleted"], done.json()["rows"]) == (0, 2, 2)
    assert before - 2 == shared_emulator.stats()["devices"]
    rows = read_results(made.parent / "gone.deleted.csv")
    assert [("1", ids[0], "deleted"), ("3", ids[1], "deleted")] == [
        (row["row"], row["device_id"], row["status"]) for row in rows
    ]
    assert 2 == inside(*command).json()["skipped"]
    resumed = inside("bulk", "resume", "gone.journal", "--json")
    assert (resumed.code, resumed.json()["deleted"]) == (0, 2)


@pytest.mark.parametrize("journal", [(), ("--journal", "x.journal")])
def test_edit(inside: InProcess, made: Path, journal: tuple[str, ...]) -> None:
    """Fields that a row gives are changed, others stay; rows that change nothing are skipped."""
    ids = [row["device_id"] for row in read_results(made)]
    (made.parent / "changes.csv").write_text(
        "device_id,name,tag.site\n"
        f"{ids[0]},new name,\n"
        f"{ids[1]},,other\n"
        f"{ids[2]},,\n"
        "5f5a8f3351d4db99c40d0000,no such,\n"
    )
    done = inside("bulk", "edit", "changes.csv", *journal, *SCALE, "--json")
    assert (done.code, done.json()["edited"], done.json()["failed"]) == (6, 2, 1)
    assert "Skipped 1 row without changes" in done.err
    rows = sorted(read_results(made.parent / "changes.edited.csv"), key=lambda row: row["row"])
    assert ["edited", "edited", "failed"] == [row["status"] for row in rows]
    assert [*ids[:2], "5f5a8f3351d4db99c40d0000"] == [row["device_id"] for row in rows]
    assert {"site": "other"} == tags_of(ids[1])
    assert "dairy" == tags_of(ids[0])["site"]


def test_rotate(inside: InProcess, made: Path, shared_emulator: EmulatorProcess) -> None:
    """Each token has a successor that the service accepts, and is gone; twice does nothing more."""
    old = tokens_of(made)
    done = inside("bulk", "rotate", made.name, "--yes", *SCALE, "--json")
    assert (done.code, done.json()["rotated"]) == (0, 3)
    assert done.json()["journal"] == "site.rotation.journal"
    new = tokens_of(made.parent / "site.rotated.csv")
    assert 3 == len(set(new) - set(old))
    assert [True] * 3 == [accepts(shared_emulator, token) for token in new]
    assert [False] * 3 == [accepts(shared_emulator, token) for token in old]
    assert not any(token in done.out + done.err for token in (*old, *new))
    again = inside("bulk", "rotate", made.name, "--yes", *SCALE, "--json")
    assert (again.code, again.json()["skipped"]) == (0, 3)
    assert new == tokens_of(made.parent / "site.rotated.csv")


def test_an_empty_cell_rotates_nothing(
    inside: InProcess, made: Path, shared_emulator: EmulatorProcess
) -> None:
    """2: the whole file is refused, and every token is as it was."""
    old = tokens_of(made)
    lines = made.read_text().splitlines()
    lines[2] = lines[2].replace(old[1], "")
    lines.append("4,never made,,,failed,no")
    (made.parent / "rotate.csv").write_text("\n".join(lines) + "\n")
    done = inside("bulk", "rotate", "rotate.csv", "--yes", *SCALE)
    assert (done.code, done.out) == (2, "")
    (problem,) = done.err.splitlines()
    assert problem.startswith("rotate.csv:3: token")
    assert problem.endswith("is empty; give the token to replace")
    assert [True] * 3 == [accepts(shared_emulator, token) for token in old]
    assert not (made.parent / "rotate.rotation.journal").exists()


def test_a_serial_number_takes_a_gap(
    inside: InProcess, tmp_path: Path, shared_emulator: EmulatorProcess
) -> None:
    """A token with a serial number is rotated only where a gap is allowed."""
    (tmp_path / "one.csv").write_text("name,serie_number\ngap,gap-1\n")
    inside("bulk", "create", "one.csv", *SCALE)
    refused: Done = inside("bulk", "rotate", "one.results.csv", "--yes", *SCALE, "--journal", "a")
    assert refused.code == 6
    (row,) = read_results(tmp_path / "one.rotated.csv")
    assert "serial number" in row["error"]
    assert accepts(shared_emulator, tokens_of(tmp_path / "one.results.csv")[0])
    allowed = ("--allow-gap", "--journal", "b", "--out", "b.csv")
    assert 0 == inside("bulk", "rotate", "one.results.csv", "--yes", *SCALE, *allowed).code
    assert accepts(shared_emulator, tokens_of(tmp_path / "b.csv")[0])
