"""Signatures: what is derived from them, and what a call that does not fit them raises."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest

from tagodev import DeviceFilter, InputError, Secret
from tagodev._signatures import strict

if TYPE_CHECKING:
    from collections.abc import Iterable


@strict
class Sample:
    """A class with one method of each kind of argument."""

    def __init__(self, *, size: int = 0) -> None:
        self.size = size

    def take(
        self,
        number: float = 0,
        *,
        name: str | None = None,
        token: str | Secret = "",
        filter: DeviceFilter | None = None,  # noqa: A002
        words: Iterable[str] = (),
    ) -> tuple[Any, ...]:
        """Return what was given."""
        return number, name, token, filter, words

    async def take_later(self, count: int) -> int:
        """Return what was given, later."""
        return count

    def _hidden(self, value: str) -> object:
        return value


@pytest.mark.parametrize(
    "good",
    [
        {"number": 1},
        {"number": 1.5, "name": "a"},
        {"name": None, "token": Secret("a")},
        {"filter": DeviceFilter(name="a"), "words": "not checked here"},
        {"words": 5},
    ],
)
def test_what_a_signature_allows_passes(good: dict[str, Any]) -> None:
    """The method gets exactly what was given."""
    given = {"number": 0, "name": None, "token": "", "filter": None, "words": (), **good}

    assert tuple(given.values()) == Sample().take(**good)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"number": "1"}, "number: must be a number, not str"),
        ({"number": True}, "number: must be a number, not bool"),
        ({"name": 5}, "name: must be text or None, not int"),
        ({"token": 5}, "token: must be text or a Secret, not int"),
        (
            {"filter": {"name": "a"}},
            "filter: must be a DeviceFilter or None, not dict. Write DeviceFilter(...)",
        ),
    ],
)
def test_what_it_does_not_allow_is_named(wrong: dict[str, Any], message: str) -> None:
    """By argument and type; the value is not repeated, since it may be a token."""
    with pytest.raises(InputError) as caught:
        Sample().take(**wrong)

    assert message == str(caught.value)


async def test_a_coroutine_raises_when_awaited() -> None:
    """A wrong value is found among others' results; a wrong keyword is a mistake in the program."""
    later: Any = Sample().take_later
    waiting = later("x")
    with pytest.raises(InputError, match="count: must be a whole number, not str"):
        await waiting
    with pytest.raises(TypeError, match=r"did you mean 'count'\?"):
        later(cuont=1)

    assert 1 == await later(1)


def test_python_says_what_it_says_of_other_mistakes() -> None:
    """A missing argument, and one too many."""
    later: Any = Sample().take_later
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'count'"):
        later()
    with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
        later(1, 2)


def test_a_constructor_checks_its_keywords_only() -> None:
    """Its values are its own affair; a subclass is named by its own name."""
    sub: Any = type("Sub", (Sample,), {})

    assert "x" == sub(size="x").size
    with pytest.raises(TypeError, match=r"^Sub\(\) got an unexpected keyword argument 'sise'"):
        sub(sise=1)


def test_what_is_not_public_is_left_alone() -> None:
    """Nobody else calls it."""
    sample: Any = Sample()

    assert 5 == sample._hidden(5)


def test_a_method_shows_its_own_signature() -> None:
    """Help, editors and documentation read it."""
    assert ["self", "count"] == [*inspect.signature(Sample.take_later).parameters]
    assert "Return what was given, later." == Sample.take_later.__doc__


def test_keywords_that_can_not_be_checked_are_a_mistake() -> None:
    """A new kind of ``**keywords`` must be made known before it can be used."""

    class Loose:
        def take(self, **anything: int) -> None:
            """Take anything."""

    with pytest.raises(TypeError, match=r"Loose\.take: no run-time check"):
        strict(Loose)
