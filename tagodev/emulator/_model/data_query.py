"""Data queries: parameters for reading and deleting registers."""

from __future__ import annotations

import math
import re
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Final

import attrs

from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.query import Decoded, choice, flag, text, texts
from tagodev.emulator._model.calendar import later, zone_of
from tagodev.emulator._model.time import parse_date, parse_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tagodev.emulator._model.data_store import Point, Value

__all__ = ["NUMBERS", "RECORDS", "DataQuery", "parse", "read_span"]

#: Modes that answer with registers: those that a query may also delete by.
RECORDS: Final = frozenset(
    {
        "default",
        *(f"{end}_{what}" for end in ("first", "last") for what in ("item", "value")),
        *(f"{end}_{what}" for end in ("first", "last") for what in ("location", "insert")),
        *("min", "max", "conditional"),
    }
)
#: Modes that answer with one number.
NUMBERS: Final = frozenset({"count", "avg", "sum"})
_MODES: Final = RECORDS | NUMBERS | {"aggregate"}
#: What each mode can't do without.
_NEEDS_START: Final = frozenset({"avg", "sum", "conditional"})
_FUNCTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "aggregate": ("avg", "sum", "min", "max"),
    "conditional": ("gt", "gte", "lt", "lte", "eq", "ne"),
}
_INTERVALS: Final = ("minute", "hour", "day", "month", "quarter", "year")
_ASCENDING: Final = frozenset({"ascending", "asc"})
_DESCENDING: Final = frozenset({"descending", "desc"})

_USUAL: Final = 15
_MOST: Final = 10_000
#: The widest span of an average or a sum: a month and some grace.
_WIDEST: Final = 1.1 * 31 * 86_400
_A_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@attrs.frozen(kw_only=True)
class DataQuery:
    """A query for registers."""

    mode: str = "default"
    variables: tuple[str, ...] = ()
    """In lower case, each once; none of them means all."""
    among: frozenset[str] | None = None
    """Variables to which the query is restricted; None for all of the device's."""
    groups: frozenset[str] = frozenset()
    ids: tuple[str, ...] = ()
    values: frozenset[str] = frozenset()
    """As texts; numbers match by what they amount to."""
    start: float = -math.inf
    end: float = math.inf
    """End of the time range, included."""
    qty: int | None = None
    """Registers at most, of each variable where several are named; None where it is not said."""
    skip: int = 0
    ascending: bool = False
    details: bool = False
    function: str = ""
    interval: str = ""
    threshold: float = 0.0
    """What `function` compares values with."""
    zone: tzinfo = UTC

    @property
    def share(self) -> int:
        """Maximum number of registers per variable."""
        qty = _USUAL if self.qty is None else self.qty
        named = max(1, len(self.variables))
        return qty if named * qty <= _MOST else round(_MOST / named)

    def tests(self) -> list[Callable[[Point], bool]]:
        """Return the conditions for a register, apart from its variable and its time."""
        tests: list[Callable[[Point], bool]] = []
        if self.groups:
            tests.append(lambda point: point.group in self.groups)
        if self.values:
            numbers = frozenset(_numbers(self.values))
            words = frozenset(value.lower() for value in self.values)
            tests.append(lambda point: self._has_value(point.value, numbers, words))
        return tests

    def _has_value(
        self, value: Value | None, numbers: frozenset[float], words: frozenset[str]
    ) -> bool:
        if isinstance(value, bool):
            return str(value).lower() in words
        if isinstance(value, str):
            return value in self.values
        return value is not None and value in numbers


