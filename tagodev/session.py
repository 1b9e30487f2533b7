"""The one door to the service: every request passes the scheduler here, at every attempt.

From top to bottom: what may be tried again (`retry`), whose turn it is (`limits.scheduler`), the
exchange (`transport`), the answer as a model (`serde`).
Retrying stands above the scheduler, so that each attempt is granted anew and counted.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from tagodev.errors import ConnectError, MalformedAnswerError, RequestError
from tagodev.retry import may_have_acted
from tagodev.serde import StructureError, from_wire

if TYPE_CHECKING:
    from tagodev.errors import ServiceError
    from tagodev.limits.scheduler import Scheduler
    from tagodev.retry import RetryPolicy
    from tagodev.transport import Answer, Request, Transport

__all__ = ["CallRecord", "Session"]

T = TypeVar("T")
_log: Final = logging.getLogger("tagodev.session")


@attrs.define(eq=False)
class CallRecord:
    """What became of one call so far, for whoever watches it from outside."""

    attempts: int = 0
    """How often it was sent; waits for budget do not count."""
    sending: bool = False
    """Whether it is on its way now: it left, and its answer has not come."""
    in_doubt: bool = False
    """Whether the service may have acted on an attempt that failed."""


class Session:
    """Carries requests through scheduler and transport, and brings back values or errors."""

    def __init__(self, transport: Transport, scheduler: Scheduler, retry: RetryPolicy) -> None:
        """Join the parts.

        Args:
            transport: sends one attempt.
            scheduler: grants each attempt its turn.
            retry: says when to try again.
        """
        self._transport = transport
        self._scheduler = scheduler
        self._retry = retry

    async def call(self, request: Request, cls: type[T], record: CallRecord | None = None) -> T:
        """Send a request, as often as is safe and useful, and return its result.

        Args:
            request: what to send.
            cls: what its result is.
            record: where to note what becomes of it.

        Raises:
            RequestError: it failed, for good; says whether the service may have acted.
        """
        record = CallRecord() if record is None else record
        while True:
            try:
                result = self._transport.read(request, await self._attempt(request, record))
                return self._structure(result, cls)
            except RequestError as error:
                record.in_doubt = record.in_doubt or may_have_acted(error, request.safety)
                error.route, error.attempts = request.route.name, record.attempts
                error.may_have_acted = record.in_doubt
                delay = self._retry.delay(error, request.safety, record.attempts)
                if delay is None:
                    raise
                _log.info("%s; trying again in %.1f s", error, delay)
            await asyncio.sleep(delay)

    async def _attempt(self, request: Request, record: CallRecord) -> Answer:
        """Wait for a turn, send once, and account for what became of it; a 429 waits again."""
        ticket: int | None = None
        scheduler = self._scheduler
        record.attempts += 1
        while True:
            permit = await scheduler.acquire(request.route, ticket)
            record.sending = True
            try:
                answer = await self._transport.exchange(request)
            except ConnectError:
                scheduler.refund(permit)
                raise
            except BaseException:
                # No answer, or cancelled on the way: it may still be counted.
                scheduler.lose(permit)
                raise
            finally:
                record.sending = False
            if answer.status != 429:
                scheduler.settle(permit)
                return answer
            ticket = permit.ticket
            _log.warning("%s: 429, the route is closed until its next window", request.route.name)
            if scheduler.throttle(permit, answer.retry_after()):
                raise self._hopeless(request, answer)

    def _structure(self, result: Any, cls: type[T]) -> T:
        try:
            return from_wire(result, cls)
        except StructureError as error:
            problems = error.problems
        raise MalformedAnswerError(
            "The answer can't be understood", status=200, problems=problems, may_have_acted=True
        )

    def _hopeless(self, request: Request, answer: Answer) -> ServiceError:
        error = self._transport.refusal(request, answer)
        error.message = f"Nothing was accepted in three windows: {error.service_message}"
        error.hint = (
            "Likely the plan is smaller than was set, a soft limit binds this profile, "
            "or its monthly quota is used up"
        )
        return error
