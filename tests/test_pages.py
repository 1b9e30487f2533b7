"""Every block of the documentation and of the README, tried as a reader would.

``TAGODEV_UPDATE_PAGES=1`` writes what commands print into the pages; look at the difference before
it is kept.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tests.support.pages import READ_ONLY, Reader, blocks, comparable

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parent.parent
UPDATE: Final = bool(os.environ.get("TAGODEV_UPDATE_PAGES"))
#: Pages whose Python is tried by tests of their own.
PYTHON_ELSEWHERE: Final = {
    # Each block stands in an example.
    "docs/backends.md": "tests/test_examples.py",
    "docs/profiles.md": "tests/test_examples.py",
    # Each block is a file of tests.
    "docs/testing.md": "tests/test_testing.py",
    # Is heard with an SDK of OpenTelemetry.
    "docs/telemetry.md": "tests/test_telemetry.py",
}
PAGES: Final = sorted(
    str(page.relative_to(ROOT))
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
    if blocks(page)
)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_shows_is_what_happens(name: str, tmp_path: Path) -> None:
    """Read from top to bottom in an empty folder, every block works and prints what is shown."""
    page = ROOT / name
    shown, printed = [], []
    with Reader(tmp_path) as reader:
        for block in blocks(page):
            if block.language in ("python", "pycon") and name in PYTHON_ELSEWHERE:
                continue
            for command, said, came in reader.try_out(block):
                if came:
                    shown.append(f"$ {command}\n{said}")
                    printed.append(f"$ {command}\n{came.rstrip()}\n")
    if UPDATE:
        text = page.read_text("utf-8")
        for before, after in zip(shown, printed, strict=True):
            if comparable(before) != comparable(after):
                text = text.replace(before, after)
        page.write_text(text, "utf-8")
        return

    assert [comparable(one) for one in shown] == [comparable(one) for one in printed]


@pytest.mark.parametrize("name", PAGES)
def test_every_block_says_what_it_is(name: str) -> None:
    """None is left out for want of a language that somebody tries."""
    known = {"console", "sh", "python", "pycon", *READ_ONLY}

    assert [] == [one for one in blocks(ROOT / name) if not one.title and one.language not in known]


@pytest.mark.parametrize(("page", "test"), PYTHON_ELSEWHERE.items())
def test_tests_of_pages_are_there(page: str, test: str) -> None:
    """A page that is left to another test is named there."""
    assert Path(page).name in (ROOT / test).read_text("utf-8")


def test_the_readme_begins_with_installation_and_quick_start() -> None:
    """After what tagodev is come how to install it and how to create devices with it."""
    parts = re.split(r"(?m)^## (.*)$", (ROOT / "README.md").read_text("utf-8"))

    assert ["Install", "Quick start"] == parts[1:4:2]
    assert "$ tagodev plan " in parts[4]


def test_every_page_can_be_found() -> None:
    """The site's contents name each page once, and nothing that is not there."""
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))

    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert sorted(pages) == sorted(_named(settings["nav"]))


def _named(contents: Any) -> Iterator[str]:
    """Yield the pages that are named in a part of the site's contents."""
    if isinstance(contents, str):
        yield contents
        return
    for part in contents.values() if isinstance(contents, dict) else contents:
        yield from _named(part)
