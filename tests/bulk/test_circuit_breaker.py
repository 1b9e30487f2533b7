"""When a run stops, and when it only pauses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import (
    AnswerTimeoutError,
    AuthenticationError,
    BadRequestError,
    ClosedError,
    ConnectError,
    ConnectionLostError,
    InputError,
    JournalError,
    LedgerError,
    MalformedAnswerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    TagoError,
)
from tagodev._bulk.circuit_breaker import STOPS_ANY_RUN, CircuitBreaker, Verdict

GO_ON = Verdict()
STOP = Verdict(stop=True)

UNREACHABLE = ConnectError("no connection")
LOST = ConnectionLostError("lost")
DOWN = ServerError("down", status=502)


def breaker(
    *, concurrency: int = 1, max_paused: float = 900.0, answered: bool = True
) -> CircuitBreaker:
    """Return a breaker, by default of a run that has done a row."""
    made = CircuitBreaker(concurrency=concurrency, max_paused=max_paused)
    if answered:
        made.succeed()
    return made


def refusal(message: str = "name is taken") -> BadRequestError:
    """Return a refusal with a text of the service."""
    return BadRequestError("refused", status=400, service_message=message)


# --- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", STOPS_ANY_RUN)
@pytest.mark.parametrize("paused", [False, True])
def test_what_meets_every_row_stops_at_once(cls: type[TagoError], paused: bool) -> None:
    """The token, the permission, the disk: one row is enough to know."""
    assert STOP == breaker().fail(cls("no"), paused=paused)


def test_what_meets_every_row() -> None:
    """These, and no others."""
    expected = {
        AuthenticationError,
        ClosedError,
        JournalError,
        LedgerError,
        PermissionDeniedError,
        RateLimitedError,
    }

    assert expected == set(STOPS_ANY_RUN)


def test_ten_equal_refusals_in_a_row_stop() -> None:
    """The wording of some limits is not known: ten rows that meet the same have met one."""
    watching = breaker()

    assert [GO_ON] * 9 + [STOP] == [watching.fail(refusal()) for _ in range(10)]


def test_a_row_that_is_done_ends_the_row_of_refusals() -> None:
    """Nine bad rows, a good one, and nine more: those are the rows' own mistakes."""
    watching = breaker()
    for _ in range(5):
        assert {GO_ON} == {watching.fail(refusal()) for _ in range(9)}
        watching.succeed()


@given(st.lists(st.sampled_from(["one", "other", "done", "input", "malformed"]), max_size=60))
def test_only_ten_equal_refusals_stop(events: list[str]) -> None:
    """The run goes on exactly until ten rows in a row have met the same text."""
    watching = breaker()
    last, count = "", 0
    for event in events:
        if event == "done":
            watching.succeed()
            count = 0
        elif event == "input":
            assert GO_ON == watching.fail(InputError("bad"))
        elif event == "malformed":
            assert GO_ON == watching.fail(MalformedAnswerError("bad", may_have_acted=True))
        else:
            count = count + 1 if event == last else 1
            last = event
            assert Verdict(stop=count >= 10) == watching.fail(refusal(event))


@pytest.mark.parametrize("error", [NotFoundError("no", status=404), InputError("no")])
def test_what_is_the_rows_own_never_stops(error: TagoError) -> None:
    """However many rows name a device that is not there."""
    watching = breaker()

    assert {GO_ON} == {watching.fail(error) for _ in range(100)}


# --- no answers --------------------------------------------------------------------------------


def test_an_address_that_never_answered_stops() -> None:
    """It is more likely wrong than down."""
    assert STOP == breaker(answered=False).fail(UNREACHABLE)


@pytest.mark.parametrize("answer", [refusal(), NotFoundError("no", status=404), DOWN])
def test_any_answer_shows_that_the_address_is_right(answer: TagoError) -> None:
    """From then on a connection that fails is waited for."""
    watching = breaker(answered=False)
    watching.fail(answer)

    assert watching.fail(UNREACHABLE) == Verdict(pause=1.0)


@pytest.mark.parametrize("no_answer", [LOST, AnswerTimeoutError("late"), InputError("bad")])
def test_what_is_no_answer_does_not_show_it(no_answer: TagoError) -> None:
    """A connection that was taken and dropped proves nothing."""
    watching = breaker(answered=False)
    watching.fail(no_answer)

    assert STOP == watching.fail(UNREACHABLE)


def test_pauses_grow_to_a_minute_and_end_with_the_patience() -> None:
    """The run waits longer each time, and gives up when it has waited long enough."""
    watching = breaker(max_paused=200.0)
    pauses = [watching.fail(UNREACHABLE).pause for _ in range(8)]

    assert [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] == pauses
    # 183 s so far: less than 200.
    assert Verdict(pause=60.0) == watching.fail(UNREACHABLE)
    assert STOP == watching.fail(UNREACHABLE)


def test_without_patience_the_first_failure_stops() -> None:
    """A caller may not want to wait at all."""
    assert STOP == breaker(max_paused=0.0).fail(UNREACHABLE)


@pytest.mark.parametrize("answer", ["done", "refused"])
def test_an_answer_ends_the_pauses(answer: str) -> None:
    """Once the service is back, the next trouble is a new one."""
    watching = breaker(max_paused=10.0)
    for _ in range(5):
        assert [1.0, 2.0] == [watching.fail(UNREACHABLE).pause for _ in range(2)]
        if answer == "done":
            watching.succeed()
        else:
            watching.fail(NotFoundError("no", status=404))


def test_rows_that_were_on_their_way_do_not_prolong_a_pause() -> None:
    """Thirty rows that fail with the same connection are one failure."""
    watching = breaker(concurrency=32)

    assert Verdict(pause=1.0) == watching.fail(UNREACHABLE)
    assert {GO_ON} == {watching.fail(UNREACHABLE, paused=True) for _ in range(31)}
    assert Verdict(pause=2.0) == watching.fail(UNREACHABLE)


@pytest.mark.parametrize(("concurrency", "expected"), [(1, 10), (10, 10), (32, 32)])
@pytest.mark.parametrize("error", [LOST, DOWN, AnswerTimeoutError("late")])
def test_lost_answers_pause_when_there_are_only_those(
    error: TagoError, concurrency: int, expected: int
) -> None:
    """One lost answer is chance; as many as are in work, and no answer between, are not."""
    watching = breaker(concurrency=concurrency)
    pauses = [watching.fail(error).pause for _ in range(expected + 1)]

    assert [0.0] * (expected - 1) + [1.0, 2.0] == pauses


def test_lost_answers_among_others_do_not_pause() -> None:
    """A service that loses every second answer is slow to work with, and works."""
    watching = breaker(concurrency=4)
    for _ in range(50):
        assert GO_ON == watching.fail(LOST)
        watching.succeed()
