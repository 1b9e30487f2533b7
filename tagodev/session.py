"""The one door to the service: every request passes the scheduler here, at every attempt.

From top to bottom: what may be tried again (`retry`), whose turn it is (`limits.scheduler`), the
exchange (`transport`), the answer as a model (`serde`).
Retrying stands above the scheduler, so that each attempt is granted anew and counted.
The record of a call stands here too, a few lines more than a room should have: it is what the door
is handed, and says what it did.
"""

from __future__ import annotations

import asyncio
import logging
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypedDict, TypeVar

import attrs

from tagodev.errors import (
    AuthenticationError,
    BadRequestError,
    ClosedError,
    ConnectError,
    MalformedAnswerError,
    NoAnswerError,
    NotFoundError,
    PermissionDeniedError,
    RequestError,
    WaitTooLongError,
)
from tagodev.events import Ended, GaveUp, InDoubtWrite, Sent
from tagodev.limits.routes import Route
from tagodev.limits.scheduler import ClockResetError
from tagodev.limits.wait_queue import Priority
from tagodev.retry import Safety, may_have_acted
from tagodev.serialization.converter import StructureError, from_wire
from tagodev.target import Target
from tagodev.transport import Request

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tagodev.errors import ServiceError
    from tagodev.events import EventSink
    from tagodev.limits.route_limiter import Permit
    from tagodev.limits.scheduler import Scheduler
    from tagodev.retry import RetryPolicy
    from tagodev.transport import Answer, Transport

__all__ = ["CallOptions", "CallRecord", "RequestObserver", "Session"]

T = TypeVar("T")
# Open to every kind of token, and no route of its limits is wider for what it costs.
_INFO: Final = Route("GET", "/info")
_PROFILE: Final = Route("GET", "/profile/:profile_id")
_numbers: Final = count(1)
#: Profiles by the service's address and the digest of the token.
_profiles: dict[tuple[str, str], str] = {}
_log: Final = logging.getLogger("tagodev.session")


class CallOptions(TypedDict, total=False):
    """What each call may say of itself."""

    priority: Priority | Literal["interactive", "bulk"]
    """How urgent it is; default: ``interactive``."""
    max_wait: float | None
    """Seconds to wait for its turn at most; default: as long as it takes."""
    timeout: float | None
    """Seconds for one attempt, waiting for its turn not included; default: the client's."""
    record: CallRecord
    """Where to note what becomes of it, in place of the options above: bulk runs watch their rows
    by it; default: nowhere."""


class RequestObserver(Protocol):
    """Keeps a record of what leaves, ahead of its leaving: a journal."""

    async def granted(self, permit: Permit) -> None:
        """Note that a request is about to leave; it leaves when this returns.

        Raises:
            TagoError: it can't be noted; the request does not leave.
        """
        ...

    def ended(self, permit: Permit) -> None:
        """Note that a request has been answered, or will not be."""
        ...


# Without hooks on assignment: it is written to several times a request.
@attrs.define(eq=False, kw_only=True, on_setattr=attrs.setters.NO_OP)
class CallRecord:
    """One call: what it may ask for, and what became of it so far."""

    priority: Priority = Priority.INTERACTIVE
    """How urgent it is."""
    run: int = 0
    """Which bulk run it belongs to; 0 for none."""
    max_wait: float | None = None
    """Seconds to wait for its turn at most; None for as long as it takes."""
    timeout: float | None = None
    """Seconds for one attempt; None for the client's own."""
    witness: RequestObserver | None = None
    """Is told of each attempt before it leaves, and when it has ended."""
    attempts: int = 0
    """How often it was sent; waits for budget do not count."""
    sends: int = 0
    """How often the present call has sent its request, those that met a 429 included."""
    asked: float = 0.0
    """When it last asked for its turn, on the loop's clock, where somebody listens to events."""
    sending: bool = False
    """Whether it is on its way now: it left, and its answer has not come."""
    in_doubt: bool = False
    """Whether the service may have acted on an attempt that failed."""

    @classmethod
    def of(cls, options: CallOptions) -> CallRecord:
        """Return the record of a call with these options."""
        if not options:
            return cls()
        if "record" in options:
            return options["record"]
        return cls(
            priority=Priority(options.get("priority", Priority.INTERACTIVE)),
            max_wait=options.get("max_wait"),
            timeout=options.get("timeout"),
        )


def _ask_for_info() -> Request:
    return Request(route=_INFO, path=_INFO.path(), safety=Safety.READ)


