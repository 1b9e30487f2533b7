"""OpenTelemetry: spans and metrics of every request, by ``Tago(..., on_event=OpenTelemetry())``.

Needs the extra ``otel``.
Spans and metrics go to the program's OpenTelemetry SDK; without an SDK they are dropped.

Names are those of OpenTelemetry's semantic conventions for HTTP clients; other names begin with
``tagodev``.
``url.full`` is never set, since URLs may hold tokens; ``url.template`` is:
``/device/token/:token``.
The program's instrumentation of aiohttp, if there is one, would record the URL: it is suppressed
while a request is sent.

A span is one attempt, from its sending to the end of its answer, with the wait for its permit as an
attribute. Its parent is the current span of the caller's task.
No trace context is sent to the service.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import attrs

from tagodev import __version__
from tagodev.events import Ended, GaveUp, Sent

try:
    from opentelemetry import metrics, trace
    from opentelemetry.context import (
        # Private to OpenTelemetry's own instrumentations, of which this is one more.
        _SUPPRESS_HTTP_INSTRUMENTATION_KEY,
        _SUPPRESS_INSTRUMENTATION_KEY,
        attach,
        detach,
        set_value,
    )
except ModuleNotFoundError as _missing:
    raise ModuleNotFoundError(
        "tagodev.telemetry needs an extra: pip install 'tagodev[otel]'", name=_missing.name
    ) from None

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation
    from opentelemetry.trace import Span, TracerProvider

    from tagodev.events import Event

    _Attributes: TypeAlias = Mapping[str, str | int | float]
    _Key: TypeAlias = frozenset[tuple[str, str | int | float]]

__all__ = ["OpenTelemetry"]

_SCHEMA: Final = "https://opentelemetry.io/schemas/1.40.0"
#: Bucket boundaries that the conventions recommend for durations of requests, in seconds.
_DURATIONS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
#: Bucket boundaries for waits, which take from less than a second to several minutes.
_WAITS: Final = (0.005, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 900)
#: How long the use of a window is reported if its end is not known, in seconds.
_MINUTE: Final = 60.0


class OpenTelemetry:
    """A sink of events that records spans and metrics.

    One sink may serve several clients. To distinguish their profiles, give each client a sink of
    its own, with an attribute that names the profile.

    Examples:
        >>> async def main() -> None:
        ...     async with Tago("p-...", plan="scale", on_event=OpenTelemetry()) as tago: ...
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        """Create the instruments.

        Args:
            tracer_provider: creates the spans; default: the program's own.
            meter_provider: creates the metrics; default: the program's own.
            attributes: added to every span and metric; default: none.
        """
        self._tracer = trace.get_tracer("tagodev", __version__, tracer_provider, _SCHEMA)
        meter = metrics.get_meter("tagodev", __version__, meter_provider, _SCHEMA)
        self._duration = meter.create_histogram(
            "http.client.request.duration",
            "s",
            "Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=_DURATIONS,
        )
        self._active = meter.create_up_down_counter(
            "http.client.active_requests", "{request}", "Number of active HTTP requests."
        )
        self._wait_time = meter.create_histogram(
            "tagodev.client.request.wait_time",
            "s",
            "Time that requests waited for their turn.",
            explicit_bucket_boundaries_advisory=_WAITS,
        )
        self._rejections = meter.create_counter(
            "tagodev.client.request.rejections",
            "{request}",
            "Requests that the service refused with a 429.",
        )
        self._resends = meter.create_counter(
            "tagodev.client.request.resends",
            "{request}",
            "Requests that were sent again, after a 429 or a failure.",
        )
        _observe_windows(meter, meter_provider)
        self._meter_provider = meter_provider
        self._attributes = dict(attributes or {})
        self._route_attributes: dict[tuple[str, str, str], _Attributes] = {}
        self._out: dict[int, tuple[Span, Token[Context]]] = {}

    def __call__(self, event: Event) -> None:
        """Record an event, in the task that it concerns."""
        if isinstance(event, Sent):
            self._begin(event)
        elif isinstance(event, Ended):
            self._end(event)
        elif isinstance(event, GaveUp):
            attributes = {
                **self._attributes_of(event),
                "tagodev.priority": event.priority,
                "error.type": "tagodev.errors.WaitTooLongError",
            }
            self._wait_time.record(event.waited, attributes)

    def _begin(self, sent: Sent) -> None:
        route = self._attributes_of(sent)
        priority = {"tagodev.priority": sent.priority}
        attributes = {
            **route,
            **priority,
            "tagodev.route": sent.route,
            "tagodev.wait_time": sent.waited,
            "tagodev.window.used": sent.state.used,
            "tagodev.window.budget": sent.state.budget,
        }
        if sent.resends:
            attributes["http.request.resend_count"] = sent.resends
        # Zero is recorded as well: a monitor of changes needs the first value.
        self._resends.add(int(sent.resends > 0), {**route, **priority})
        self._wait_time.record(sent.waited, {**route, **priority})
        self._active.add(1, route)
        self._note_window(sent)
        span = self._tracer.start_span(
            f"{sent.method} {route['url.template']}",
            kind=trace.SpanKind.CLIENT,
            attributes=attributes,
        )
        inside = trace.set_span_in_context(span)
        # Which of the two is respected depends on the instrumentation's version.
        for key in (_SUPPRESS_HTTP_INSTRUMENTATION_KEY, _SUPPRESS_INSTRUMENTATION_KEY):
            inside = set_value(key, True, inside)
        self._out[sent.number] = span, attach(inside)

    def _end(self, ended: Ended) -> None:
        sent = ended.sent
        route = self._attributes_of(sent)
        span, token = self._out.pop(sent.number)
        outcome: dict[str, str | int] = {}
        if ended.status is not None:
            outcome["http.response.status_code"] = ended.status
        failure = _error_type(ended)
        if failure is not None:
            outcome["error.type"] = failure
            span.set_status(trace.StatusCode.ERROR)
        span.set_attributes(outcome)
        # While the span is current, so that an exemplar refers to it.
        self._duration.record(ended.seconds, {**route, **outcome})
        self._active.add(-1, route)
        rejected = int(ended.status == 429)
        self._rejections.add(rejected, {**route, "tagodev.priority": sent.priority})
        detach(token)
        span.end()

    def _note_window(self, sent: Sent) -> None:
        state, route = sent.state, self._attributes_of(sent)
        ends_in = _MINUTE if state.next_window_in is None else state.next_window_in
        attributes = {
            **self._attributes,
            "server.address": route["server.address"],
            "server.port": route["server.port"],
            "tagodev.route": sent.route,
        }
        use = _Use(attributes, state.used, state.budget, state.limit, monotonic() + ends_in)
        _uses(self._meter_provider)[frozenset(attributes.items())] = use

    def _attributes_of(self, event: Sent | GaveUp) -> _Attributes:
        """Return the attributes of all requests like this one."""
        key = event.address, event.method, event.template
        route = self._route_attributes.get(key)
        if route is None:
            url = urlsplit(event.address)
            route = self._route_attributes[key] = {
                **self._attributes,
                "http.request.method": event.method,
                "server.address": url.hostname or "",
                "server.port": url.port or (443 if url.scheme == "https" else 80),
                "url.template": url.path + event.template,
            }
        return route


