"""When to try again: the table in `tagodev._retry`, cell by cell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import RetryPolicy
from tagodev._retry import Safety, may_have_acted
from tagodev.errors import (
    AnswerTimeoutError,
    AuthenticationError,
    BadRequestError,
    ConnectError,
    ConnectionLostError,
    MalformedAnswerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RedirectError,
    RequestError,
    ResourceLimitError,
    ServerError,
)

NEVER_CONNECTED = [ConnectError]
PERHAPS_DONE = [ConnectionLostError, AnswerTimeoutError, ServerError]
ANSWERED = [
    AuthenticationError,
    BadRequestError,
    MalformedAnswerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RedirectError,
    ResourceLimitError,
]


@pytest.mark.parametrize("safety", Safety)
@pytest.mark.parametrize("cls", NEVER_CONNECTED)
def test_never_connected_is_tried_again(cls: type[RequestError], safety: Safety) -> None:
    """What the service never saw is safe to send again, a create too."""
    error = cls("failed")

    assert RetryPolicy().delay(error, safety, 1) is not None
    assert not may_have_acted(error, safety)


@pytest.mark.parametrize("safety", [Safety.READ, Safety.IDEMPOTENT])
@pytest.mark.parametrize("cls", PERHAPS_DONE)
def test_no_answer_is_tried_again_where_twice_is_once(
    cls: type[RequestError], safety: Safety
) -> None:
    """A read or an idempotent request that may have been done is sent again."""
    assert RetryPolicy().delay(cls("failed"), safety, 1) is not None


@pytest.mark.parametrize("cls", PERHAPS_DONE)
def test_a_create_that_may_have_acted_is_final(cls: type[RequestError]) -> None:
    """It is never sent again, and it is in doubt."""
    error = cls("failed")

    assert RetryPolicy().delay(error, Safety.ONCE, 1) is None
    assert may_have_acted(error, Safety.ONCE)


@pytest.mark.parametrize("safety", Safety)
@pytest.mark.parametrize("cls", ANSWERED)
def test_any_other_answer_is_final(cls: type[RequestError], safety: Safety) -> None:
    """The same request would meet the same answer."""
    assert RetryPolicy().delay(cls("failed"), safety, 1) is None


@pytest.mark.parametrize("cls", PERHAPS_DONE)
def test_only_writes_can_have_acted(cls: type[RequestError]) -> None:
    """A read changes nothing, whatever became of it."""
    assert not may_have_acted(cls("failed"), Safety.READ)
    assert may_have_acted(cls("failed"), Safety.IDEMPOTENT)


@pytest.mark.parametrize("cls", [cls for cls in ANSWERED if cls is not MalformedAnswerError])
def test_a_refusal_has_not_acted(cls: type[RequestError]) -> None:
    """The service said no, and means it."""
    assert not may_have_acted(cls("failed"), Safety.ONCE)


def test_a_malformed_answer_to_a_write_may_have_acted() -> None:
    """An answer that came but can't be understood does not say that nothing was done."""
    error = MalformedAnswerError("odd", may_have_acted=True)

    assert may_have_acted(error, Safety.ONCE)
    assert not may_have_acted(error, Safety.READ)


@given(
    attempts=st.integers(1, 12),
    first=st.floats(0, 10),
    longest=st.floats(0, 100),
    attempt=st.integers(1, 12),
)
def test_waits_grow_to_a_bound_and_end(
    attempts: int, first: float, longest: float, attempt: int
) -> None:
    """Each wait is within half and all of the doubled one, never above the longest."""
    policy = RetryPolicy(attempts=attempts, first_delay=first, max_delay=longest)
    delay = policy.delay(ConnectError("failed"), Safety.READ, attempt)
    bound = min(first * 2.0 ** (attempt - 1), longest)

    if attempt >= attempts:
        assert delay is None
    else:
        assert delay is not None
        assert bound / 2 <= delay <= bound


def test_waits_are_spread() -> None:
    """Clients that lost one server do not come back in step."""
    delays = {RetryPolicy().delay(ConnectError("failed"), Safety.READ, 1) for _ in range(20)}

    assert len(delays) > 1


@pytest.mark.parametrize(
    "wrong", [{"attempts": 0}, {"attempts": -1}, {"first_delay": -0.1}, {"max_delay": -1.0}]
)
def test_a_policy_that_can_not_work_is_refused(wrong: dict[str, float]) -> None:
    """At least one attempt, and no wait into the past."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RetryPolicy(**wrong)  # type: ignore[arg-type]
