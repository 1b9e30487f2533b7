"""Outcomes of items: each has a status of its own, and all are public."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import tagodev
from tagodev import Done, Failed, InDoubt, Pending
from tagodev._bulk import outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator


def of_the_package(cls: type[Any]) -> Iterator[type[Any]]:
    """Yield a class and its subclasses, without those of tests."""
    # A class with slots replaces one without, which stays a subclass until it is collected.
    if cls.__module__.startswith("tagodev.") and "__attrs_attrs__" in vars(cls):
        yield cls
    for other in cls.__subclasses__():
        yield from of_the_package(other)


#: All outcome classes by name.
OUTCOMES: dict[str, Any] = {
    cls.__name__: getattr(outcomes, cls.__name__)
    for base in (Done, Failed, InDoubt, Pending)
    for cls in of_the_package(base)
}


def test_all_are_found() -> None:
    """Done, one for each of the eight operations, and three that are not done."""
    assert 1 + 8 + 3 == len(OUTCOMES)


@pytest.mark.parametrize("name", OUTCOMES)
def test_each_states_its_status(name: str) -> None:
    """No outcome inherits a status, which would report it as something else."""
    assert "status" in vars(OUTCOMES[name])


def test_no_two_have_one_status() -> None:
    """Results and summaries count outcomes by their status."""
    assert len(OUTCOMES) == len({cls.status for cls in OUTCOMES.values()})


@pytest.mark.parametrize("name", OUTCOMES)
def test_each_is_public(name: str) -> None:
    """A caller matches outcomes by their classes."""
    assert OUTCOMES[name] is getattr(tagodev, name)
