"""Regular expressions take time in proportion to the text, whoever wrote it.

A pattern that backtracks needs minutes for some kilobytes of blanks, and holds up every task of the
event loop meanwhile. Each pattern of the package meets long runs of each character that patterns
are about, after each word of its own.
"""

from __future__ import annotations

import ast
import re
import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.modules import MODULES

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Characters that are repeated, and the length of the run.
CHARACTERS: Final = " \t\n0aF-_.,:;'\"<>[](){}#$*=/\\\u00e9"
LENGTH: Final = 4_000
#: Seconds of CPU time for one text. Linear patterns need about a thousandth, others much more.
MOST: Final = 0.05
#: Functions of `re` whose first argument is a pattern.
FUNCTIONS: Final = {
    "compile",
    "findall",
    "finditer",
    "fullmatch",
    "match",
    "search",
    "split",
    "sub",
}


def patterns() -> Iterator[tuple[str, str | bytes | None, frozenset[str]]]:
    """Yield place and source of each pattern, and the methods with which its module uses it.

    The source is None if it is put together at run time. The emulator is left out: it answers its
    own user only.
    """
    for module in MODULES:
        if ".emulator" in module.name:
            continue
        nodes = [*ast.walk(module.tree)]
        used = {node.attr for node in nodes if isinstance(node, ast.Attribute)} & FUNCTIONS
        for node in nodes:
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "re"
                and node.func.attr in FUNCTIONS
            ):
                pattern = node.args[0]
                written = pattern.value if isinstance(pattern, ast.Constant) else None
                assert written is None or isinstance(written, (str, bytes))
                yield f"{module.name}:{node.lineno}", written, frozenset(used - {"compile"})


WRITTEN: Final = {place: (pattern, used) for place, pattern, used in patterns() if pattern}


def seconds(pattern: re.Pattern[str], used: frozenset[str], text: str) -> float:
    """Return the CPU time of some methods of a pattern."""
    begin = time.process_time()
    if used & {"fullmatch", "match"}:
        pattern.fullmatch(text)
        pattern.match(text)
    if used - {"fullmatch", "match"}:
        pattern.search(text)
    return time.process_time() - begin


def slow_texts(written: str | bytes, used: frozenset[str]) -> list[str]:
    """Return the beginnings of the texts that take a pattern long."""
    # Patterns for bytes are the same for text of one byte a character.
    source = written if isinstance(written, str) else written.decode("latin-1")
    pattern = re.compile(source, re.IGNORECASE | re.DOTALL)
    words = ["", *re.findall(r"[A-Za-z<'\"][A-Za-z =-]{2,}", source)]
    texts = [word + one * LENGTH + "\0" for word in words for one in CHARACTERS]
    texts += [(word + one) * (LENGTH // 10) for word in words for one in CHARACTERS]
    # A second measurement: the machine may have been busy during the first.
    return [
        repr(text[:40])
        for text in texts
        if seconds(pattern, used, text) > MOST and seconds(pattern, used, text) > MOST
    ]


@pytest.mark.parametrize("place", WRITTEN)
def test_a_pattern_takes_time_in_proportion(place: str) -> None:
    """Thousands of characters take it no more than some milliseconds."""
    assert [] == slow_texts(*WRITTEN[place])


def test_patterns_are_not_put_together() -> None:
    """A pattern made of parts at run time can't be checked here."""
    assert [] == [place for place, pattern, _ in patterns() if pattern is None]


@pytest.mark.parametrize(
    "pattern",
    [
        r"exceeded the maximum limit of ([A-Za-z ]+?)\s*(?:\(|$)",
        r"retry-after\s*:?\s*([0-9]{1,9})",
        r"\s+$",
    ],
)
def test_backtracking_is_noticed(pattern: str) -> None:
    """The first two were in use here once."""
    assert slow_texts(pattern, frozenset({"search"}))
