"""The session: sends every request through scheduler and transport, and retries.

From top to bottom: the retry policy (`retry`), the permit (`limits.scheduler`), the exchange
(`transport`), the answer as a model (`serialization.converter`).
Retries are above the scheduler, so that each attempt gets a permit and is counted.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypedDict, TypeVar

import attrs

from tagodev._address import Target
from tagodev._limits.routes import CLOCK_ROUTE, Route
from tagodev._limits.scheduler import ClockResetError
from tagodev._limits.wait_queue import Priority
from tagodev._models.data import Affected
from tagodev._retry import Safety, may_have_acted
from tagodev._serialization.converter import StructureError, from_wire
from tagodev._transport import Request
from tagodev.errors import (
    AnswerTimeoutError,
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

if TYPE_CHECKING:
    from tagodev._limits.route_limiter import Permit
    from tagodev._limits.scheduler import Scheduler
    from tagodev._retry import RetryPolicy
    from tagodev._secrets import Secret
    from tagodev._serialization.tolerant import Unreadable
    from tagodev._transport import Answer, Transport
    from tagodev.events import EventSink

__all__ = ["CallOptions", "CallRecord", "RequestObserver", "Session"]

T = TypeVar("T")
# Every kind of token may use it, and its route has a high limit.
_INFO: Final = Route("GET", "/info")
_PROFILE: Final = Route("GET", "/profile/:profile_id")
#: Results of writes without which the write has succeeded all the same.
_OPTIONAL: Final = (object, Affected)
_numbers: Final = count(1)
#: What the service answers to a token that may not read its profile.
_NO_PROFILE: Final = (
    *(AuthenticationError, BadRequestError, MalformedAnswerError),
    *(NotFoundError, PermissionDeniedError),
)
#: Profiles by the service's address and the digest of the token.
_profiles: dict[tuple[str, str], str] = {}
_log: Final = logging.getLogger("tagodev.session")


class CallOptions(TypedDict, total=False):
    """Options of one call."""

    priority: Priority | Literal["interactive", "bulk"]
    """The priority; default: ``interactive``."""
    max_wait: float | None
    """The longest wait for a permit, in seconds; default: no limit."""
    timeout: float | None
    """Seconds for one attempt, without the wait for its permit; default: the client's."""
    record: CallRecord
    """Where to record the call's attempts, instead of the options above: used by bulk runs;
    default: nowhere.
    """


class RequestObserver(Protocol):
    """Observes each request before it is sent and when it has ended: a journal."""

    async def granted(self, permit: Permit) -> None:
        """Record that a request is about to be sent; it is sent when this returns.

        Raises:
            TagoError: it can't be recorded; the request is not sent.
        """
        ...

    def ended(self, permit: Permit) -> None:
        """Record that a request has ended, with or without an answer."""
        ...


# Without hooks on assignment: it is assigned to several times per request.
@attrs.define(eq=False, kw_only=True, on_setattr=attrs.setters.NO_OP)
class CallRecord:
    """One call: its options, and its attempts so far."""

    priority: Priority = Priority.INTERACTIVE
    """The priority."""
    run: int = 0
    """Which bulk run it belongs to; 0 for none."""
    max_wait: float | None = None
    """The longest wait for a permit, in seconds; None for no limit."""
    timeout: float | None = None
    """Seconds for one attempt; None for the client's own."""
    observer: RequestObserver | None = None
    """Is called before each attempt is sent, and when it has ended."""
    attempts: int = 0
    """How often it was sent; waits for a permit do not count."""
    sends: int = 0
    """How often the present call has sent its request, with those refused by a 429."""
    requested_at: float = 0.0
    """When it last asked for a permit, on the loop's clock, if events are emitted."""
    sending: bool = False
    """Whether a request is in flight."""
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


def _info_request() -> Request:
    return Request(route=_INFO, path=_INFO.path(), safety=Safety.READ)


