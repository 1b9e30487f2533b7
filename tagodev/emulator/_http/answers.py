"""Bodies of successful answers, and the variants that change them.

The variant ``no-result`` omits a ``result`` that only confirms. The variant ``odd-values`` gives
values other forms, all of them seen at the service or one of its relatives, without changing what
they mean:

- A text that is a whole number is a number, and a number is a text, also in names, tags, parameters
  and counts; an empty text is null. The values of data keep their types.
- ``expire_time`` and ``expire_date`` are ``1 month``, ``created_at`` has no zone, ``updated_at`` is
  a number of milliseconds, and any other date that is null is ``never``.
- ``bucket``, ``bucket_id``, ``data_retention`` and ``network_id`` are null.
- ``tags`` begins with null; a device without tags has one whose value is null.
- Every object has a field ``comment`` with a lone surrogate, which not every JSON parser accepts.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import orjson

from tagodev.emulator._model.time import parse_date

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["AnswerWriter"]

#: At most 15 digits: every parser has such a number exactly.
_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,14}", re.ASCII)
_EXPIRIES: Final = frozenset({"expire_time", "expire_date"})
_OCCASIONS: Final = frozenset(
    {"last_input", "last_output", "last_retention", "last_authorization", "inspected_at"}
)
_NULL: Final = frozenset({"bucket", "bucket_id", "data_retention", "network_id"})


class AnswerWriter:
    """Writes the bodies of successful answers.

    Args:
        variants: names of alternative behaviours.
    """

    def __init__(self, variants: Collection[str]) -> None:
        self._omits_results = "no-result" in variants
        self._is_odd = "odd-values" in variants
        self._confirmed: Counter[str] = Counter()

    def write(self, route: str, result: Any) -> bytes:
        """Return the body of an answer.

        Args:
            route: method and template of the request's route.
            result: the handler's result.
        """
        if self._omits_results and _only_confirms(route, result):
            self._confirmed[route] += 1
            if self._confirmed[route] % 2:
                return orjson.dumps({"status": True})
            return orjson.dumps({"status": True, "message": result})
        if self._is_odd:
            # orjson writes no lone surrogate.
            return json.dumps({"status": True, "result": _odd_result(result)}).encode()
        return orjson.dumps({"status": True, "result": result})


def _only_confirms(route: str, result: Any) -> bool:
    """Return whether a result is a sentence, without a count or anything else to read."""
    is_sentence = isinstance(result, str) and not result[:1].isdigit()
    return is_sentence and not route.startswith("GET ")


def _odd_result(result: Any) -> Any:
    if isinstance(result, list):
        return [_odd_result(item) for item in result]
    odd = _odd(result, "")
    return {**odd, "comment": "\ud800"} if isinstance(odd, dict) else odd


def _odd(value: Any, name: str) -> Any:
    """Return a value in an odd form.

    Args:
        value: a value of an answer.
        name: the field that contains it, empty if none does.
    """
    if name in _NULL:
        return None
    if isinstance(value, dict):
        # The type of a value of data means something.
        return {
            key: item if key == "value" and "time" in value else _odd(item, key)
            for key, item in value.items()
        }
    if isinstance(value, list):
        items = [_odd(item, "") for item in value]
        if name == "tags":
            return [None, *(items or [{"key": "odd", "value": None}])]
        return items
    return _odd_date(value, name) if _is_date(name) else _odd_scalar(value)


def _is_date(name: str) -> bool:
    return name in _EXPIRIES or name in _OCCASIONS or name in {"created_at", "updated_at"}


def _odd_date(value: str | None, name: str) -> Any:
    if name in _EXPIRIES:
        return "1 month"
    if value is None:
        return "never" if name in _OCCASIONS else None
    if name == "created_at":
        return value[:19].replace("T", " ")
    if name == "updated_at":
        return round(parse_date(value) * 1000)
    return value


def _odd_scalar(value: Any) -> Any:
    if isinstance(value, str):
        if _WHOLE.fullmatch(value):
            return int(value)
        return value or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return orjson.dumps(value).decode()
    return value