def parse(query: Mapping[str, Decoded], now: float) -> DataQuery:
    """Parse a query.

    Args:
        query: the decoded query.
        now: the moment that relative times refer to.

    Raises:
        RefusedError: a parameter is invalid or missing.
    """
    mode = text(query.get("query")) or "default"
    mode = "default" if mode == "defaultQ" else mode
    if mode not in _MODES:
        raise RefusedError(400, "Invalid query")
    zone = zone_of(text(query.get("timezone")))
    start, end = read_span(query, now, zone)
    if start is None and mode in _NEEDS_START:
        raise RefusedError(400, "start_date field is required")
    if mode in {"avg", "sum"}:
        _check_width(mode, start or now, now if end is None else end)
    # One name for the values looked for and for the value compared with.
    value_names = ["values"] if mode == "conditional" else ["values", "value"]
    details = flag(query.get("details"), "details") or flag(query.get("detail"), "detail")
    return DataQuery(
        mode=mode,
        variables=tuple(
            dict.fromkeys(name.lower() for name in _listed(query, "variables", "variable"))
        ),
        groups=frozenset(_listed(query, "groups", "group", "series", "serie")),
        ids=tuple(dict.fromkeys(_listed(query, "ids", "id"))),
        values=frozenset(_listed(query, *value_names)),
        start=-math.inf if start is None else start,
        end=math.inf if end is None else end,
        qty=_amount(query, "qty", _MOST),
        skip=_amount(query, "skip", None) or 0,
        ascending=_ascending(query),
        details=bool(details),
        function=_choice(query, "function", _FUNCTIONS.get(mode)),
        interval=_choice(query, "interval", _INTERVALS if mode == "aggregate" else None),
        threshold=_threshold(query) if mode == "conditional" else 0.0,
        zone=zone,
    )


def read_span(
    query: Mapping[str, Decoded], now: float, zone: tzinfo
) -> tuple[float | None, float | None]:
    """Return the start and the end of a query's time range, None for an open end.

    Args:
        query: the decoded query.
        now: the moment that relative times refer to: past for the start, future for the end.
        zone: time zone of dates without one.

    Raises:
        RefusedError: one of them is not a date.
    """
    bounds: list[float | None] = []
    for name, ahead in (("start_date", False), ("end_date", True)):
        words = text(query.get(name))
        try:
            bounds.append(None if words is None else _bound(words, now, zone, ahead=ahead))
        except (ValueError, OverflowError):
            raise RefusedError(400, f"Invalid {name.replace('_', ' ')}") from None
    return bounds[0], bounds[1]


def _bound(words: str, now: float, zone: tzinfo, *, ahead: bool) -> float:
    if not _A_DAY.fullmatch(words):
        return round(parse_moment(words, now=now, ahead=ahead, zone=zone), 3)
    midnight = parse_date(words, zone)
    return round(later(midnight, "day", 1, zone) - 0.001, 3) if ahead else midnight


def _check_width(mode: str, start: float, end: float) -> None:
    if end - start > _WIDEST:
        # The service's own words.
        message = f"The maximum range for {mode} is 1 month between start_end and end_date"
        raise RefusedError(400, message)


def _listed(query: Mapping[str, Decoded], *names: str) -> list[str]:
    """Return the texts of the first of these names that has any."""
    return next((found for name in names if (found := texts(query.get(name)))), [])


def _amount(query: Mapping[str, Decoded], name: str, most: int | None) -> int | None:
    words = text(query.get(name))
    if words is None:
        return None
    if not (words.isascii() and words.isdecimal()):
        raise RefusedError(400, f"{name} must be a whole number of at least 0")
    # Eighteen digits exceed any number of registers, and fit into 64 bits.
    return int(words[:18]) if most is None else min(most, int(words[:18]))


def _ascending(query: Mapping[str, Decoded]) -> bool:
    words = (text(query.get("ordination")) or "descending").lower()
    if words not in _ASCENDING | _DESCENDING:
        raise RefusedError(400, "ordination must be ascending or descending")
    return words in _ASCENDING


def _choice(query: Mapping[str, Decoded], name: str, known: tuple[str, ...] | None) -> str:
    return "" if known is None else choice(query.get(name), name, known)


def _threshold(query: Mapping[str, Decoded]) -> float:
    numbers = _numbers(texts(query.get("value")))
    if not numbers:
        raise RefusedError(400, "value must be a number")
    return numbers[-1]


def _numbers(words: frozenset[str] | list[str]) -> list[float]:
    """Return the numbers among texts."""
    found = []
    for word in words:
        try:
            number = float(word)
        except ValueError:
            continue
        if math.isfinite(number):
            found.append(number)
    return found
