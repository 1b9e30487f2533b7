"""The line of waiters."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from tagodev._limits.wait_queue import Priority, Waiter, WaitQueue


def waiter(ticket: int, priority: Priority = Priority.BULK, run: int = 1) -> Waiter:
    """Return a waiter that does nothing with its grant."""
    return Waiter(ticket, lambda _: None, priority, run, 0.0)


def drain(line: WaitQueue, priority: Priority) -> list[int]:
    """Take everybody out of a priority, and return the tickets in order."""
    tickets = []
    while line.head(priority) is not None:
        tickets.append(line.pop(priority).ticket)
    return tickets


def test_interactive_is_first_come_first_served() -> None:
    """Inside the interactive priority lower tickets go first."""
    line = WaitQueue()
    for ticket in (3, 1, 2):
        line.join(waiter(ticket, Priority.INTERACTIVE))
    assert drain(line, Priority.INTERACTIVE) == [1, 2, 3]


def test_runs_take_turns() -> None:
    """A run of two does not wait for a run of five."""
    line = WaitQueue()
    for ticket in range(5):
        line.join(waiter(ticket, run=1))
    for ticket in (10, 11):
        line.join(waiter(ticket, run=2))
    assert drain(line, Priority.BULK) == [0, 10, 1, 11, 2, 3, 4]


def test_three_runs_take_turns_in_the_order_of_their_coming() -> None:
    """Each has its turn before any has its second."""
    line = WaitQueue()
    for run in (1, 2, 3):
        for ticket in range(3):
            line.join(waiter(10 * run + ticket, run=run))
    assert drain(line, Priority.BULK) == [10, 20, 30, 11, 21, 31, 12, 22, 32]


def test_who_came_back_waits_for_those_before_him() -> None:
    """A ticket that is neither the oldest nor the newest is in between."""
    line = WaitQueue()
    for ticket in (5, 7, 6):
        line.join(waiter(ticket))
    assert drain(line, Priority.BULK) == [5, 6, 7]


def test_a_ticket_that_comes_back_keeps_its_place() -> None:
    """A request that met a 429 goes before those who came later."""
    line = WaitQueue()
    line.join(waiter(1))
    first = line.pop(Priority.BULK)
    for ticket in (2, 3):
        line.join(waiter(ticket))
    line.join(waiter(first.ticket))
    assert drain(line, Priority.BULK) == [1, 2, 3]


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.booleans()), max_size=200))
def test_who_leaves_is_never_served_and_nobody_else_is_lost(
    people: list[tuple[int, bool, bool]],
) -> None:
    """Whatever mix of priorities and runs, exactly those who stay are served, in order."""
    line = WaitQueue()
    staying: dict[tuple[Priority, int], list[int]] = {}
    leaving = []
    for ticket, (run, urgent, leaves) in enumerate(people):
        priority = Priority.INTERACTIVE if urgent else Priority.BULK
        one = waiter(ticket, priority, 0 if urgent else run)
        line.join(one)
        if leaves:
            leaving.append(one)
        else:
            staying.setdefault((priority, one.run), []).append(ticket)
    for one in leaving:
        line.leave(one)
        line.leave(one)
    assert bool(staying) == bool(line)
    for priority in Priority:
        expected = {run: tickets for (its, run), tickets in staying.items() if its is priority}
        assert sum(map(len, expected.values())) == line.waiting(priority)
        served = drain(line, priority)
        assert sorted(chain.from_iterable(expected.values())) == sorted(served)
        for tickets in expected.values():
            assert tickets == [ticket for ticket in served if ticket in set(tickets)]


def test_who_came_back_and_gave_up_is_passed_over() -> None:
    """A cancelled request that was refused with a 429 delays no other request."""
    line = WaitQueue()
    back, others = [waiter(ticket) for ticket in (1, 2)], [waiter(ticket) for ticket in (5, 6, 7)]
    for one in (*others, *back):
        line.join(one)
    line.leave(back[0])

    assert 4 == line.waiting(Priority.BULK)
    assert 2 == line.pop(Priority.BULK).ticket
    assert 3 == line.waiting(Priority.BULK)
    assert [5, 6, 7] == drain(line, Priority.BULK)
    assert 0 == line.waiting(Priority.BULK)


def test_who_came_back_stays_when_the_others_are_swept() -> None:
    """When most have given up, those who have not are still there, in their order."""
    line = WaitQueue()
    back = [waiter(ticket) for ticket in (4, 3, 2, 1)]
    for one in (waiter(5), *back):
        line.join(one)
    for one in back[1:]:
        line.leave(one)

    assert 2 == line.waiting(Priority.BULK)
    assert [4, 5] == drain(line, Priority.BULK)


def test_a_crowd_that_gives_up_costs_no_memory() -> None:
    """After 100,000 waiters have left, the line holds next to nothing."""
    line = WaitQueue()
    crowd = [waiter(ticket, Priority.INTERACTIVE) for ticket in range(100_000)]
    for one in crowd:
        line.join(one)
    for one in crowd:
        line.leave(one)
    assert not line
    assert sum(len(queue._queue) for queue in line._interactive.values()) <= 1
