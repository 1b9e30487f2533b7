"""A run's report in a real browser: its figures, what it asks for, and how it fits a phone.

Pictures of the page lie in the test's folder afterwards (``--basetemp`` says where), to be looked
at.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import pytest

from tagodev import DeviceCreate, HardLimits, Tago
from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.cli.report.test_report import a_journal
from tests.cli.support import Command
from tests.support.browser import Browser, find_browser

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.browser import Tab

PROGRAM: Final = find_browser()

pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="there is no Chromium here: apt-get install chromium"
)

ROWS: Final = 6000
LIMIT: Final = 2500
#: What a reader sees, by what it is.
SEEN: Final = """(() => {
  const texts = (query) => [...document.querySelectorAll(query)].map((one) => one.textContent);
  const cells = (id) => [...document.querySelectorAll(`${id} tbody tr`)].map(
    (row) => [...row.cells].map((cell) => cell.textContent));
  return {
    title: document.title,
    headline: document.querySelector("h1").innerText,
    tiles: Object.fromEntries([...document.querySelectorAll(".tiles div")].map(
      (tile) => [tile.querySelector("dt").innerText, tile.querySelector("dd").innerText])),
    legend: texts("#outcomes li"),
    windows: cells("#windows"),
    failures: cells("#failures"),
    slowest: cells("#slowest"),
    bars: [...document.querySelector("#timeline .bars").querySelectorAll("rect")].map(
      (bar) => bar.getBoundingClientRect().height),
    line: document.querySelector("#timeline .limit-line").getBoundingClientRect().y,
    floor: document.querySelector("#timeline .bars").getBoundingClientRect().bottom,
  };
})()"""
#: What does not fit the width, and letters that are too small to read.
MISFITS: Final = """(() => {
  const wide = document.documentElement.clientWidth;
  const told = [];
  if (document.documentElement.scrollWidth > wide) told.push(document.documentElement.scrollWidth);
  const seen = [...document.querySelectorAll(".times i, .times span:not(:has(i))")].filter(
    (one) => getComputedStyle(one).visibility === "visible").map((one) => {
    const words = document.createRange();
    words.selectNodeContents(one);
    return words.getBoundingClientRect();
  });
  seen.slice(1).forEach((words, place) => {
    const before = seen[place];
    if (words.top === before.top && words.left < before.right + 2) told.push("words overlap");
  });
  for (const one of document.querySelectorAll("main *:not(svg *)")) {
    if (one.getBoundingClientRect().right > wide + 0.5) told.push(one.outerHTML.slice(0, 80));
    const letters = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (letters && parseFloat(getComputedStyle(one).fontSize) < 12) told.push(one.textContent);
  }
  return told;
})()"""
#: How far letters stand out from what is behind them, at the least, as WCAG 2 counts it.
CONTRAST: Final = """(() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[0-9.]+/g).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (one) => {
    const colour = getComputedStyle(one).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" ? behind(one.parentElement) : colour;
  };
  return Math.min(...[...document.querySelectorAll("main *:not(svg *)")].filter(
    (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim())
  ).map((one) => {
    const pair = [light(getComputedStyle(one).color), light(behind(one))].sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
  }));
})()"""


async def a_job(path: Path) -> dict[str, Any]:
    """Make six thousand devices over three windows, some of which the service refuses."""
    options = EmulatorOptions(minute=3, limits={"POST /device": LIMIT}, max_devices=ROWS)
    limits = HardLimits.for_plan("scale", 3.0).override("POST /device", LIMIT)
    # One in five hundred has a serial number that another has.
    specs = (
        DeviceCreate(name=f"Cold room {n}", serie_number=f"S{n if n % 500 else 1}")
        for n in range(ROWS)
    )
    async with EmulatorProcess(options) as emulator:
        async with Tago(emulator.token, api=emulator.url, plan=limits) as tago:
            await tago.devices.create_many(specs, journal=path)
        stats: dict[str, Any] = await asyncio.to_thread(emulator.stats)
        return stats


def ask(path: Path, statement: str) -> list[tuple[Any, ...]]:
    """Ask a journal's file itself."""
    with closing(sqlite3.connect(path)) as database:
        return database.execute(statement).fetchall()


async def open_report(tab: Tab, folder: Path) -> None:
    """Make the report of ``site.journal``, and open it."""
    done = await asyncio.to_thread(
        Command(folder).run, "bulk", "report", "site.journal", "--html", "report.html"
    )
    assert done.code == 0
    await tab.show((folder / "report.html").as_uri())