def _error_type(ended: Ended) -> str | None:
    """Return the error's class or the status of a failed request; None if it did not fail."""
    if ended.error is not None:
        return f"{ended.error.__module__}.{ended.error.__qualname__}"
    return None if ended.status is None or ended.status < 400 else str(ended.status)


# --- windows -----------------------------------------------------------------------------------


@attrs.frozen
class _Use:
    """The state of a route's window when a request was last sent to it."""

    attributes: _Attributes
    used: int
    budget: int
    limit: int
    until: float


#: Shared by meter: a meter calls only the first observer of a name.
_uses_by_provider: Final[WeakKeyDictionary[MeterProvider, dict[_Key, _Use]]] = WeakKeyDictionary()


def _uses(provider: MeterProvider | None) -> dict[_Key, _Use]:
    # Read each time: the program may set its own provider after the first client was created.
    return _uses_by_provider.setdefault(provider or metrics.get_meter_provider(), {})


def _observe_windows(meter: Meter, provider: MeterProvider | None) -> None:
    """Report the use of windows; called by the meter's reader, usually from another thread."""

    def observe(value: Callable[[_Use], int]) -> Callable[[CallbackOptions], Iterator[Observation]]:
        def callback(_options: CallbackOptions) -> Iterator[Observation]:
            for use in tuple(_uses(provider).values()):
                yield metrics.Observation(value(use), use.attributes)

        return callback

    for name, value, description in (
        (
            "tagodev.client.window.used",
            lambda use: use.used if monotonic() < use.until else 0,
            "Requests charged to the current window of a route.",
        ),
        (
            "tagodev.client.window.budget",
            lambda use: use.budget,
            "Requests that may be sent in one window of a route.",
        ),
        (
            "tagodev.client.window.limit",
            lambda use: use.limit,
            "Requests that the service accepts in one window of a route.",
        ),
    ):
        meter.create_observable_gauge(name, [observe(value)], "{request}", description)
