"""``tagodev bulk report``: how a run went, as lines, as JSON, and as a page."""

from __future__ import annotations

import base64
import hashlib
import re
import stat
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Final

import pytest

from tagodev import HardLimits
from tagodev._bulk.journal.entry import Batch, EntryState, JournalInfo
from tagodev._bulk.journal.store import Journal
from tests.bulk.journals import pulled
from tests.cli.support import InProcess, tokens_of, write_devices

if TYPE_CHECKING:
    from pathlib import Path

#: A minute of the service's clock.
START: Final = 30_000_000
TOKEN: Final = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
SCRIPT: Final = "<script>alert('Grüße & 冷蔵室')</script>"
#: Elements that stand alone.
VOID: Final = {"meta", "link", "rect", "line", "br"}


def a_journal(path: Path, *, windows: int = 3, pause: int = 0, whole: bool = True) -> Path:
    """Make the journal of a run of some windows, with every outcome in it."""
    rows: list[Any] = [{"name": f"Cold room {number}"} for number in range(100 * windows)]
    # One of the slowest, so that its name is shown.
    rows[25] = {"name": SCRIPT + "long" * 30}
    info = JournalInfo(
        run="abcd1234",
        kind="create_devices",
        service="https://api.us-e1.tago.io",
        began=START * 60.0,
        keywords={"file": "/home/somebody/site.csv"},
    )
    with Journal.create(path, info) as journal:
        journal.record_limits(HardLimits.for_plan("scale").override("POST /device", 100))
        batch = Batch(pulled=pulled(rows), whole=whole)
        for number in range(len(rows)):
            window = number // 100
            place = START + window + (pause if window else 0)
            left = place * 60 + number % 100 / 10
            batch.sent.append((left, number))
            batch.asked["POST /device", 60.0, place] = number % 100 + 1
            state, error = EntryState.DONE, None
            if number % 20 == 7:
                state, error = EntryState.FAILED, f"The service refused 'Cold room {number}'"
            if number % 100 == 98:
                state, error = EntryState.UNSOLVED, "Several devices match"
            if number % 100 != 99:
                result = b'{"device_id": "%024d", "token": "%s"}' % (number, TOKEN.encode())
                took = 0.05 + number % 13 / 10
                batch.ended.append((int(state), 1, left + took, result, error, number))
        batch.asked["GET /device", 60.0, START] = 2
        journal.write(batch)
    return path


class Reader(HTMLParser):
    """Reads a page, and makes sure that every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that stands alone."""
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        """Close the element that was opened last."""
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note what is to be read, and the style sheet."""
        self.text += data


def page_of(in_process: InProcess, journal: Path) -> str:
    """Return the page of a journal."""
    done = in_process("bulk", "report", str(journal), "--html", "report.html")
    assert (0, "report.html\n") == (done.code, done.out)
    return (journal.parent / "report.html").read_text("utf-8")


def read(page: str) -> Reader:
    """Return a page as it was understood."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert [] == reader.open
    return reader


# --- the page ----------------------------------------------------------------------------------


def test_the_page_says_what_the_journal_says(in_process: InProcess, tmp_path: Path) -> None:
    """Outcomes, windows against the limit, reasons, the slowest rows, and how to go on."""
    text = read(page_of(in_process, a_journal(tmp_path / "site.journal"))).text

    assert "279 of 300 devices created" in text
    assert "created279" in text
    assert "failed15" in text
    assert "ambiguous3" in text
    assert "in doubt3" in text
    assert "300 requests, limit 100 per minute" in text
    assert "fullest window100 of 100" in text
    assert "The service refused …rows 8, 28, 48, …15" in text
    assert "Several devices matchrows 99, 199, 2993" in text
    assert "13Cold room 121.2 s1created" in text
    assert "To resume: tagodev bulk resume" in text
    assert "From site.csv, at https://api.us-e1.tago.io" in text
    assert "Other routes, far below their limits: GET /device 2." in text


def test_the_page_asks_nobody(in_process: InProcess, tmp_path: Path) -> None:
    """Nothing in it is elsewhere, no script runs, and its policy says so of this very style."""
    page = page_of(in_process, a_journal(tmp_path / "site.journal"))
    reader = read(page)
    links = {value for _, name, value in reader.attributes if name in {"href", "src", "action"}}
    tags = {tag for tag, _, _ in reader.attributes}
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = {
        part.split()[0]: part.split()[1]
        for _, name, value in reader.attributes
        if name == "content" and value.startswith("default-src")
        for part in value.split(";")
    }

    assert {"data:,"} == links
    assert not tags & {"script", "img", "iframe", "object", "form"}
    assert not re.search(r"url\(|@import|@font-face", style)
    assert not [name for _, name, _ in reader.attributes if name == "style" or name[:2] == "on"]
    assert {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    } == policy


def test_the_page_is_nobodys_script(in_process: InProcess, tmp_path: Path) -> None:
    """Names are shown as they are, whatever stands in them."""
    page = page_of(in_process, a_journal(tmp_path / "<b>site & 'co'<b>.journal"))
    text = read(page).text

    assert "<script" not in page
    assert "<b>site &" not in page
    assert SCRIPT + "long" in text
    assert "<b>site & 'co'<b>.journal" in text


def test_no_token_is_in_it(inside: InProcess, tmp_path: Path) -> None:
    """Neither the account's nor a device's, in whatever form the report is."""
    write_devices(tmp_path / "site.csv", ["a", "b", "c"])
    inside("bulk", "create", "site.csv", "--journal", "site.journal", "--plan", "scale")
    tokens = tokens_of(tmp_path / "site.results.csv")
    page = page_of(inside, tmp_path / "site.journal")
    texts = [inside("bulk", "report", "site.journal", *how).out for how in ((), ("--json",))]

    assert 3 == len(tokens)
    assert not [token for token in tokens if any(token[:8] in text for text in (page, *texts))]
    assert "3 of 3 devices created" in page


