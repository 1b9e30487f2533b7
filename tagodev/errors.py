"""Exceptions of the library.

::

    TagoError
    ├── ConfigurationError        a setting is invalid: token, address, plan
    │   └── UnknownPlanError      the limits of the plan are not published
    ├── InputError                a value that the service would refuse; nothing was sent
    ├── ClosedError               the client is not open
    ├── WaitTooLongError          no permit within the time allowed; nothing was sent
    ├── BulkStoppedError          a bulk run ended early (`tagodev._bulk.report`)
    ├── InterruptedRunError       the reason of a run that its caller stopped
    ├── JournalError              a journal can't be used
    ├── LockedError               another process works with the same run, journal or list
    ├── LedgerError               a shared ledger is unavailable; nothing was sent
    ├── AmbiguousMatchError       a lost answer matches several devices
    └── RequestError              a request failed
        ├── NoAnswerError         there was no answer
        │   ├── ConnectError      no connection: the service did not get it
        │   ├── ConnectionLostError   the connection ended first: it may have acted
        │   └── AnswerTimeoutError    no answer in time: it may have acted
        ├── MalformedAnswerError  the answer is not what the API documents
        └── ServiceError          the service refused
            ├── BadRequestError       400 and other 4xx
            ├── AuthenticationError   401: the token is invalid
            ├── PermissionDeniedError 402, 403: not allowed to the token or the plan
            ├── NotFoundError         404
            ├── ResourceLimitError    the plan allows no more of this resource
            ├── RateLimitedError      429, window after window
            ├── RedirectError         3xx: not followed, to protect the token
            └── ServerError           5xx: it may have acted

Each has what happened, the service's message, whether the service may have acted, and what to do
next.
No error holds a token: texts are redacted when the error is created (`tagodev._secrets`), and
errors of lower layers are not chained, since they hold URLs and headers.
"""

from __future__ import annotations

from typing import Any, TypeVar

import attrs

__all__ = [
    "AmbiguousMatchError",
    "AnswerTimeoutError",
    "AuthenticationError",
    "BadRequestError",
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
    "UnknownPlanError",
    "WaitTooLongError",
]

_E = TypeVar("_E", bound="TagoError")


def _rebuild(cls: type[_E], fields: dict[str, Any]) -> _E:
    return cls(**fields)


# The interpreter assigns an exception's traceback and exceptions are compared by identity: hence no
# class below has slots, eq or frozen. A class without attributes of its own needs no decorator.


@attrs.define(slots=False, eq=False)
class TagoError(Exception):
    """The base class of the library's exceptions."""

    message: str
    """What happened, in one sentence."""
    hint: str = attrs.field(default="", kw_only=True)
    """What to do next; empty if there is no general advice."""
    accepted: int = attrs.field(default=0, kw_only=True)
    """Items that earlier requests of the same call sent, for a call with several items."""

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


class ConfigurationError(TagoError):
    """A setting of the client is invalid; nothing was sent."""


@attrs.define(slots=False, eq=False)
class InputError(TagoError):
    """A value is invalid; nothing was sent."""

    path: str = attrs.field(default="", kw_only=True)
    """The field, as a path: ``tags[3].key``."""
    source: str = attrs.field(default="", kw_only=True)
    """The file."""
    line: int | None = attrs.field(default=None, kw_only=True)
    """The line of the file, from 1; of a workbook, the row of its sheet."""
    column: str = attrs.field(default="", kw_only=True)
    """The column of a table, as in spreadsheets: ``B``."""

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
class UnknownPlanError(ConfigurationError):
    """The service names a rate plan whose limits are not published, and no limits were given."""

    plan: str = attrs.field(default="", kw_only=True)
    """The name of the plan, redacted and cut."""


class ClosedError(TagoError):
    """The client was used before it was opened or after it was closed."""


@attrs.define(slots=False, eq=False)
class WaitTooLongError(TagoError):
    """The rate limits give no permit within the time that the caller allows; nothing was sent."""

    route: str = attrs.field(default="", kw_only=True)
    """Method and path template."""
    max_wait: float = attrs.field(default=0.0, kw_only=True)
    """The time that the caller allows, in seconds."""
    least: float | None = attrs.field(default=None, kw_only=True)
    """The least wait, in seconds, if it was known at once."""