class Session:
    """Carries requests through scheduler and transport, and brings back values or errors."""

    def __init__(
        self,
        transport: Transport,
        scheduler: Scheduler,
        retry: RetryPolicy,
        *,
        emit: EventSink | None = None,
    ) -> None:
        """Join the parts.

        Args:
            transport: sends one attempt.
            scheduler: grants each attempt its turn.
            retry: says when to try again.
            emit: called with the events that are made here.
        """
        self._transport = transport
        self._scheduler = scheduler
        self._retry = retry
        self._emit = emit
        self._waits: set[asyncio.Future[Permit]] = set()
        self._asking_the_time = asyncio.Lock()
        self._no_time: RequestError | None = None
        self._closed = False

    @property
    def scheduler(self) -> Scheduler:
        """What grants each request its turn."""
        return self._scheduler

    @property
    def closed(self) -> bool:
        """Whether it takes no more calls."""
        return self._closed

    @property
    def base_url(self) -> str:
        """The service's address."""
        return self._transport.base_url

    @property
    def account(self) -> str:
        """A digest of the token, from which it does not come back: whose requests these are."""
        return self._transport.account

    async def find_target(self, record: CallRecord) -> Target:
        """Return the service and the profile that requests go to; the first call asks for it.

        Args:
            record: how that request goes.

        Raises:
            RequestError: the service was not reached. A token that may not ask for its profile is
                no error: the profile is empty then.
        """
        key = (self.base_url, self.account)
        # The profile of a token does not change: one request for all clients of a process.
        if key in _profiles:
            return Target(self.base_url, profile=_profiles[key], account=self.account)
        request = Request(route=_PROFILE, path=_PROFILE.path("current"), safety=Safety.READ)
        try:
            self.note_profile(await self.call(request, object, record))
        except (
            *(AuthenticationError, BadRequestError, MalformedAnswerError),
            *(NotFoundError, PermissionDeniedError),
        ):
            # Of a wrong token the next request says so, in the words of what was asked for.
            return Target(self.base_url, account=self.account)
        return Target(self.base_url, profile=_profiles.get(key, ""), account=self.account)

    def note_profile(self, answer: object) -> None:
        """Remember the profile's id from the service's description of it.

        Args:
            answer: what ``GET /profile/current`` returned.
        """
        info = answer.get("info") if isinstance(answer, dict) else None
        profile = info.get("id") if isinstance(info, dict) else None
        if isinstance(profile, str) and profile:
            _profiles[self.base_url, self.account] = profile

    async def learn_clock(self, record: CallRecord) -> None:
        """Make sure that something is known of the service's clock, by a request if need be.

        Args:
            record: how that request goes.

        Raises:
            RequestError: it failed.
        """
        if self._scheduler.clock_state() is None:
            await self.call(_ask_for_info(), object, record)

    def close(self) -> None:
        """End every wait for a turn with `ClosedError`, and take no more calls."""
        self._closed = True
        for wait in self._waits:
            if not wait.done():
                wait.set_exception(ClosedError("The client was closed while a request waited"))

    async def call(self, request: Request, cls: type[T], record: CallRecord) -> T:
        """Send a request, as often as is safe and useful, and return its result.

        Args:
            request: what to send.
            cls: what its result is.
            record: what it asks for; what becomes of it is noted there.

        Raises:
            RequestError: it failed, for good; says whether the service may have acted.
            WaitTooLongError: its turn does not come in time.
            ClosedError: the client is closed.
        """
        last: RequestError | None = None
        # A row of a bulk run may take several calls: each counts its own attempts and doubts.
        before = record.attempts
        record.in_doubt = False
        record.sends = 0
        while True:
            sends = record.sends
            try:
                return self._read(request, await self._attempt(request, record), cls)
            except ClosedError:
                # What may have been done must not be hidden by the end of the client.
                if last is None or not record.in_doubt:
                    raise
                raise last from None
            except RequestError as error:
                last = error
                # Where only the time was asked for, nothing has left that could act.
                safety = request.safety if record.sends > sends else Safety.READ
                record.in_doubt = record.in_doubt or may_have_acted(error, safety)
                error.route, error.attempts = request.route.name, record.attempts - before
                error.may_have_acted = record.in_doubt
                delay = self._retry.delay(error, safety, error.attempts)
                if delay is None:
                    raise
                _log.info("%s; trying again in %.1f s", error, delay)
            await asyncio.sleep(delay)

    async def _ask_the_time(self, record: CallRecord) -> None:
        """Send the one request that may go before the service's clock is known, for all who wait.

        A date tells the second only: where windows are as short as that, it is asked for again.
        Where no answer tells the time, nobody asks any more: the routes then go steadily.
        Without an answer it is sent once: who asks is tried again itself, and to try on two levels
        is to try sixteen times.

        Raises:
            RequestError: there was no answer; whoever waited for it too gets the same.
        """
        known = self._no_time
        async with self._asking_the_time:
            if not self._scheduler.needs_clock:
                return
            if self._no_time is not known:
                assert self._no_time is not None, "it is only ever replaced"
                raise attrs.evolve(self._no_time)
            asking = CallRecord(priority=record.priority, run=record.run, witness=record.witness)
            request = _ask_for_info()
            while self._scheduler.needs_clock:
                await asyncio.sleep(self._scheduler.best_clock_query_in)
                try:
                    self._read(request, await self._attempt(request, asking), object)
                except NoAnswerError as error:
                    self._no_time = error
                    raise
                except RequestError as error:
                    _log.debug("a refusal tells the time as well: %s", error)

    async def _attempt(self, request: Request, record: CallRecord) -> Answer:
        """Wait for a turn, send once, and account for what became of it; a 429 waits again."""
        ticket: int | None = None
        scheduler = self._scheduler
        record.attempts += 1
        while True:
            if self._closed:
                raise ClosedError("The client is closed")
            if self._emit is not None:
                record.asked = scheduler.loop.time()
            if scheduler.shares and scheduler.needs_clock and request.route is not _INFO:
                await self._ask_the_time(record)
            permit = None
            if ticket is None:
                permit = scheduler.grant_now(request.route, record.priority)
            if permit is None:
                try:
                    permit = await self._wait_for_turn(request, record, ticket)
                except ClockResetError:
                    continue
            unseen = self._emit is None and record.witness is None
            send = self._exchange if unseen else self._send
            answer = await send(request, record, permit)
            if answer.status != 429:
                scheduler.settle(permit, answer.status, answer.date())
                return answer
            ticket = permit.ticket
            _log.warning("%s: 429, the route is closed until its next window", request.route.name)
            if scheduler.throttle(permit, answer.retry_after(), answer.date()):
                raise self._hopeless(request, answer)

    async def _wait_for_turn(
        self, request: Request, record: CallRecord, ticket: int | None
    ) -> Permit:
        try:
            return await self._scheduler.acquire(
                request.route,
                priority=record.priority,
                run=record.run,
                ticket=ticket,
                max_wait=record.max_wait,
                waits=self._waits,
            )
        except WaitTooLongError:
            self._tell_given_up(request, record)
            raise

    async def _witnessed(
        self, witness: RequestObserver, request: Request, record: CallRecord, permit: Permit
    ) -> Answer:
        """Send once, after whoever keeps a record has been told."""
        try:
            await witness.granted(permit)
        except BaseException:
            self._scheduler.refund(permit)
            raise
        try:
            send = self._exchange if self._emit is None else self._seen
            return await send(request, record, permit)
        finally:
            witness.ended(permit)

    def _send(
        self, request: Request, record: CallRecord, permit: Permit
    ) -> Coroutine[Any, Any, Answer]:
        """Send once, in sight of whoever keeps a record or listens to events."""
        if record.witness is not None:
            return self._witnessed(record.witness, request, record, permit)
        return self._seen(request, record, permit)

    async def _seen(self, request: Request, record: CallRecord, permit: Permit) -> Answer:
        """Send once, and tell of its beginning and its end from within the caller's task."""
        emit = self._emit
        assert emit is not None, "only asked for where somebody listens"
        sent = Sent(
            request.route.name,
            record.attempts,
            number=next(_numbers),
            address=self._transport.base_url,
            method=request.route.method,
            template=request.route.template,
            priority=record.priority.value,
            waited=max(permit.granted - record.asked, 0.0),
            resends=record.sends,
            state=self._scheduler.state(permit),
        )
        emit(sent)
        clock = self._scheduler.loop.time
        began = clock()
        try:
            answer = await self._exchange(request, record, permit)
        except BaseException as error:
            emit(Ended(sent, None, type(error), clock() - began))
            raise
        emit(Ended(sent, answer.status, None, clock() - began))
        return answer

    def _tell_given_up(self, request: Request, record: CallRecord) -> None:
        if self._emit is not None:
            gave_up = GaveUp(
                address=self._transport.base_url,
                method=request.route.method,
                template=request.route.template,
                priority=record.priority.value,
                waited=self._scheduler.loop.time() - record.asked,
            )
            self._emit(gave_up)

    async def _exchange(self, request: Request, record: CallRecord, permit: Permit) -> Answer:
        """Send once; a permit whose request gets no answer is accounted for here."""
        record.sends += 1
        record.sending = True
        try:
            return await self._transport.exchange(request, record.timeout)
        except (ConnectError, ClosedError):
            self._scheduler.refund(permit)
            raise
        except BaseException as error:
            # No answer, or cancelled on the way: it may still be counted.
            self._scheduler.lose(permit)
            if isinstance(error, asyncio.CancelledError) and request.safety is not Safety.READ:
                record.in_doubt = True
                if self._emit is not None:
                    self._emit(InDoubtWrite(request.route.name))
            raise
        finally:
            record.sending = False

    def _read(self, request: Request, answer: Answer, cls: type[T]) -> T:
        try:
            return from_wire(self._transport.read(request, answer), cls)
        except StructureError as error:
            problems = error.problems
        raise MalformedAnswerError(
            "The answer can't be understood",
            status=answer.status,
            problems=problems,
            may_have_acted=True,
        )

    def _hopeless(self, request: Request, answer: Answer) -> ServiceError:
        error = self._transport.refusal(request, answer)
        error.message = f"Nothing was accepted in three windows: {error.service_message}"
        error.hint = (
            "Likely the plan is smaller than was set, a soft limit binds this profile, "
            "or its monthly quota is used up"
        )
        return error