def test_the_page_is_its_owners(in_process: InProcess, tmp_path: Path) -> None:
    """Only the user can read the page; an earlier report is replaced."""
    journal = a_journal(tmp_path / "site.journal")
    page_of(in_process, journal)
    (tmp_path / "report.html").chmod(0o644)
    page_of(in_process, journal)

    assert 0o600 == stat.S_IMODE((tmp_path / "report.html").stat().st_mode)


@pytest.mark.parametrize("name", ["site.journal", "site.csv"])
def test_nothing_else_is_replaced(in_process: InProcess, tmp_path: Path, name: str) -> None:
    """2: what is no report stays, the journal itself above all."""
    (tmp_path / "site.csv").write_text("name\n")
    a_journal(tmp_path / "site.journal")
    before = (tmp_path / name).read_bytes()
    done = in_process("bulk", "report", "site.journal", "--html", name)

    assert 2 == done.code
    assert f"--html: {name} already exists and is not a report" in done.err
    assert before == (tmp_path / name).read_bytes()


@pytest.mark.parametrize("place", ["no/such/report.html", "."])
def test_a_place_that_can_not_be(in_process: InProcess, tmp_path: Path, place: str) -> None:
    """2: it is said which."""
    a_journal(tmp_path / "site.journal")
    done = in_process("bulk", "report", "site.journal", "--html", place)

    assert 2 == done.code
    assert "--html: " in done.err


# --- long runs, and odd ones -------------------------------------------------------------------


def test_a_run_of_many_windows(in_process: InProcess, tmp_path: Path) -> None:
    """Where there are more windows than fit, a bar is the fullest of several."""
    journal = Journal.create(
        tmp_path / "long.journal", JournalInfo(run="abcd1234", kind="send_data")
    )
    with journal:
        journal.write(
            Batch(asked={("POST /data", 60.0, START + n): 1 + n % 90 for n in range(1000)})
        )
    page = page_of(in_process, tmp_path / "long.journal")

    assert "each bar is the fullest of 8 windows" in read(page).text
    assert 125 == page.count('<rect class="bar"')
    assert "All 1,000 windows as a table" in page
    told = in_process("bulk", "report", "long.journal").out
    assert "POST /data: 45100 requests in 1000 windows, at most 90\n" in told


def test_a_run_with_a_pause(in_process: InProcess, tmp_path: Path) -> None:
    """Hours in which nothing was are a mark, and not a mile of nothing."""
    page = page_of(in_process, a_journal(tmp_path / "site.journal", pause=3000))

    assert '<line class="gap"' in page
    assert "⋯" in page
    assert 3 == page.count('<rect class="bar"')


def test_a_run_that_has_not_begun(in_process: InProcess, tmp_path: Path) -> None:
    """There is nothing to draw, and it is said how to begin."""
    info = JournalInfo(run="abcd1234", kind="create_devices", service="https://api.us-e1.tago.io")
    with Journal.create(tmp_path / "new.journal", info) as journal:
        journal.write(Batch(pulled=pulled([{"name": "a"}]), whole=True))
    text = read(page_of(in_process, tmp_path / "new.journal")).text

    assert "0 of 1 devices created" in text
    assert "tagodev bulk resume" in text
    assert "Slowest" not in text


def test_while_it_is_going_on(in_process: InProcess, tmp_path: Path) -> None:
    """Another process may work with the journal meanwhile, and that is said."""
    path = a_journal(tmp_path / "site.journal")
    with Journal.open(path):
        text = read(page_of(in_process, path)).text

    assert text.count("running") == 1
    assert "To resume" not in text


# --- lines and JSON ----------------------------------------------------------------------------


def test_lines(in_process: InProcess, tmp_path: Path) -> None:
    """Without a page the report is text, with control characters escaped."""
    a_journal(tmp_path / "site.journal")
    done = in_process("bulk", "report", "site.journal")

    assert (0, "") == (done.code, done.err)
    assert "279 of 300 devices created in 131.0 s, 297 attempts" in done.out
    assert "POST /device: 300 requests in 3 windows" in done.out
    assert done.out.count("  100 of 100\n") == 3
    assert "  15 x The service refused …\n" in done.out
    assert "To resume: tagodev bulk resume site.journal" in done.out


def test_json(in_process: InProcess, tmp_path: Path) -> None:
    """A program is given every figure."""
    a_journal(tmp_path / "site.journal")
    answer = in_process("bulk", "report", "site.journal", "--json").json()

    assert {"done": 279, "failed": 15, "unsolved": 3, "sent": 3} == answer["states"]
    assert [100, 100, 100] == [w["requests"] for w in answer["routes"][0]["windows"]]
    assert (100, 60.0, START * 60.0) == (
        answer["routes"][0]["limit"],
        answer["routes"][0]["minute"],
        answer["routes"][0]["windows"][0]["window_start"],
    )
    assert [15, 3] == [reason["rows"] for reason in answer["reasons"]]
    assert (13, 1.25, "Cold room 12") == (
        answer["slowest"][0]["row"],
        answer["slowest"][0]["seconds"],
        answer["slowest"][0]["name"],
    )


def test_no_journal(in_process: InProcess, tmp_path: Path) -> None:
    """1, in one line, where there is none."""
    done = in_process("bulk", "report", "nothing.journal")

    assert (1, 1) == (done.code, done.err.count("\n"))
    assert "nothing.journal" in done.err