class InterruptedRunError(TagoError):
    """The caller stopped the run: a reason to pass to `BulkRun.stop`."""


@attrs.define(slots=False, eq=False)
class JournalError(TagoError):
    """A journal can't be read or written, or belongs to another input; nothing more was sent."""

    journal: str = attrs.field(default="", kw_only=True)
    """The file."""

    def headline(self) -> str:
        """Add the file."""
        return f"{self.journal}: {self.message}" if self.journal else self.message


class LockedError(TagoError):
    """Another process uses the same run, journal or list; nothing was sent."""


class LedgerError(TagoError):
    """A shared ledger was unavailable for too long; nothing was sent."""


@attrs.define(slots=False, eq=False)
class AmbiguousMatchError(TagoError):
    """A lost answer matches several resources of the service; none was chosen."""

    candidates: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    """Their ids."""

    def details(self) -> list[str]:
        """Add the candidates."""
        return [f"Candidates: {', '.join(self.candidates)}"] if self.candidates else []


@attrs.define(slots=False, eq=False)
class RequestError(TagoError):
    """A request failed."""

    route: str = attrs.field(default="", kw_only=True)
    """Method and path template: ``GET /device/:device_id``. Never the URL, which may hold a
    token."""
    counted_as: str = attrs.field(default="", kw_only=True)
    """The route in the table of limits that counts it, if that is another one: ``POST /data``."""
    attempts: int = attrs.field(default=1, kw_only=True)
    """How often the request was sent; waits for a permit do not count."""
    may_have_acted: bool = attrs.field(default=False, kw_only=True)
    """Whether the service may have carried the request out, at any attempt."""

    def headline(self) -> str:
        """Add the route."""
        counted = f", counted as {self.counted_as}" if self.counted_as else ""
        return f"{self.message} ({self.route}{counted})" if self.route else self.message

    def details(self) -> list[str]:
        """Add the attempts, and whether the service may have acted."""
        parts = []
        if self.attempts > 1:
            parts.append(f"Tried {self.attempts} times")
        if self.may_have_acted:
            parts.append("The service may have acted on it")
        return parts


class NoAnswerError(RequestError):
    """The service did not answer."""


class ConnectError(NoAnswerError):
    """No connection could be made: the service did not get the request."""


class ConnectionLostError(NoAnswerError):
    """The connection ended before the answer; whether the service acted is unknown."""


class AnswerTimeoutError(NoAnswerError):
    """No answer within the time allowed; whether the service acted is unknown."""


@attrs.define(slots=False, eq=False)
class MalformedAnswerError(RequestError):
    """The answer is not what the API documents."""

    status: int = attrs.field(default=0, kw_only=True)
    """The answer's HTTP status."""
    problems: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    """The problems, each with the path of the field."""

    def details(self) -> list[str]:
        """Add the problems."""
        return [*super().details(), *self.problems]


@attrs.define(slots=False, eq=False)
class ServiceError(RequestError):
    """The service refused the request."""

    status: int = attrs.field(default=0, kw_only=True)
    """The answer's HTTP status; 200 with ``"status": false`` in the body is an error too."""
    service_message: str = attrs.field(default="", kw_only=True)
    """The service's message, redacted."""


class BadRequestError(ServiceError):
    """The service refused the request as it stands (400 and other 4xx)."""


class AuthenticationError(ServiceError):
    """The token is wrong, expired, of another region, or has no access (401)."""


class PermissionDeniedError(ServiceError):
    """The token or the plan does not allow this (402, 403)."""


class NotFoundError(ServiceError):
    """The device, token or route does not exist (404)."""


@attrs.define(slots=False, eq=False)
class ResourceLimitError(ServiceError):
    """The plan allows no more of this resource."""

    resource: str = attrs.field(default="", kw_only=True)
    """The resource, as the service names it: ``Device``."""


class RateLimitedError(ServiceError):
    """The route accepted no request in three windows."""


class RedirectError(ServiceError):
    """The service redirected (3xx), which is not followed, to protect the token."""


@attrs.define(slots=False, eq=False)
class ServerError(ServiceError):
    """The service or a proxy failed (5xx)."""

    retry_after: float | None = attrs.field(default=None, kw_only=True)
    """The seconds after which it asked to be tried again, if it did."""
