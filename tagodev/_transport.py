"""The transport: sends one HTTP request, and decodes its answer.

One call sends one request.
Redirects are not followed.
aiohttp repeats idempotent requests when a kept-alive connection turns out to be dead, which the
service may count twice and answer once: the middleware here turns the connection's error into ours
before aiohttp sees it.
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
from tagodev._secrets import HeaderValue, redact
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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import ClientRequest, ClientResponse, ClientSession
    from aiohttp.client_middlewares import ClientHandlerType
    from attrs import frozen

    from tagodev._limits.routes import Route
    from tagodev._retry import Safety
    from tagodev._secrets import Secret
else:
    # The frozen variant of attrs takes three times as long to create, at each request.
    frozen = attrs.define

__all__ = ["Answer", "Request", "Transport", "malformed"]

_USER_AGENT: Final = f"tagodev/{tagodev.__version__} (Python/{platform.python_version()})"
# Nine digits are thirty years; more could overflow a float.
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_RETRY_AFTER: Final = re.compile(r"retry-after\s*:?\s*([0-9]{1,9})(?![0-9])", re.IGNORECASE)
_RESOURCE_LIMIT: Final = re.compile(r"exceeded the maximum limit of ([A-Za-z ]+?)\s*(?:\(|$)")
#: What lower layers raise; a UnicodeError comes from an invalid host name.
_LOWER_ERRORS: Final = (aiohttp.ClientError, TimeoutError, OSError, UnicodeError)
_BY_STATUS: Final[Mapping[int, type[ServiceError]]] = {
    401: AuthenticationError,
    402: PermissionDeniedError,
    403: PermissionDeniedError,
    404: NotFoundError,
    429: RateLimitedError,
}
_HINTS: Final[Mapping[type[ServiceError], str]] = {
    AuthenticationError: "Check the token and the region: a token is valid in one region only",
    PermissionDeniedError: "Use a token with access to this, or a plan that includes it",
    RedirectError: "Pass the service's current address as api=",
}


@frozen(kw_only=True)
class Request:
    """One request of the API, which may be sent several times."""

    route: Route
    """The route whose limit counts it."""
    path: str = attrs.field(repr=False)
    """The path with ids inserted, and the query."""
    safety: Safety
    """The effect of sending it twice."""
    body: bytes | None = attrs.field(default=None, repr=False)
    """JSON, or None."""
    secrets: tuple[Secret, ...] = ()
    """Tokens in the path, so that error texts can be redacted."""
    token: Secret | None = None
    """The token to send, if it is not the client's own."""


@frozen
class Answer:
    """An answer, not decoded yet."""

    status: int
    """HTTP status."""
    body: bytes = attrs.field(repr=False)
    """The whole body."""
    headers: Mapping[str, str] = attrs.field(repr=False)
    """The headers, case-insensitive."""

    def retry_after(self) -> float | None:
        """Return the seconds to wait after a 429, from its header or its text."""
        header = self.headers.get("Retry-After", "").strip()
        if _SECONDS.fullmatch(header):
            return float(header)
        match = _RETRY_AFTER.search(self.body[:1000].decode("utf-8", "replace"))
        return float(match[1]) if match else None

    def date(self) -> float | None:
        """Return the ``Date`` header in seconds of the epoch, or None if it is no evidence.

        A date with an ``Age`` is a cache's, and one of an answer without JSON a proxy's.
        """
        text = self.headers.get("Date")
        if text is None or "Age" in self.headers or self.body[:1] not in _JSON_BEGINS:
            return None
        return _seconds(text)


@lru_cache(maxsize=64)
def _seconds(date: str) -> float | None:
    # The same second is read thousands of times.
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    # HTTP dates are always GMT; a date without a zone is one too.
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    # Times before the epoch are invalid here.
    return seconds if seconds >= 0 else None


