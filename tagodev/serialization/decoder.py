r"""The decoder of answers: JSON, or what is almost JSON.

The service has been seen to send what is not quite JSON: lone surrogates (`"\ud800"`), numbers of
thousands of digits, `NaN`, control characters and broken UTF-8 in texts. One such value must not
cost the whole answer: what orjson refuses is read again, leniently.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

import orjson

__all__ = ["decode", "first_words", "why_unreadable"]

#: Answers up to this size have no values that need much memory.
_SMALL: Final = 1024 * 1024
#: Bytes of the largest answer for each value that it may hold: short values need up to 20 times the
#: memory of their text.
_BYTES_A_VALUE: Final = 48
#: The most characters of a body in an error.
_MAX_WORDS: Final = 100
#: The most characters of an integer of 64 bits.
_MAX_DIGITS: Final = 20
#: Longer numbers stay text.
_MAX_NUMBER: Final = 1000


def decode(body: bytes, max_bytes: int) -> Any:
    """Return decoded JSON, or None if it can't be read: no answer of the API is ``null``.

    Lone surrogates and broken UTF-8 are read as U+FFFD, ``NaN`` and numbers that are too large for
    a float as text.

    Args:
        body: the body.
        max_bytes: the size of the largest body. If it is 64 MB, a body may hold 1.4 million values;
            one that orjson refuses may have a fourth of the size and half as many values.
    """
    if len(body) > _SMALL and _has_too_many_values(body, max_bytes):
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    if len(body) > _SMALL and (
        len(body) > max_bytes // 4 or _has_too_many_values(body, max_bytes // 2)
    ):
        return None
    return _decode_leniently(body)


def why_unreadable(body: bytes, max_bytes: int) -> str:
    """Return the reason for which `decode` could not read a body."""
    if len(body) > _SMALL and _has_too_many_values(body, max_bytes):
        return "the body has too many values"
    words = first_words(body)
    return f"the body is not JSON; it begins with: {words}" if words else "the body is not JSON"


def first_words(body: bytes) -> str:
    """Return the first words of a body that is not JSON, without the tags of HTML."""
    text = body[:4000].decode("utf-8", "replace")
    first, *tags = text.split("<")
    words = " ".join(" ".join([first, *(tag.partition(">")[2] for tag in tags)]).split())
    if not any(map(str.isalnum, words)):
        return ""
    return words if len(words) <= _MAX_WORDS else f"{words[: _MAX_WORDS - 1]}…"


def _has_too_many_values(body: bytes, max_bytes: int) -> bool:
    return sum(map(body.count, (b",", b"[", b"{"))) > max_bytes // _BYTES_A_VALUE


def _decode_leniently(body: bytes) -> Any:
    """Return the object or list in a body of JSON, or None if it can't be read."""
    text = body.decode("utf-8-sig", "replace")
    try:
        value = json.loads(
            text, strict=False, parse_int=_integer, parse_float=_number, parse_constant=str
        )
        if isinstance(value, (dict, list)) and ("\\ud" in text or "\\uD" in text):
            text = json.dumps(value, ensure_ascii=False)
            del value
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, (dict, list)) else None


def _integer(text: str) -> float | str:
    # orjson reads integers beyond 64 bits as floats, too.
    number = int(text) if len(text) <= _MAX_DIGITS else 2**64
    return number if -(2**63) <= number < 2**64 else _number(text)


def _number(text: str) -> float | str:
    number = float(text) if len(text) <= _MAX_NUMBER else math.inf
    return number if math.isfinite(number) else text
