"""Faults: errors of the network and the service, injected at random.

A request gets at most one fault.
Faults are drawn in this order, each with its own probability among the requests without a fault so
far:

- ``reset-before``: the connection is reset before the request is processed; the limiter does not
  count it.
- The limiter counts the request. The faults below apply to counted requests only; a request that
  exceeds the limit is refused with 429 as usual.
- ``http-500``: a server error in the envelope; the request is not carried out.
- ``status-false-200``: an error in the envelope with the HTTP status of a success; the request is
  not carried out.
- ``http-502-html``: a gateway's error page. Half of these requests are carried out, and the answer
  does not show which.
- The request is carried out.
- ``truncated-page``: a page of a list ends in its middle; the omitted items are on no other page.
- ``duplicate-across-pages``: the list grows before a page other than the first: this page and
  later ones begin with the last item of the page before.
- ``reset-after-commit``: the connection is reset without an answer.
- ``malformed-json``: the answer's body ends in its middle.
- ``slow``: the answer is delayed by the option ``slow_seconds``.

Two faults apply to error answers, including 429:

- ``no-retry-after-header``: a 429 has the time to wait in its text only.
- ``result-message``: the text is in ``result.message`` instead of ``message``.

Requests to unknown routes, and the emulator's own control routes, have no faults.
Faults use a separate random sequence, so that they don't change ids and tokens.
"""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode

import attrs
import orjson

from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.pagination import page_of
from tagodev.emulator._http.query import decode
from tagodev.emulator._http.service import Admitted, Service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagodev.emulator._http.routing import Route
    from tagodev.emulator._model.time import ServerClock
    from tagodev.emulator._options import EmulatorOptions

__all__ = ["FaultError", "FaultyService", "OddAnswer"]

#: Maximum number of lists with a shifted page that are remembered.
_REMEMBERED: Final = 1000


@attrs.frozen(kw_only=True)
class OddAnswer:
    """An answer that the service would not send."""

    status: int
    """HTTP status."""
    body: bytes
    """The body."""
    content_type: str = "application/json; charset=utf-8"
    """The ``Content-Type`` header."""
    retry_after: int | None = None
    """Whole seconds for the ``Retry-After`` header, None for no such header."""
    delay: float = 0.0
    """Delay in seconds."""


class FaultError(Exception):
    """A fault occurred.

    Args:
        answer: the answer to send, None to reset the connection.
    """

    def __init__(self, answer: OddAnswer | None = None) -> None:
        super().__init__()
        self.answer = answer


_BAD_GATEWAY: Final = OddAnswer(
    status=502,
    body=(
        b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
        b"<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
    ),
    content_type="text/html",
)