class Session:
    """Sends requests through scheduler and transport, and returns values or raises errors."""

    def __init__(
        self,
        transport: Transport,
        scheduler: Scheduler,
        retry: RetryPolicy,
        *,
        emit: EventSink | None = None,
        concurrency: int | None = None,
    ) -> None:
        """Initialize the session.

        Args:
            transport: sends one attempt.
            scheduler: grants permits.
            retry: the retry policy.
            emit: called with the session's events.
            concurrency: requests in flight at once; default: as the ledger's settings say, for all
                sessions without a number of their own.
        """
        self._transport = transport
        self.scheduler: Final = scheduler
        """The scheduler that grants permits."""
        self._retry = retry
        self._emit = emit
        self._slots = None if concurrency is None else scheduler.new_slots(concurrency)
        self._waits: set[asyncio.Future[Permit]] = set()
        self._fetching_time = asyncio.Lock()
        self._no_time: RequestError | None = None
        self.closed: bool = False
        """Whether it accepts no more calls."""

    @property
    def base_url(self) -> str:
        """The service's address."""
        return self._transport.base_url

    @property
    def account(self) -> str:
        """A digest of the token that does not reveal it: identifies the caller."""
        return self._transport.account

    async def find_target(self, record: CallRecord) -> Target:
        """Return the service and the profile that requests go to; the first call sends a request.

        Args:
            record: the record of that request.

        Raises:
            RequestError: the service could not be reached. A token that may not read its profile is
                no error: the profile is empty then.
        """
        key = (self.base_url, self.account)
        # The profile of a token does not change: one request for all clients of a process.
        if key not in _profiles:
            request = Request(route=_PROFILE, path=_PROFILE.path("current"), safety=Safety.READ)
            # An invalid token makes the caller's own request fail, with an error about that
            # request.
            with suppress(*_NO_PROFILE):
                self.set_profile(await self.call(request, object, record))
        return Target(self.base_url, profile=_profiles.get(key, ""), account=self.account)

    def set_profile(self, answer: object) -> None:
        """Store the profile's id from the service's answer.

        Args:
            answer: the answer to ``GET /profile/current``.
        """
        info = answer.get("info") if isinstance(answer, dict) else None
        profile = info.get("id") if isinstance(info, dict) else None
        if isinstance(profile, str) and profile:
            _profiles[self.base_url, self.account] = profile

    async def learn_clock(self, record: CallRecord) -> None:
        """Learn the offset of the service's clock, by a request if it is not known.

        Args:
            record: the record of that request.

        Raises:
            RequestError: the request failed.
        """
        if self.scheduler.clock_state() is None:
            await self.call(_info_request(), object, record)

    async def send_elsewhere(
        self, request: Request, address: str, token: Secret, record: CallRecord
    ) -> None:
        """Send a request once to another service, which counts it by no limit of ours.

        Args:
            request: the request.
            address: scheme, host and path of the other service.
            token: the token for the other service.
            record: the options of the call.

        Raises:
            RequestError: it failed; it is not retried.
        """
        transport = self._transport.elsewhere(address, token)
        try:
            answer = await transport.exchange(request, record.timeout)
            if answer.status >= 300:
                raise transport.refusal(request, answer)
        except RequestError as error:
            error.route = request.route.name
            error.may_have_acted = may_have_acted(error, request.safety)
            raise

    def close(self) -> None:
        """End every wait for a permit with `ClosedError`, and accept no more calls."""
        self.closed = True
        for wait in self._waits:
            if not wait.done():
                wait.set_exception(ClosedError("The client was closed while a request waited"))

    async def call(self, request: Request, cls: type[T], record: CallRecord) -> T:
        """Send a request, retry it if that is safe, and return its result.

        Args:
            request: the request.
            cls: the type of its result.
            record: its options; attempts are recorded there.

        Raises:
            RequestError: it failed for good; the error says whether the service may have acted.
            WaitTooLongError: there is no permit in time.
            ClosedError: the client is closed.
        """
        last: RequestError | None = None
        # An item of a bulk run may take several calls: each counts its own attempts and doubts.
        before = record.attempts
        record.in_doubt = False
        record.sends = 0
        while True:
            sends = record.sends
            try:
                return self._read(request, await self._attempt(request, record), cls)
            except ClosedError:
                # The client's end must not hide that the service may have acted.
                if last is None or not record.in_doubt:
                    raise
                raise last from None
            except RequestError as error:
                last = error
                # If only the request for the time failed, nothing was sent that could act.
                safety = request.safety if record.sends > sends else Safety.READ
                record.in_doubt = record.in_doubt or may_have_acted(error, safety)
                own, counted = request.route.own_name, request.route.name
                error.route, error.counted_as = own, "" if counted == own else counted
                error.attempts = record.attempts - before
                error.may_have_acted = record.in_doubt
                delay = self._retry.delay(error, safety, error.attempts)
                if delay is None:
                    raise
                _log.info("%s; retrying in %.1f s", error, delay)
            await asyncio.sleep(delay)

    async def _query_time(self, record: CallRecord) -> None:
        """Send the one request that is allowed before the service's clock is known.

        The ``Date`` header has a precision of one second: with short windows it is requested twice.
        If no answer has the time, the clock is not requested again, and the routes are paced
        steadily.
        It is sent once: the calls that wait for it are retried themselves, and retries on two
        levels would multiply.

        Raises:
            RequestError: there was no answer; every waiter gets the same error.
        """
        known = self._no_time
        async with self._fetching_time:
            if not self.scheduler.needs_clock:
                return
            if self._no_time is not known:
                assert self._no_time is not None, "it is only ever replaced"
                raise attrs.evolve(self._no_time)
            probe = CallRecord(priority=record.priority, run=record.run, observer=record.observer)
            request = _info_request()
            while self.scheduler.needs_clock:
                await asyncio.sleep(self.scheduler.best_clock_query_in)
                try:
                    self._read(request, await self._attempt(request, probe), object)
                except NoAnswerError as error:
                    self._no_time = error
                    raise
                except RequestError as error:
                    _log.debug("a refused request has the time as well: %s", error)

    async def _attempt(self, request: Request, record: CallRecord) -> Answer:
        """Wait for a permit, send once, and settle the permit; after a 429 wait again."""
        ticket: int | None = None
        scheduler = self.scheduler
        device = request.route.device(request.path)
        record.attempts += 1
        while True:
            if self.closed or asyncio.get_running_loop() is not scheduler.loop:
                raise self._unusable()
            if self._emit is not None:
                record.requested_at = scheduler.loop.time()
            waited = 0.0
            if scheduler.shares and scheduler.needs_clock and request.route.name != CLOCK_ROUTE:
                waited = await self._wait_for_time(request, record)
            permit = None
            if ticket is None:
                permit = scheduler.grant_now(request.route, record.priority, self._slots, device)
            if permit is None:
                try:
                    permit = await self._acquire(request, record, ticket, waited)
                except ClockResetError:
                    continue
            unobserved = self._emit is None and record.observer is None
            send = self._exchange if unobserved else self._send
            answer = await send(request, record, permit)
            if answer.status != 429:
                scheduler.settle(permit, answer.status, answer.date())
                return answer
            ticket = permit.ticket
            _log.warning("%s: 429, the route is blocked until its next window", request.route.name)
            if scheduler.throttle(permit, answer.retry_after(), answer.date()):
                raise self._transport.rate_limited(request, answer)

    def _unusable(self) -> ClosedError:
        if self.closed:
            return ClosedError("The client is closed")
        hint = "Open a client in each loop; only those of one loop, or of a shared ledger, count"
        return ClosedError("The client was opened in another event loop", hint=f"{hint} together")

    async def _wait_for_time(self, request: Request, record: CallRecord) -> float:
        """Wait until the service's clock is known, and return how long that took.

        Raises:
            WaitTooLongError: `max_wait` is over.
            RequestError: there was no answer.
        """
        began = self.scheduler.loop.time()
        allowed = [one for one in (record.max_wait, record.timeout) if one is not None]
        try:
            async with asyncio.timeout(min(allowed, default=None)):
                await self._query_time(record)
        except TimeoutError:
            problem = f"The service's time was not known within {min(allowed):g} s"
        else:
            return self.scheduler.loop.time() - began
        if record.max_wait is None or record.max_wait > min(allowed):
            raise AnswerTimeoutError(problem)
        self._emit_gave_up(request, record)
        raise WaitTooLongError(problem, route=request.route.name, max_wait=record.max_wait)

    async def _acquire(
        self, request: Request, record: CallRecord, ticket: int | None, waited: float
    ) -> Permit:
        max_wait = record.max_wait
        try:
            return await self.scheduler.acquire(
                request.route,
                priority=record.priority,
                run=record.run,
                ticket=ticket,
                max_wait=None if max_wait is None else max(max_wait - waited, 0.0),
                waits=self._waits,
                slots=self._slots,
                device=request.route.device(request.path),
            )
        except WaitTooLongError:
            self._emit_gave_up(request, record)
            raise

    def _emit_gave_up(self, request: Request, record: CallRecord) -> None:
        if self._emit is not None:
            gave_up = GaveUp(
                address=self._transport.base_url,
                method=request.route.method,
                template=request.route.template,
                priority=record.priority.value,
                waited=self.scheduler.loop.time() - record.requested_at,
            )
            self._emit(gave_up)

    async def _send(self, request: Request, record: CallRecord, permit: Permit) -> Answer:
        """Send once, with the observer, and with the events of its start and end.

        The events are emitted in the caller's task.
        """
        emit, observer, clock = self._emit, record.observer, self.scheduler.loop.time
        if observer is not None:
            try:
                await observer.granted(permit)
            except BaseException:
                self.scheduler.refund(permit)
                raise
        sent: Sent | None = None
        status: int | None = None
        failure: type[BaseException] | None = None
        began = 0.0
        try:
            if emit is not None:
                sent = self._sent(request, record, permit)
                emit(sent)
            began = clock()
            answer = await self._exchange(request, record, permit)
            status = answer.status
        except BaseException as error:
            failure = type(error)
            raise
        else:
            return answer
        finally:
            if emit is not None and sent is not None:
                emit(Ended(sent, status, failure, clock() - began))
            if observer is not None:
                observer.ended(permit)

    def _sent(self, request: Request, record: CallRecord, permit: Permit) -> Sent:
        return Sent(
            request.route.name,
            record.attempts,
            number=next(_numbers),
            address=self._transport.base_url,
            method=request.route.method,
            template=request.route.template,
            priority=record.priority.value,
            waited=max(permit.granted - record.requested_at, 0.0),
            resends=record.sends,
            state=self.scheduler.state(permit),
        )

    async def _exchange(self, request: Request, record: CallRecord, permit: Permit) -> Answer:
        """Send once; settle the permit here if there is no answer."""
        record.sends += 1
        record.sending = True
        try:
            return await self._transport.exchange(request, record.timeout)
        except (ConnectError, ClosedError):
            self.scheduler.refund(permit)
            raise
        except BaseException as error:
            # No answer, or cancelled in flight: the service may still count it.
            self.scheduler.lose(permit)
            if isinstance(error, asyncio.CancelledError) and request.safety is not Safety.READ:
                record.in_doubt = True
                if self._emit is not None:
                    self._emit(InDoubtWrite(request.route.name))
            raise
        finally:
            record.sending = False

    def _read(self, request: Request, answer: Answer, cls: type[T]) -> T:
        needed = cls not in _OPTIONAL or request.safety is Safety.READ
        try:
            return from_wire(self._transport.read(request, answer, needed=needed), cls)
        except StructureError as error:
            reading = error.reading
            failure = self._transport.malformed(request, answer, *error.problems)
        finally:
            # An error keeps this frame, but not the answer.
            del answer
        if reading is None:
            raise failure
        self._report(request, reading.unreadable)
        value: T = reading.value
        return value

    def _report(self, request: Request, unreadable: tuple[Unreadable, ...]) -> None:
        """Emit what was left out of an answer, or log it if there is no sink."""
        if self._emit is None and unreadable:
            _log.warning("%s: %s; %d in total", request.route.name, unreadable[0], len(unreadable))
        elif self._emit is not None:
            for event in unreadable:
                self._emit(attrs.evolve(event, route=request.route.name))
