"""One attempt: an HTTP exchange, and what its answer means.

One request is one count.
Redirects are not followed.
aiohttp repeats idempotent requests by itself when a kept-alive connection turns out to be dead,
which the service may count twice and answer once: the middleware here turns the connection's error
into our own before aiohttp sees it.
"""

from __future__ import annotations

import platform
import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import attrs
import orjson
from multidict import CIMultiDict
from yarl import URL

import tagodev
from tagodev.errors import (
    AnswerTimeoutError,
    AuthenticationError,
    BadRequestError,
    ClosedError,
    ConnectError,
    ConnectionLostError,
    MalformedAnswerError,
    NoAnswerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RedirectError,
    RequestError,
    ResourceLimitError,
    ServerError,
    ServiceError,
)
from tagodev.secrets import HeaderValue, redact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import ClientRequest, ClientResponse, ClientSession
    from aiohttp.client_middlewares import ClientHandlerType
    from attrs import frozen

    from tagodev.limits.routes import Route
    from tagodev.retry import Safety
    from tagodev.secrets import Secret
else:
    # Whoever makes one that is frozen at run time too waits three times as long, at each request.
    frozen = attrs.define

__all__ = ["Answer", "Request", "Transport"]

_USER_AGENT: Final = f"tagodev/{tagodev.__version__} (Python/{platform.python_version()})"
# Nine digits are thirty years; more would not even fit a float for ever.
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_RETRY_AFTER: Final = re.compile(r"retry-after\s*:?\s*([0-9]{1,9})(?![0-9])", re.IGNORECASE)
_RESOURCE_LIMIT: Final = re.compile(r"exceeded the maximum limit of ([A-Za-z ]+?)\s*(?:\(|$)")
#: What the layers below raise; a UnicodeError comes from a host name that is none.
_BELOW: Final = (aiohttp.ClientError, TimeoutError, OSError, UnicodeError)
_BY_STATUS: Final[Mapping[int, type[ServiceError]]] = {
    401: AuthenticationError,
    402: PermissionDeniedError,
    403: PermissionDeniedError,
    404: NotFoundError,
    429: RateLimitedError,
}
_HINTS: Final[Mapping[type[ServiceError], str]] = {
    AuthenticationError: "Check the token and the region: a token is known to one region only",
    PermissionDeniedError: "Use a token that may do this, or a plan that includes it",
    RedirectError: "Give the address that the service answers at as api=",
}


@frozen(kw_only=True)
class Request:
    """One call of the API, ready to be sent as often as is safe."""

    route: Route
    """What it is counted by."""
    path: str = attrs.field(repr=False)
    """The path with ids filled in, and the query."""
    safety: Safety
    """What sending it twice could do."""
    body: bytes | None = attrs.field(default=None, repr=False)
    """JSON, or nothing."""
    secrets: tuple[Secret, ...] = ()
    """Tokens that stand in the path, so that error texts can be redacted."""
    token: Secret | None = None
    """Whose it is, where that is not the client's own token."""


@frozen
class Answer:
    """What came back, not yet understood."""

    status: int
    """HTTP status."""
    body: bytes = attrs.field(repr=False)
    """The whole body."""
    headers: Mapping[str, str] = attrs.field(repr=False)
    """The headers, whatever their case."""

    def retry_after(self) -> float | None:
        """Return the seconds to wait that a 429 names, from its header or its text."""
        header = self.headers.get("Retry-After", "").strip()
        if _SECONDS.fullmatch(header):
            return float(header)
        match = _RETRY_AFTER.search(self.body[:1000].decode("utf-8", "replace"))
        return float(match[1]) if match else None

    def date(self) -> float | None:
        """Return the ``Date`` header in seconds of the epoch, or None if it can't be read."""
        text = self.headers.get("Date")
        return None if text is None else _seconds(text)


@lru_cache(maxsize=64)
def _seconds(date: str) -> float | None:
    # The same second is read thousands of times.
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    # HTTP knows one zone only; a date without one means the same.
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    # Before the epoch there was no service, and there are no windows.
    return seconds if seconds >= 0 else None