class FaultyService(Service):
    """One profile of the emulated service, with faults.

    Args:
        options: behaviour of the emulator, including the faults.
        clock: the server's clock; by default this machine's plus the options' offset.
    """

    def __init__(self, options: EmulatorOptions, clock: ServerClock | None = None) -> None:
        super().__init__(options, clock)
        self._begin()

    def _begin(self) -> None:
        seed = self.options.seed
        # A text, so that this sequence differs from that of the ids.
        start = None if seed is None else f"faults {seed}"
        self._chance = random.Random(start)  # noqa: S311 - repeatable, not secret
        self._struck = dict.fromkeys((fault.rpartition(":")[2] for fault in self.options.faults), 0)
        self._shifted: dict[tuple[str, tuple[str, ...], str], None] = {}

    def _strikes(self, name: str, route: Route) -> bool:
        faults = self.options.faults
        probability = faults.get(f"{route.key}:{name}", faults.get(name, 0))
        if not probability or self._chance.random() >= probability:
            return False
        self._struck[name] += 1
        return True

    def admit(self, method: str, target: str, headers: Mapping[str, str]) -> Admitted:
        """Accept a request, unless a fault occurs before.

        Args:
            method: in capitals.
            target: path and query as in the request.
            headers: case-insensitive.

        Raises:
            FaultError: its connection is reset, or it gets another error answer.
            RefusedError: as `Service.admit`.
        """
        found = self._router.find(method, target.partition("?")[0])
        if found is None:
            return super().admit(method, target, headers)
        route, _ = found
        if self._strikes("reset-before", route):
            raise FaultError
        try:
            return super().admit(method, target, headers)
        except RefusedError as refusal:
            raise self._with_fault(refusal, route) from None

    def answer(self, admitted: Admitted, raw_body: bytes) -> Any:
        """Carry out an admitted request, unless a fault occurs before or after.

        Args:
            admitted: from `admit`.
            raw_body: the request's body.

        Returns:
            The envelope's ``result``.

        Raises:
            FaultError: the client gets another answer, or none.
            RefusedError: as `Service.answer`, or a fault.
        """
        route = admitted.route
        self._fail_before(admitted, raw_body)
        try:
            result = super().answer(admitted, raw_body)
        except RefusedError as refusal:
            raise self._with_fault(refusal, route) from None
        if route.is_paged:
            result = self._page(admitted, result)
        if self._strikes("reset-after-commit", route):
            raise FaultError
        if self._strikes("malformed-json", route):
            body = self.success(route, result)
            raise FaultError(OddAnswer(status=route.status, body=body[: len(body) // 2]))
        if self._strikes("slow", route):
            delay = self.options.slow_seconds
            body = self.success(route, result)
            raise FaultError(OddAnswer(status=route.status, body=body, delay=delay))
        return result

    def _fail_before(self, admitted: Admitted, raw_body: bytes) -> None:
        """Raise the faults that replace carrying out the request."""
        route = admitted.route
        for name, status in (("http-500", 500), ("status-false-200", 200)):
            if self._strikes(name, route):
                raise RefusedError(status, f"Internal Error ({self.clock.now() * 1000:.0f})")
        if self._strikes("http-502-html", route):
            if self._chance.random() < 0.5:
                with suppress(RefusedError):
                    super().answer(admitted, raw_body)
            raise FaultError(_BAD_GATEWAY)

    def _with_fault(self, refusal: RefusedError, route: Route) -> FaultError | RefusedError:
        """Return an error answer, changed by a fault if one occurs."""
        if refusal.status == 429 and self._strikes("no-retry-after-header", route):
            return RefusedError(refusal.status, refusal.message)
        if self._strikes("result-message", route):
            body = orjson.dumps({"status": False, "result": {"message": refusal.message}})
            retry_after = refusal.retry_after
            return FaultError(OddAnswer(status=refusal.status, body=body, retry_after=retry_after))
        return refusal

    def _page(self, admitted: Admitted, page: list[Any]) -> list[Any]:
        route = admitted.route
        if page and self._strikes("truncated-page", route):
            return page[: len(page) // 2]
        number, amount = page_of(decode(admitted.query_text))
        others = [
            (name, value)
            for name, value in parse_qsl(admitted.query_text, keep_blank_values=True)
            if name != "page"
        ]
        listing = (route.key, admitted.path, urlencode(others))
        if number == 1:
            # The first page restarts the list.
            self._shifted.pop(listing, None)
            return page
        if listing not in self._shifted:
            if not page or not self._strikes("duplicate-across-pages", route):
                return page
            self._shifted[listing] = None
            if len(self._shifted) > _REMEMBERED:
                del self._shifted[next(iter(self._shifted))]
        query_text = urlencode([*others, ("page", number - 1)])
        before = super().answer(attrs.evolve(admitted, query_text=query_text), b"")
        # A page before that is not full ends the list.
        return page if len(before) < amount else [before[-1], *page][:amount]

    def stats(self) -> dict[str, Any]:
        """Return the result of `Service.stats`, and how often each fault occurred."""
        return {**super().stats(), "faults": dict(self._struck)}

    def reset(self) -> None:
        """Reset as `Service.reset` does, and the counts of faults."""
        super().reset()
        self._begin()
