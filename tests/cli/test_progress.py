"""What a person sees while a run goes on: a live view on a terminal, lines elsewhere."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Final

import pytest
from rich.console import Console

from tagodev._cli.output.display import LineDisplay, open_display
from tagodev._cli.output.progress import Progress, ProgressMeter, RouteProgress
from tagodev._cli.output.progress_live import LiveDisplay
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.cli.bulk.test_progress_meter import state
from tests.cli.support import Command, write_devices
from tests.cli.terminal import Terminal

FOLDER: Final = Path(__file__).with_name("snapshots")
BUSY: Final = Progress(
    3420,
    412.4,
    4412,
    5000,
    65.0,
    routes=(
        RouteProgress(route="POST /device", used=4412, limit=5000, rate=431.0, next_window_in=22.6),
        RouteProgress(
            route="GET /device/token/:device_id",
            used=7,
            limit=5000,
            rate=None,
            next_window_in=None,
        ),
    ),
    failed=12,
    failures=(
        "row 401: The service refused with 400: serie_number S1 is already in use in this profile",
        "row 520: No answer came in time\x1b[2J (POST /device)",
    ),
)


def drawn(width: int) -> str:
    """Return a picture as text."""
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=True, color_system=None)
    live = LiveDisplay("created", 6000, console)
    live.show(BUSY)
    console.print(live.get_renderable())
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


@pytest.mark.parametrize("width", [80, 200])
def test_the_live_view(width: int) -> None:
    """It is what was looked at, and found good: rows, windows, failures, at any width."""
    text = drawn(width)
    assert (FOLDER / f"live-{width}.txt").read_text("utf-8") == text
    assert all(len(line) <= width for line in text.splitlines())
    assert "\x1b" not in text


@pytest.mark.parametrize("width", range(40, 120, 7))
def test_no_line_is_broken(width: int) -> None:
    """A line for the rows, each route and each failure, however narrow the terminal is."""
    assert 6 == drawn(width).count("\n")


def test_when_it_has_ended() -> None:
    """Rows and failures stay; windows are of no interest any more."""
    file = io.StringIO()
    console = Console(file=file, width=100, force_terminal=True, color_system=None)
    with LiveDisplay("created", 6000, console) as live:
        live.show(BUSY)
    text = file.getvalue().rpartition("\x1b[2K")[2]

    assert "3420/6000" in text
    assert "12 failed or in doubt" in text
    assert "POST /device  " not in text
    assert "left" not in text


def test_what_is_said_stays_above() -> None:
    """Nothing that is told in between is drawn over."""
    file = io.StringIO()
    console = Console(file=file, width=100, force_terminal=True)
    with LiveDisplay("created", 10, console) as live:
        live.show(Progress(3, None, 0, 0, None))
        live.print_message("Stopping [bold]")
        live.show(Progress(10, None, 0, 0, None))
    seen = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())

    assert seen.index("3/10") < seen.index("Stopping [bold]") < seen.index("10/10")


# --- what is measured --------------------------------------------------------------------------


def test_routes_in_their_order() -> None:
    """That of the rows first, then the fullest; those that nobody asks are left out."""
    meter = ProgressMeter(100, 60.0, "POST /device")
    names = {"GET /a": 5, "GET /b": 50, "POST /device": 1, "GET /c": 0, "GET /d": 2, "GET /e": 1}
    progress = meter.measure(0.0, 0, [state(route=name, used=used) for name, used in names.items()])

    assert ["POST /device", "GET /b", "GET /a", "GET /d"] == [one.route for one in progress.routes]
    assert () == meter.measure(1.0, 0, [state(used=9, limit=10**9)]).routes


def test_rate_of_a_route() -> None:
    """It goes on through the beginning of a window, in which nothing was used yet."""
    meter = ProgressMeter(100, 60.0, "POST /device")
    readings = [(1.0, 10), (2.0, 20), (3.0, 30), (4.0, 10), (5.0, 20)]
    rates = [
        meter.measure(second, 0, [state(used=used)]).routes[0].rate for second, used in readings
    ]

    assert [None, 10.0, 10.0, 10.0, 10.0] == rates


# --- lines -------------------------------------------------------------------------------------


def test_lines_are_few(capsys: pytest.CaptureFixture[str]) -> None:
    """After five seconds, then less and less often, once a minute in the end."""
    now = 0.0
    said: list[float] = []
    lines = LineDisplay("created", 6000, lambda: now)
    with lines:
        for second in range(600):
            now = float(second)
            lines.show(BUSY)
            if capsys.readouterr().err:
                said.append(now)

    assert [5, 15, 35, 75, 135, 195, 255] == said[:7]
    assert 12 == len(said)


def test_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Everything in one line, without anything that a terminal would obey."""
    now = 0.0
    lines = LineDisplay("created", 6000, lambda: now)
    now = 5.0
    lines.show(BUSY)

    expected = "created 3420/6000, 412/s, window 4412/5000, 1 min 5 s left, 12 failed\n"
    assert expected == capsys.readouterr().err


@pytest.mark.parametrize(("variable", "value"), [("CI", "true"), ("TERM", "dumb")])
def test_where_there_is_nobody_to_look(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """A terminal that can't redraw, or that is a log, gets lines."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    for name in ("CI", "TERM"):
        monkeypatch.delenv(name, raising=False)
    assert isinstance(open_display("created", 1), LiveDisplay)
    monkeypatch.setenv(variable, value)
    assert isinstance(open_display("created", 1), LineDisplay)


# --- a whole run -------------------------------------------------------------------------------


def test_a_run_in_a_terminal(tmp_path: Path) -> None:
    """Somebody sees the window fill up, and what fails; in the end the rows alone."""
    rows = [f"c{n}" for n in range(60)]
    site = write_devices(tmp_path / "site.csv", rows)
    lines = site.read_text().splitlines()
    lines[0] += ",serie_number"
    lines[1:] = [f"{line},S{max(n, 1)}" for n, line in enumerate(lines[1:])]
    site.write_text("\n".join(lines) + "\n")
    with EmulatorProcess(EmulatorOptions(latency=0.4, minute=30)) as emulator:
        command = Command(tmp_path, emulator.url, emulator.token, {"CI": ""})
        seen = Terminal(command, 100).run(
            *("bulk", "create", "site.csv", "--plan", "scale", "--minute", "30")
        )
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.out)

    assert 6 == seen.code
    assert re.search(r"\n? *POST /device +\S+ +\d+/5000", text)
    assert re.search(r"new in \d+ s", text)
    assert "row 2: The service refused with 400: serie_number S1 is already in use" in text
    assert re.search(r"created +━+ +60/60", text)
    assert "1 failed or in doubt" in text