async def _never_resend(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    try:
        return await handler(request)
    except _BELOW as error:
        failure = _no_answer(error)
    # Raised out of the handler: the original holds the URL and the headers, and with them tokens.
    raise failure


#: What stands between us and a request that aiohttp would repeat: it repeats no POST.
_GUARD: Final = (_never_resend,)
_NONE: Final = ()


def _no_answer(error: Exception) -> NoAnswerError:
    if isinstance(error, (aiohttp.InvalidURL, UnicodeError)):
        return ConnectError("No connection: the address, or that of the proxy, is none")
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = error.strerror or str(error.os_error) or type(error.os_error).__name__
        return ConnectError(f"No connection to {error.host}:{error.port} ({redact(reason)})")
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return ConnectError("No connection within the time allowed")
    if isinstance(error, TimeoutError):
        return AnswerTimeoutError("No answer within the time allowed")
    return ConnectionLostError(f"The connection ended before the answer ({type(error).__name__})")


class Transport:
    """Sends requests to one address with one token."""

    def __init__(
        self,
        session: ClientSession,
        base_url: str,
        token: Secret,
        *,
        timeout: float,
        proxy: str | None = None,
    ) -> None:
        """Prepare what all requests share.

        Args:
            session: the open aiohttp session.
            base_url: scheme and host, without a trailing slash.
            token: sent with every request.
            timeout: seconds for one attempt, from its connection to the end of its answer.
            proxy: address of an HTTP proxy.
        """
        self._session = session
        self.base_url: Final = base_url
        """The service's address."""
        self._token = token
        self._timeout = _bounds(timeout)
        self._proxy = proxy
        self._headers = CIMultiDict(
            {"Authorization": HeaderValue(token.reveal()), "User-Agent": _USER_AGENT}
        )
        self._headers_with_body = self._headers.copy()
        self._headers_with_body["Content-Type"] = "application/json"

    @property
    def account(self) -> str:
        """A digest of the token, from which it does not come back: whose requests these are."""
        return blake2b(
            self._token.reveal().encode(), digest_size=16, key=b"tagodev account 1"
        ).hexdigest()

    async def exchange(self, request: Request, seconds: float | None = None) -> Answer:
        """Send a request once and return whatever answer comes.

        Args:
            request: what to send.
            seconds: how long this attempt may take; default: the transport's own timeout.

        Raises:
            ConnectError: it never left.
            NoAnswerError: it may have arrived, and nothing came back.
            ClosedError: the session was closed.
        """
        if self._session.closed:
            raise ClosedError("The aiohttp session is closed")
        response: ClientResponse | None = None
        method = request.route.method
        headers = self._headers if request.body is None else self._headers_with_body
        if request.token is not None:
            headers = _with_token(headers, request.token)
        try:
            response = await self._session.request(
                method,
                URL(self.base_url + request.path, encoded=True),
                data=request.body,
                headers=headers,
                allow_redirects=False,
                timeout=self._timeout if seconds is None else _bounds(seconds),
                proxy=self._proxy,
                middlewares=_NONE if method == "POST" else _GUARD,
            )
            return Answer(response.status, await response.content.read(), response.headers)
        except NoAnswerError as error:
            # Without the frames of the layers below: their variables hold the URL.
            failure = error.with_traceback(None)
        except _BELOW as error:
            failure = _no_answer(error)
        finally:
            # At its end an answer gives its connection up; what has not come to an end keeps it.
            if response is not None and not response.closed:
                response.close()
            # It holds the URL too, and this frame stays.
            response = None
        raise failure

    def read(self, request: Request, answer: Answer) -> Any:
        """Return the result that an answer carries.

        Raises:
            ServiceError: the service said no.
            MalformedAnswerError: it is not what the API documents.
        """
        result = self._open(request, answer)
        # Raised here, where no variable holds what the service said before it was redacted.
        if isinstance(result, RequestError):
            raise result
        return result

    def _open(self, request: Request, answer: Answer) -> Any:
        """Return the result in an answer's envelope, or the error that it stands for."""
        envelope = _decode(answer.body)
        if (
            answer.status < 300
            and type(envelope) is dict
            and envelope.get("status") is True
            and "result" in envelope
        ):
            return envelope["result"]
        refused = isinstance(envelope, dict) and envelope.get("status") is False
        if answer.status >= 300 or refused:
            return self.refusal(request, answer)
        if envelope is None:
            return _malformed(answer, "the body is not JSON")
        # Some routes answer without the envelope.
        if not isinstance(envelope, dict) or "status" not in envelope:
            return envelope
        if envelope["status"] is not True:
            return _malformed(answer, "the status in the body is neither true nor false")
        return _malformed(answer, "the body has no result")

    def refusal(self, request: Request, answer: Answer) -> ServiceError:
        """Return the error that an answer which says no stands for."""
        status = answer.status
        said = _said(_decode(answer.body)) or "no message"
        other = () if request.token is None else (request.token,)
        text = redact(said, (self._token, *request.secrets, *other))
        limit = _RESOURCE_LIMIT.search(text)
        if limit and 400 <= status < 500:
            return ResourceLimitError(
                f"The service holds no more: {text}",
                hint="Remove some, or use a plan with room",
                status=status,
                service_message=text,
                resource=limit[1],
            )
        cls = _BY_STATUS.get(status, _by_class(status))
        return cls(
            f"The service refused with {status}: {text}",
            hint=_HINTS.get(cls, ""),
            status=status,
            service_message=text,
        )


def _bounds(timeout: float) -> aiohttp.ClientTimeout:
    # Connecting ends first, by more than aiohttp's rounding to whole seconds: a request is only
    # known never to have left if it is this limit that ended it.
    return aiohttp.ClientTimeout(total=timeout, connect=min(timeout * 0.75, 10))


def _with_token(headers: CIMultiDict[str], token: Secret) -> CIMultiDict[str]:
    headers = headers.copy()
    headers["Authorization"] = HeaderValue(token.reveal())
    return headers


def _decode(body: bytes) -> Any:
    """Return decoded JSON, or None for what is none: no answer of the API is ``null``."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _malformed(answer: Answer, problem: str) -> MalformedAnswerError:
    return MalformedAnswerError(
        "The answer can't be understood",
        status=answer.status,
        problems=(problem,),
        may_have_acted=True,
    )


def _by_class(status: int) -> type[ServiceError]:
    if status >= 500:
        return ServerError
    return RedirectError if 300 <= status < 400 else BadRequestError


def _said(envelope: Any) -> str:
    """Return the service's message, wherever this answer keeps it."""
    if not isinstance(envelope, dict):
        return ""
    result = envelope.get("result")
    places = [envelope.get("message"), result, envelope.get("error")]
    if isinstance(result, dict):
        places[1:1] = [result.get("message"), result.get("server_response"), result.get("error")]
    text = next((place for place in places if isinstance(place, str) and place), "")
    fields = envelope.get("field_errors")
    return f"{text} {_written(fields)}".strip() if isinstance(fields, dict) else text


def _written(fields: dict[str, Any]) -> str:
    try:
        return orjson.dumps(fields).decode()
    except orjson.JSONEncodeError:
        # orjson reads what is nested deeper than it writes.
        return ""
