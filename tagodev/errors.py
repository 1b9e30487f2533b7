"""Every failure, in one tree.

::

    TagoError
    ├── ConfigurationError        what the client was given can't work: token, address, plan
    ├── InputError                a value that the service would refuse; nothing was sent
    ├── ClosedError               the client is not open
    ├── WaitTooLongError          the limits give no turn within the time allowed; nothing was sent
    ├── BulkStoppedError          a bulk run ended before its last row; carries the report
    ├── InterruptedRunError       the reason of a run that its caller stopped
    ├── JournalError              a journal can't be written, or is of other rows
    ├── LockedError               another process works with the same run, journal or list
    ├── LedgerError               a shared ledger is away for too long; nothing was sent
    ├── AmbiguousMatchError       several devices could be what a lost answer was about
    └── RequestError              a request was made, or tried
        ├── NoAnswerError         nothing came back
        │   ├── ConnectError      no connection: the service never saw it
        │   ├── ConnectionLostError   the connection ended first: it may have acted
        │   └── AnswerTimeoutError    no answer in time: it may have acted
        ├── MalformedAnswerError  an answer that can't be understood
        └── ServiceError          the service said no
            ├── BadRequestError       400 and other 4xx
            ├── AuthenticationError   401: the token
            ├── PermissionDeniedError 402, 403: the token may not, or the plan does not
            ├── NotFoundError         404
            ├── ResourceLimitError    the plan holds no more of this resource
            ├── RateLimitedError      429, window after window
            ├── RedirectError         3xx: not followed, a token must not travel
            └── ServerError           5xx: it may have acted

Each says what happened, what the service said, whether it may have acted, and what to do next.
No error holds a token: texts are redacted when the error is made (`tagodev.secrets`), and the
errors of the layers below are not chained, because they hold URLs and headers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import attrs

if TYPE_CHECKING:
    from tagodev.bulk.report import BulkReport

__all__ = [
    "AmbiguousMatchError",
    "AnswerTimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "BulkStoppedError",
    "ClosedError",
    "ConfigurationError",
    "ConnectError",
    "ConnectionLostError",
    "InputError",
    "InterruptedRunError",
    "JournalError",
    "LedgerError",
    "LockedError",
    "MalformedAnswerError",
    "NoAnswerError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitedError",
    "RedirectError",
    "RequestError",
    "ResourceLimitError",
    "ServerError",
    "ServiceError",
    "TagoError",
    "WaitTooLongError",
]

_E = TypeVar("_E", bound="TagoError")


def _rebuild(cls: type[_E], fields: dict[str, Any]) -> _E:
    return cls(**fields)


# Exceptions have a __dict__ whatever slots say, are compared by identity, and get their traceback
# assigned: hence neither slots, nor eq, nor frozen on any class below.


@attrs.define(slots=False, eq=False)
class TagoError(Exception):
    """The root: catch this to catch everything tagodev raises on purpose."""

    message: str
    """What happened, in one sentence."""
    hint: str = attrs.field(default="", kw_only=True)
    """What to do next; empty where nothing general can be said."""
    accepted: int = attrs.field(default=0, kw_only=True)
    """Items that earlier requests of the same call got through, where a call takes several."""

    def __str__(self) -> str:
        parts = [self.headline(), *self.details()]
        if self.accepted:
            parts.append(f"{self.accepted} before it were accepted")
        if self.hint:
            parts.append(self.hint)
        return ". ".join(part.rstrip(".") for part in parts)

    def headline(self) -> str:
        """Return the first sentence."""
        return self.message

    def details(self) -> list[str]:
        """Return further sentences that a subclass adds to its text."""
        return []

    def __reduce__(self) -> tuple[Any, ...]:
        # BaseException would call the class with positional arguments only.
        return _rebuild, (type(self), attrs.asdict(self, recurse=False))


@attrs.define(slots=False, eq=False)
class ConfigurationError(TagoError):
    """The client can't work as it was set up; nothing was sent."""


@attrs.define(slots=False, eq=False)
class InputError(TagoError):
    """A value that the service would refuse, found before anything was sent."""

    path: str = attrs.field(default="", kw_only=True)
    """Which field, as a path: ``tags[3].key``."""
    source: str = attrs.field(default="", kw_only=True)
    """Which file it came from."""
    line: int | None = attrs.field(default=None, kw_only=True)
    """Which line of that file, from 1; of a workbook, which row of its sheet."""
    column: str = attrs.field(default="", kw_only=True)
    """Which column of a table, as spreadsheets name it: ``B``."""

    def __str__(self) -> str:
        where = self.source
        if self.line is not None:
            where = f"{where}:{self.line}" if where else f"line {self.line}"
        which = self.path
        if self.column:
            which = f"{which} (column {self.column})" if which else f"column {self.column}"
        what = f"{which}: {self.message}" if which else self.message
        text = f"{where}: {what}" if where else what
        if not self.hint:
            return text
        return f"{text}{'' if text.endswith('?') else '.'} {self.hint}"


@attrs.define(slots=False, eq=False)
class ClosedError(TagoError):
    """The client was used before it was opened or after it was closed."""