async def test_a_job_of_six_thousand_rows(tmp_path: Path) -> None:
    """Every figure on the page is the journal's, and the windows' sum is what the service saw."""
    assert PROGRAM is not None
    journal = tmp_path / "site.journal"
    stats = await a_job(journal)
    async with Browser.running(PROGRAM) as tab:
        await open_report(tab, tmp_path)
        seen = await tab.find(SEEN)
        requests = [told["request"]["url"] for told in tab.told("Network.requestWillBeSent")]
        complaints = tab.told("Log.entryAdded") + tab.told("Runtime.exceptionThrown")
        await tab.width(390)
        misfits = await tab.find(MISFITS)

    states = dict(ask(journal, "SELECT state, count(*) FROM rows GROUP BY state"))
    assert {2: ROWS - 12, 3: 12} == states
    assert f"{ROWS - 12:,} of 6,000 devices created" == seen["headline"] == seen["title"]
    assert [f"created{ROWS - 12:,}", "failed12"] == seen["legend"]
    assert ("12", "0", "0") == tuple(
        seen["tiles"][name] for name in ("failed", "in doubt", "sent more than once")
    )
    windows = Counter[str]()
    for _, route, count, _ in seen["windows"]:
        windows[route] += int(count.replace(",", ""))
    asked = dict(ask(journal, "SELECT route, sum(count) FROM asked GROUP BY route"))
    assert asked == windows
    assert ROWS == windows["POST /device"] == stats["routes"]["POST /device"]["accepted"]
    creations = [row for row in seen["windows"] if row[1] == "POST /device"]
    assert len(creations) >= 3
    assert {"2,500"} == {limit for *_, limit in creations}
    assert str(len(creations)) == seen["tiles"]["windows used"]
    ((reason, rows),) = seen["failures"]
    assert ("12", True) == (rows, "already in use" in reason)
    slowest = ask(
        journal,
        "SELECT number + 1 FROM rows WHERE ended IS NOT NULL ORDER BY max(ended - sent, 0) DESC,"
        " number LIMIT 10",
    )
    assert [f"{number:,}" for (number,) in slowest] == [row[0] for row in seen["slowest"]]

    # Drawn is what is written: each bar is as high as its number, in the limit's own measure.
    counts = [int(count.replace(",", "")) for _, _, count, _ in creations]
    assert [count for count in counts if count > LIMIT] == []
    measure = (seen["floor"] - 1 - seen["line"]) / LIMIT
    assert [count * measure for count in counts] == pytest.approx(seen["bars"], abs=2)

    assert [(tmp_path / "report.html").as_uri()] == [one for one in requests if one[:5] != "data:"]
    assert [] == complaints
    assert [] == misfits


async def test_it_fits_a_phone_and_a_desk(tmp_path: Path) -> None:
    """Nothing is wider than the screen, no letter too small or too faint, by day and by night."""
    assert PROGRAM is not None
    a_journal(tmp_path / "site.journal", windows=14, pause=3000)
    misfits: dict[str, list[Any]] = {}
    contrasts: dict[str, float] = {}
    papers: dict[str, str] = {}
    async with Browser.running(PROGRAM) as tab:
        await open_report(tab, tmp_path)
        await tab.find("document.querySelector('details').open = true")
        for scheme in ("light", "dark"):
            await tab.scheme(scheme)
            for width in (320, 390, 1280):
                await tab.width(width)
                misfits[f"{scheme} {width}"] = await tab.find(MISFITS)
                picture = await tab.picture()
                await asyncio.to_thread(
                    (tmp_path / f"report-{scheme}-{width}.png").write_bytes, picture
                )
            contrasts[scheme] = await tab.find(CONTRAST)
            papers[scheme] = await tab.find("getComputedStyle(document.body).backgroundColor")

    assert [] == [name for name, found in misfits.items() if found], misfits
    assert papers["light"] != papers["dark"]
    assert 4.5 <= min(contrasts.values()), contrasts


async def test_no_script_runs_in_it(tmp_path: Path) -> None:
    """The policy blocks content that is added later."""
    assert PROGRAM is not None
    a_journal(tmp_path / "site.journal")
    put_in = (
        "const one = document.createElement('script'); one.textContent = 'window.ran = true';"
        "document.body.append(one);"
        "const two = new Image(); two.src = 'http://127.0.0.1:9/'; document.body.append(two);"
        "window.ran === undefined"
    )
    async with Browser.running(PROGRAM) as tab:
        await open_report(tab, tmp_path)
        assert await tab.find(put_in)
        failed = await tab.wait_for("Network.loadingFailed")

    assert "csp" == failed["blockedReason"]
