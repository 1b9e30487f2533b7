"""The transport: sends one HTTP request, and decodes its answer.

One call sends one request.
Redirects are not followed.
What the service sends is bounded, redacted and classified here: the size of an answer and the
number of its values, the length of its texts in errors, the tokens in them, and the kind of error.
aiohttp repeats idempotent requests when a kept-alive connection turns out to be dead, which the
service may count twice and answer once: the middleware here turns the connection's error into ours
before aiohttp sees it.
"""

from __future__ import annotations

import asyncio
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
from tagodev._secrets import HeaderValue, quote, redact
from tagodev._serialization.decoder import decode, first_words, why_unreadable
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

    from aiohttp import ClientRequest, ClientResponse, ClientSession, ClientTimeout, StreamReader
    from aiohttp.client_middlewares import ClientHandlerType
    from aiohttp.connector import Connection
    from attrs import frozen

    from tagodev._limits.routes import Route
    from tagodev._retry import Safety
    from tagodev._secrets import Secret
else:
    # The frozen variant of attrs takes three times as long to create, at each request.
    frozen = attrs.define

__all__ = ["MAX_ANSWER_BYTES", "Answer", "Connector", "Request", "Transport"]

#: The largest answer that is read unless the caller says otherwise, decompressed.
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024

_USER_AGENT: Final = f"tagodev/{tagodev.__version__} (Python/{platform.python_version()})"
# Nine digits are thirty years; more could overflow a float.
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_RETRY_AFTER: Final = re.compile(r"retry-after[\s:]{0,5}([0-9]{1,9})(?![0-9])", re.IGNORECASE)
_OF_ENVELOPE: Final = ("status", "message")
_RESOURCE_LIMIT: Final = "exceeded the maximum limit of "
#: A date is shorter.
_MAX_DATE: Final = 64
_NOT_SERVICE: Final = "Check the address, and any proxy, firewall or sign-in page on the way to it"
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

    def __attrs_post_init__(self) -> None:
        if self.secrets:
            # Tracebacks with the attributes of local variables would show it.
            object.__setattr__(self, "path", HeaderValue(self.path))


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
    if len(date) > _MAX_DATE:
        return None
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError, IndexError, TypeError):
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

    _max_bytes = MAX_ANSWER_BYTES

    def __init__(
        self,
        session: ClientSession,
        base_url: str,
        token: Secret,
        *,
        timeout: float,
        proxy: str | None = None,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        """Initialize the transport.

        Args:
            session: the open aiohttp session.
            base_url: scheme and host, without a trailing slash.
            token: sent with every request.
            timeout: seconds for one attempt, from its connection to the end of its answer.
            proxy: address of an HTTP proxy.
            max_answer_bytes: size of the largest answer to read, decompressed.
        """
        self._session = session
        self._max_bytes = max_answer_bytes
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
        return Transport(
            self._session,
            base_url,
            token,
            timeout=self._seconds,
            proxy=self._proxy,
            max_answer_bytes=self._max_bytes,
        )

    async def exchange(self, request: Request, seconds: float | None = None) -> Answer:
        """Send a request once and return the answer.

        Args:
            request: the request.
            seconds: the timeout of this attempt; default: the transport's own timeout.

        Raises:
            ConnectError: it was not sent.
            NoAnswerError: it may have arrived, and there was no answer.
            MalformedAnswerError: the answer is too large.
            ClosedError: the session was closed.
        """
        if self._session.closed:
            raise ClosedError("The aiohttp session is closed")
        failure: BaseException
        response: ClientResponse | None = None
        body = b""
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
            content = response.content
            body = await content.readany()
            if not content.at_eof():
                body = await _read_rest(content, body, self._max_bytes)
            if len(body) <= self._max_bytes:
                return Answer(response.status, body, response.headers)
            failure = _too_large(response.status, self._max_bytes)
        except (NoAnswerError, asyncio.CancelledError) as error:
            # Without the frames of the lower layers: their variables hold the URL. The same goes
            # for the errors that a cancellation met there.
            failure = error.with_traceback(None)
            failure.__cause__ = failure.__context__ = None
        except Exception as error:  # noqa: BLE001  (whatever it is, its frames hold the URL)
            failure = _no_answer(error)
        finally:
            # An answer that was read to its end releases its connection.
            if response is not None and not response.closed:
                response.close()
            # They hold the URL and perhaps a new token, and this frame stays in the traceback.
            response, body = None, b""
        try:
            raise failure
        finally:
            # A variable that holds the error would keep both alive.
            del failure

    def read(self, request: Request, answer: Answer, *, needed: bool = True) -> Any:
        """Return the result in an answer.

        Args:
            request: the request.
            answer: the answer.
            needed: whether success without a result is malformed; None stands for it otherwise.

        Raises:
            ServiceError: the service refused.
            MalformedAnswerError: the answer is not what the API documents.
        """
        result = self._open(request, answer, needed=needed)
        # Raised here, where no variable holds the service's message before it was redacted.
        if isinstance(result, RequestError):
            # Nor the answer, which would live as long as the error.
            del answer
            raise result
        return result

    def _open(self, request: Request, answer: Answer, *, needed: bool) -> Any:
        """Return the result in an answer's envelope, or the matching error."""
        envelope = decode(answer.body, self._max_bytes)
        status = answer.status
        if (
            200 <= status < 300
            and type(envelope) is dict
            and envelope.get("status") is True
            and "result" in envelope
        ):
            return envelope["result"]
        if not 200 <= status < 600:
            problem = "the HTTP status is not one of an answer"
        elif status >= 300 or (isinstance(envelope, dict) and envelope.get("status") is False):
            return self._refusal(request, answer, envelope)
        elif status == 204 and not needed and not answer.body:
            return None
        elif envelope is None:
            problem = why_unreadable(answer.body, self._max_bytes)
        # Some routes answer without the envelope.
        elif not isinstance(envelope, dict) or "status" not in envelope:
            return envelope
        elif envelope["status"] is not True:
            problem = "the status in the body is neither true nor false"
        else:
            rest = {name: envelope[name] for name in envelope if name not in _OF_ENVELOPE}
            if rest or not needed:
                return rest or None
            problem = "the body has no result"
        return self.malformed(request, answer, problem)

    def refusal(self, request: Request, answer: Answer) -> ServiceError:
        """Return the error that matches a refusal."""
        return self._refusal(request, answer, decode(answer.body, self._max_bytes))

    def _refusal(self, request: Request, answer: Answer, envelope: Any) -> ServiceError:
        status = answer.status
        message = _service_message(envelope)
        cls = _BY_STATUS.get(status, _by_class(status))
        who, hint = "The service", _HINTS.get(cls, "")
        if not message and cls is RedirectError and "Location" in answer.headers:
            message = f"redirected to {answer.headers['Location']}"
        if not message and envelope is None and (message := first_words(answer.body)):
            # The service answers in JSON.
            who, hint = "The service, or a proxy before it,", _NOT_SERVICE
        text = quote(message or "no message", self._secrets(request))
        limit = _full_resource(text)
        if limit and 400 <= status < 500:
            return ResourceLimitError(
                f"The plan allows no more: {text}",
                hint="Delete some, or use a larger plan",
                status=status,
                service_message=text,
                resource=limit,
            )
        error = cls(
            f"{who} refused with {status}: {text}",
            hint=hint,
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

    def malformed(self, request: Request, answer: Answer, *problems: str) -> MalformedAnswerError:
        """Return the error for an answer that is not what the API documents.

        Args:
            request: the request.
            answer: the answer.
            problems: what is wrong; may hold texts of the service.
        """
        return MalformedAnswerError(
            "The answer is not what the API documents",
            status=answer.status,
            problems=tuple(quote(problem, self._secrets(request)) for problem in problems),
            may_have_acted=True,
        )

    def _secrets(self, request: Request) -> tuple[Secret, ...]:
        other = () if request.token is None else (request.token,)
        return (self._token, *request.secrets, *other)


async def _read_rest(content: StreamReader, first: bytes, most: int) -> bytes:
    """Return a body of which the first part is read; if it is too large, not all of it."""
    body = bytearray(first)
    while len(body) <= most and (block := await content.readany()):
        body += block
    return bytes(body)


def _too_large(status: int, most: int) -> MalformedAnswerError:
    return MalformedAnswerError(
        f"The answer is larger than {most:,} bytes",
        hint="Ask for less at once, or pass a larger max_answer_bytes=",
        status=status,
        may_have_acted=True,
    )


class Connector(aiohttp.TCPConnector):
    """Connects to the service, and drops connections that received something while they were idle.

    Otherwise aiohttp would take what a service sent unasked for the answer to the next request.
    """

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Any],
        timeout: ClientTimeout,  # noqa: ASYNC109  (aiohttp's signature)
    ) -> Connection:
        """Return a connection on which nothing has been received that was not asked for."""
        for _ in range(self.limit + 1):
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if protocol is None or not protocol.should_close:
                return connection
            connection.close()
        raise ConnectError("No connection: the server sends answers before any request")


def _bounds(timeout: float) -> aiohttp.ClientTimeout:
    # Connecting times out first, by more than aiohttp's rounding to whole seconds: only then is it
    # certain that the request was not sent.
    return aiohttp.ClientTimeout(total=timeout, connect=min(timeout * 0.75, 10))


def _with_token(headers: CIMultiDict[str], token: Secret) -> CIMultiDict[str]:
    headers = headers.copy()
    headers["Authorization"] = HeaderValue(token.reveal())
    return headers


def _full_resource(text: str) -> str:
    """Return the resource of which the plan allows no more; empty if the text does not say so."""
    name = text.partition(_RESOURCE_LIMIT)[2].partition("(")[0].strip()
    return name if name.isascii() and name.replace(" ", "").isalpha() else ""


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
