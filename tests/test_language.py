"""Texts that users read are in the usual terms: no metaphors for structure, no riddles."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.modules import MODULES, Module
from tests.support.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Words that are no terms of this project, wherever a user may read them.
BANNED: Final = re.compile(
    r"\b(told|tells?|telling|whoever|somebody|nobody|manner|floors?|doors?|house|barren|ghosts?"
    r"|moods?|recipe|surroundings|at hand|in sight|what became of|becomes? of|goes without"
    r"|gives way|rooms?)\b",
    re.IGNORECASE,
)
#: Sample data of examples: names of devices, tags and variables.
SAMPLES: Final = re.compile(
    r"\b(cold|store|engine)[ -]rooms?\b|\b(tags?|row|param)\.\w+|\broom(?=[=:,\s]*[\d#{*v])"
    r"|\bdoor(?=[=:\"])|-k room|name room|\"(door|room)\"|ground floor|math\.floor|floor\("
    r"|(EXISTS|FROM|INTO) floors",
    re.IGNORECASE,
)
PAGES: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


def banned_in(text: str) -> list[str]:
    """Return the banned words of a text, each with what stands around it."""
    text = SAMPLES.sub("", text)
    return [text[max(0, one.start() - 30) : one.end() + 30] for one in BANNED.finditer(text)]


def prose_of(page: Path) -> str:
    """Return what a page says, without what is quoted as code."""
    text = re.sub(r"(?ms)^ *```.*?^ *```", "", page.read_text("utf-8"))
    return re.sub(r"`[^`]*`", "", text)


def texts_of(module: Module) -> Iterator[str]:
    """Yield the texts of a module that a program prints, and the docstrings of what is public."""
    private = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Module | ast.ClassDef | FUNCTIONS[0] | FUNCTIONS[1]):
            name = getattr(node, "name", "")
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and name.startswith("_"):
                private.add(id(first.value))
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Constant) or id(node) in private:
            continue
        # Names of files, keys and columns are no sentences.
        if isinstance(node.value, str) and " " in node.value:
            yield re.sub(r"`[^`]*`", "", node.value)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages(page: Path) -> None:
    """No page of the documentation has a banned word in its prose."""
    assert [] == banned_in(prose_of(page))


def test_modules() -> None:
    """No message, help text or public docstring of the package has a banned word."""
    found = {
        module.name: [word for text in texts_of(module) for word in banned_in(text)]
        for module in MODULES
    }

    assert {} == {name: words for name, words in found.items() if words}


def test_what_is_looked_for_is_found() -> None:
    """The check sees a banned word, and passes sample data."""
    assert ["s told what " in one for one in banned_in("The caller is told what to do")] == [True]
    assert [] == banned_in('Cold room 3 has tag.room=3, room: 7, and a variable "door"')
