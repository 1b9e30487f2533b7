"""What one process holds of a route, driven by hand."""

from __future__ import annotations

from itertools import product

import pytest

from tagodev._limits.clock import ServerClock
from tagodev._limits.ledger.leases import LeaseBook, LeaseRequest
from tagodev._limits.window import Windows

START = 1_200_000.0
ROUTE = "POST /device"


def book() -> LeaseBook:
    """Return the book of a process whose clock shows START and the loop's time."""
    clock = ServerClock(fleet_slack=0.0, suspended=lambda: 0.0)
    clock.observe(0.994, 0.996, START)
    clock.observe(1.004, 1.006, START + 1)
    return LeaseBook(Windows(60.0, clock), 100, reserve=None, carried=1, loose=4)


def asked(book: LeaseBook, now: float) -> LeaseRequest:
    """Return the one ask that a waiting call makes."""
    (ask,) = book.requests(ROUTE, now, bulk=0, interactive=1)
    book.sent(ask)
    return ask


@pytest.mark.parametrize("grants", list(product([0, 2], repeat=3)))
def test_calls_are_counted_once_whatever_is_lost(grants: tuple[int, int, int]) -> None:
    """Calls that a failed exchange was to report are reported with those that came meanwhile."""
    leases = book()
    before, during, after = grants
    for _ in range(before):
        leases.note_interactive(10.0)
    first = asked(leases, 10.0)
    for _ in range(during):
        leases.note_interactive(10.1)
    leases.failed(first)
    leases.failed(asked(leases, 10.2))
    for _ in range(after):
        leases.note_interactive(10.3)

    assert before == first.interactive
    assert before + during + after == asked(leases, 10.4).interactive
    assert 0 == asked(leases, 10.5).interactive