@attrs.define(slots=False, eq=False)
class WaitTooLongError(TagoError):
    """The limits give no turn within the time that the caller allows; nothing was sent."""

    route: str = attrs.field(default="", kw_only=True)
    """Method and template."""
    max_wait: float = attrs.field(default=0.0, kw_only=True)
    """How long the caller would have waited, in seconds."""
    least: float | None = attrs.field(default=None, kw_only=True)
    """How long it would have been at least, in seconds, where that was known at once."""


@attrs.define(slots=False, eq=False)
class BulkStoppedError(TagoError):
    """A bulk run ended before its last row; every row's state is known."""

    reason: TagoError = attrs.field(kw_only=True)
    """What stopped it."""
    report: BulkReport = attrs.field(kw_only=True)
    """What was done until then."""


@attrs.define(slots=False, eq=False)
class InterruptedRunError(TagoError):
    """The caller of a bulk run asked it to stop: a reason to give to `BulkRun.stop`."""


@attrs.define(slots=False, eq=False)
class JournalError(TagoError):
    """A journal can't be read or written, or belongs to other rows; nothing more was sent."""

    journal: str = attrs.field(default="", kw_only=True)
    """Which file."""

    def headline(self) -> str:
        """Add the file."""
        return f"{self.journal}: {self.message}" if self.journal else self.message


@attrs.define(slots=False, eq=False)
class LockedError(TagoError):
    """Another process works with the same run, journal or list; nothing was sent."""


@attrs.define(slots=False, eq=False)
class LedgerError(TagoError):
    """What counts for many processes was away for longer than it may be; nothing was sent."""


@attrs.define(slots=False, eq=False)
class AmbiguousMatchError(TagoError):
    """Several things on the service could be what a lost answer was about; none was chosen."""

    candidates: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    """Their ids."""

    def details(self) -> list[str]:
        """Add the candidates."""
        return [f"Candidates: {', '.join(self.candidates)}"] if self.candidates else []


@attrs.define(slots=False, eq=False)
class RequestError(TagoError):
    """A request failed."""

    route: str = attrs.field(default="", kw_only=True)
    """Method and template: ``GET /device/:device_id``. Never the URL, which may hold a token."""
    attempts: int = attrs.field(default=1, kw_only=True)
    """How often it was sent; waits for budget do not count."""
    may_have_acted: bool = attrs.field(default=False, kw_only=True)
    """Whether the service may have carried the request out all the same, at any attempt."""

    def headline(self) -> str:
        """Add the route."""
        return f"{self.message} ({self.route})" if self.route else self.message

    def details(self) -> list[str]:
        """Add the attempts and the doubt."""
        parts = []
        if self.attempts > 1:
            parts.append(f"Tried {self.attempts} times")
        if self.may_have_acted:
            parts.append("The service may have acted on it")
        return parts


@attrs.define(slots=False, eq=False)
class NoAnswerError(RequestError):
    """The service did not answer."""


@attrs.define(slots=False, eq=False)
class ConnectError(NoAnswerError):
    """No connection could be made: the service never saw the request."""


@attrs.define(slots=False, eq=False)
class ConnectionLostError(NoAnswerError):
    """The connection ended before the answer; whether the service acted is unknown."""


@attrs.define(slots=False, eq=False)
class AnswerTimeoutError(NoAnswerError):
    """No answer within the time allowed; whether the service acted is unknown."""


@attrs.define(slots=False, eq=False)
class MalformedAnswerError(RequestError):
    """The answer is not what the API documents."""

    status: int = attrs.field(default=0, kw_only=True)
    """The answer's HTTP status."""
    problems: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    """What is wrong with it, each with the path of the field."""

    def details(self) -> list[str]:
        """Add what is wrong with the answer."""
        return [*super().details(), *self.problems]


@attrs.define(slots=False, eq=False)
class ServiceError(RequestError):
    """The service answered, and said no."""

    status: int = attrs.field(default=0, kw_only=True)
    """The answer's HTTP status; 200 with ``"status": false`` in the body is an error too."""
    service_message: str = attrs.field(default="", kw_only=True)
    """What the service said, with anything that looks like a token cut short."""


@attrs.define(slots=False, eq=False)
class BadRequestError(ServiceError):
    """The service refused the request as it stands (400 and other 4xx)."""


@attrs.define(slots=False, eq=False)
class AuthenticationError(ServiceError):
    """The token is wrong, expired, of another region, or may not do this (401)."""


@attrs.define(slots=False, eq=False)
class PermissionDeniedError(ServiceError):
    """The token may not do this, or the plan does not include it (402, 403)."""


@attrs.define(slots=False, eq=False)
class NotFoundError(ServiceError):
    """No such device, token or route (404)."""


@attrs.define(slots=False, eq=False)
class ResourceLimitError(ServiceError):
    """The plan holds no more of this resource."""

    resource: str = attrs.field(default="", kw_only=True)
    """What there is no more room for, in the service's word: ``Device``."""


@attrs.define(slots=False, eq=False)
class RateLimitedError(ServiceError):
    """The route accepted nothing in three windows: more than a full window is in the way."""


@attrs.define(slots=False, eq=False)
class RedirectError(ServiceError):
    """The service pointed elsewhere (3xx). Not followed: the token must not travel."""


@attrs.define(slots=False, eq=False)
class ServerError(ServiceError):
    """The service, or something before it, failed (5xx)."""