async def _never_resend(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    try:
        return await handler(request)
    except _LOWER_ERRORS as error:
        failure = _no_answer(error)
    # Raised out of the handler: the original holds the URL and the headers, and with them tokens.
    raise failure


#: How the bodies of the service's answers begin.
_JSON_BEGINS: Final = (b"{", b"[")
#: Wraps the exchange of a request that aiohttp would repeat; it repeats no POST.
_GUARD: Final = (_never_resend,)
_NONE: Final = ()


def _no_answer(error: Exception) -> NoAnswerError:
    if isinstance(error, (aiohttp.InvalidURL, UnicodeError)):
        return ConnectError("No connection: the address of the service or the proxy is invalid")
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
        """Initialize the transport.

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
        self._seconds = timeout
        self._timeout = _bounds(timeout)
        self._proxy = proxy
        self._headers = CIMultiDict(
            {"Authorization": HeaderValue(token.reveal()), "User-Agent": _USER_AGENT}
        )
        self._headers_with_body = self._headers.copy()
        self._headers_with_body["Content-Type"] = "application/json"

    @property
    def account(self) -> str:
        """A digest of the token that does not reveal it: identifies the caller."""
        return blake2b(
            self._token.reveal().encode(), digest_size=16, key=b"tagodev account 1"
        ).hexdigest()

    def elsewhere(self, base_url: str, token: Secret) -> Transport:
        """Return a transport to another address over the same aiohttp session.

        Args:
            base_url: scheme, host and path, without a trailing slash.
            token: sent with every request there, instead of this transport's token.
        """
        return Transport(self._session, base_url, token, timeout=self._seconds, proxy=self._proxy)

    async def exchange(self, request: Request, seconds: float | None = None) -> Answer:
        """Send a request once and return the answer.

        Args:
            request: the request.
            seconds: the timeout of this attempt; default: the transport's own timeout.

        Raises:
            ConnectError: it was not sent.
            NoAnswerError: it may have arrived, and there was no answer.
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
            # Without the frames of the lower layers: their variables hold the URL.
            failure = error.with_traceback(None)
        except _LOWER_ERRORS as error:
            failure = _no_answer(error)
        finally:
            # An answer that was read to its end releases its connection.
            if response is not None and not response.closed:
                response.close()
            # It holds the URL too, and this frame stays in the traceback.
            response = None
        raise failure

    def read(self, request: Request, answer: Answer) -> Any:
        """Return the result in an answer.

        Raises:
            ServiceError: the service refused.
            MalformedAnswerError: the answer is not what the API documents.
        """
        result = self._open(request, answer)
        # Raised here, where no variable holds the service's message before it was redacted.
        if isinstance(result, RequestError):
            raise result
        return result

    def _open(self, request: Request, answer: Answer) -> Any:
        """Return the result in an answer's envelope, or the matching error."""
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
            return malformed(answer, "the body is not JSON")
        # Some routes answer without the envelope.
        if not isinstance(envelope, dict) or "status" not in envelope:
            return envelope
        if envelope["status"] is not True:
            return malformed(answer, "the status in the body is neither true nor false")
        return malformed(answer, "the body has no result")

    def refusal(self, request: Request, answer: Answer) -> ServiceError:
        """Return the error that matches a refusal."""
        status = answer.status
        message = _service_message(_decode(answer.body)) or "no message"
        other = () if request.token is None else (request.token,)
        text = redact(message, (self._token, *request.secrets, *other))
        limit = _RESOURCE_LIMIT.search(text)
        if limit and 400 <= status < 500:
            return ResourceLimitError(
                f"The plan allows no more: {text}",
                hint="Delete some, or use a larger plan",
                status=status,
                service_message=text,
                resource=limit[1],
            )
        cls = _BY_STATUS.get(status, _by_class(status))
        error = cls(
            f"The service refused with {status}: {text}",
            hint=_HINTS.get(cls, ""),
            status=status,
            service_message=text,
        )
        if isinstance(error, ServerError):
            error.retry_after = answer.retry_after()
        return error

    def rate_limited(self, request: Request, answer: Answer) -> ServiceError:
        """Return the error of a request whose route accepts nothing for several windows."""
        error = self.refusal(request, answer)
        error.message = f"The route accepted nothing in three windows: {error.service_message}"
        error.hint = (
            "The plan may be smaller than the one set, a soft limit may apply to this profile, "
            "or its monthly quota may be used up"
        )
        return error


def _bounds(timeout: float) -> aiohttp.ClientTimeout:
    # Connecting times out first, by more than aiohttp's rounding to whole seconds: only then is it
    # certain that the request was not sent.
    return aiohttp.ClientTimeout(total=timeout, connect=min(timeout * 0.75, 10))


def _with_token(headers: CIMultiDict[str], token: Secret) -> CIMultiDict[str]:
    headers = headers.copy()
    headers["Authorization"] = HeaderValue(token.reveal())
    return headers


def _decode(body: bytes) -> Any:
    """Return decoded JSON, or None if it is invalid: no answer of the API is ``null``."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def malformed(answer: Answer, *problems: str) -> MalformedAnswerError:
    """Return the error for an answer that is not what the API documents."""
    return MalformedAnswerError(
        "The answer is not what the API documents",
        status=answer.status,
        problems=problems,
        may_have_acted=True,
    )


def _by_class(status: int) -> type[ServiceError]:
    if status >= 500:
        return ServerError
    return RedirectError if 300 <= status < 400 else BadRequestError


def _service_message(envelope: Any) -> str:
    """Return the service's message, from any of its fields."""
    if not isinstance(envelope, dict):
        return ""
    result = envelope.get("result")
    inner = result if isinstance(result, dict) else {}
    candidates = (
        envelope.get("message"),
        *(inner.get(name) for name in ("message", "server_response", "error")),
        result,
        envelope.get("error"),
    )
    text = next((one for one in candidates if isinstance(one, str) and one), "")
    fields = envelope.get("field_errors")
    return f"{text} {_encoded(fields)}".strip() if isinstance(fields, dict) else text


def _encoded(fields: dict[str, Any]) -> str:
    try:
        return orjson.dumps(fields).decode()
    except orjson.JSONEncodeError:
        # orjson reads deeper nesting than it writes.
        return ""
