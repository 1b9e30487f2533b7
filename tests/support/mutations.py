"""Answers of the service, spoilt by a seeded mutator, so that what it finds comes again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import orjson
from multidict import CIMultiDict

from tagodev._transport import Answer

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

__all__ = ["Mutator"]

# Where a value hangs: its list or object, and its index or key there.
_Place: TypeAlias = "tuple[Any, Any]"

#: Stands for a value that `orjson` would not write; the bytes are put in afterwards.
_HOLE: Final = "@hole@"

#: What stands where JSON expects a value: out of every bound, or no JSON at all.
_RAW: Final = (
    b"NaN",
    b"-Infinity",
    b"1e400",
    b"-1e-400",
    b"-0",
    b"0x10",
    b"01",
    b"9" * 400,
    b"-9223372036854775809",
    b"18446744073709551616",
    b"1.00000000000000000000000000001",
    b'"\\ud800"',
    b'"\\u0000"',
    b'"\xff\xfe"',
    b'"',
    b"",
    b"undefined",
    b"[" * 500 + b"]" * 500,
    b"[" * 3000 + b"]" * 3000,
    b'{"a":' * 500 + b"1" + b"}" * 500,
    b'{"a":1,"a":2}',
    b"/* why */ 1",
)
#: What is JSON, and seldom what is expected.
_VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    2**53 + 1,
    -(2**63),
    2**64 - 1,
    1e308,
    "",
    " ",
    "never",
    "null",
    "true",
    "17",
    "2024-02-30T00:00:00.000Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999-23:59",
    "2025-01-09T13:44:33.120+99:00",
    "20250109",
    "10000-01-01",
    "\x00",
    "\u202e\U0001f4a5",
    "x" * 3000,
    "Too many requests (Retry-After: 999999999)",
    "Too many requests (Retry-After: -1)",
    "You have exceeded the maximum limit of Device (5)",
    "You have exceeded the maximum limit of ",
    [],
    [None],
    [[], [[]]],
    {},
    {"": None},
    {"id": {"id": {}}},
    {"key": 1, "value": []},
    {"message": {"message": 1}},
)
_KEYS: Final = (
    "",
    "id",
    "extra",
    "status",
    "result",
    "message",
    "field_errors",
    "error",
    "device",
    "deviceID",
    "expire_date",
    "token",
    "self",
    "cls",
    "__class__",
)
_BODIES: Final = (
    b"",
    b" ",
    b"null",
    b"true",
    b"0",
    b'""',
    b"[]",
    b"{}",
    b"OK",
    b"\xef\xbb\xbf{}",
    b"\x00" * 64,
    b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head></html>",
    b'{"status":false}',
    b'{"status":true}',
    b'{"status":"true","result":{}}',
    b'{"status":true,"result":null}',
    b'{"status":null,"result":[]}',
    b'{"status":false,"message":null}',
    b'{"status":false,"result":{"message":"no"}}',
    b'{"status":false,"message":"no","field_errors":{"name":["too short"]}}',
    b'{"status":false,"message":"no","field_errors":' + b'{"a":' * 500 + b"1" + b"}" * 501,
    b'{"status":true,"result":' + b"[" * 500 + b"]" * 500 + b"}",
    b'{"status":false,"message":"Too many requests (Retry-After: 8)"}',
)
_STATUSES: Final = (
    *(200, 201, 202, 204, 206, 226, 299),
    *(300, 301, 302, 304, 307, 399),
    *(400, 401, 402, 403, 404, 405, 408, 409, 413, 418, 422, 425, 429, 451, 499),
    *(500, 501, 502, 503, 504, 520, 599, 100, 0, 999),
)
_DATES: Final = (
    "",
    "now",
    "0",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    "Sun, 99 Foo 2025 99:99:99 GMT",
    "Thu, 09 Jan 2025 13:44:33 +9999",
    "Thu, 09 Jan 2025 13:44:33 -0000",
    "2025-01-09T13:44:33Z",
    "Thu, 09 Jan 99999999999999999999 13:44:33 GMT",
    "\udcff\udcfe",
    "x" * 500,
)
_WAITS: Final = (
    "",
    "0",
    "-1",
    "1.5",
    "8",
    " 9 ",
    "1e9",
    "99999999999999999999",
    "999999999",
    "\u0661\u0662",
    "Wed, 21 Oct 2015 07:28:00 GMT",
    "soon",
    "\udcff",
)


class Mutator:
    """Spoils answers, each in a way that the seed decides.

    Args:
        rng: where its choices come from.
        secrets: texts that a service might tell back, put where they are least expected.
    """

    def __init__(self, rng: random.Random, secrets: Sequence[str] = ()) -> None:
        self._rng = rng
        self._values = (*_VALUES, *secrets, *(f"Invalid token: {text}" for text in secrets))

    def spoil(self, answer: Answer) -> Answer:
        """Return an answer like this one, with something wrong in it, most of the time."""
        rng = self._rng
        status = answer.status
        body = answer.body if rng.random() < 0.8 else rng.choice(_BODIES)
        kind = rng.random()
        if kind < 0.6:
            body = self._change_json(body)
        elif kind < 0.8:
            body = self._change_bytes(body)
        if rng.random() < 0.25:
            status = rng.choice(_STATUSES)
        headers = CIMultiDict(answer.headers)
        if rng.random() < 0.2:
            headers["Date"] = rng.choice(_DATES)
        if rng.random() < 0.1:
            headers.pop("Date", None)
        if rng.random() < 0.2:
            headers["Retry-After"] = rng.choice(_WAITS)
        return Answer(status, body, headers)

    def _change_json(self, body: bytes) -> bytes:
        """Change one to three values, keys or members somewhere in the JSON, if it is any."""
        changes = (self._swap, self._swap, self._swap, self._drop, self._add, self._rename)
        try:
            holder = [orjson.loads(body)]
            for _ in range(self._rng.choice((1, 1, 1, 2, 3))):
                self._rng.choice((*changes, self._graft))(holder)
            written = orjson.dumps(holder[0])
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            # No JSON, or nested too deep to be written again.
            return self._change_bytes(body)
        return written.replace(orjson.dumps(_HOLE), self._rng.choice(_RAW))

    def _swap(self, holder: list[Any]) -> None:
        """Put another value in the place of one."""
        container, key = self._rng.choice(_places(holder))
        container[key] = _HOLE if self._rng.random() < 0.2 else self._value()

    def _drop(self, holder: list[Any]) -> None:
        """Take one value away; never the whole."""
        container, key = self._rng.choice(_places(holder))
        if container is not holder:
            del container[key]

    def _add(self, holder: list[Any]) -> None:
        """Add a member to an object, or an item to a list."""
        container, key = self._rng.choice(_places(holder))
        value, addition = container[key], self._value()
        if isinstance(value, dict):
            value[self._rng.choice(_KEYS)] = addition
        elif isinstance(value, list):
            value.insert(self._rng.randint(0, len(value)), addition)

    def _rename(self, holder: list[Any]) -> None:
        """Give a member of an object another name."""
        container, key = self._rng.choice(_places(holder))
        if isinstance(container, dict):
            container[self._rng.choice(_KEYS)] = container.pop(key)

    def _graft(self, holder: list[Any]) -> None:
        """Put a copy of one value in the place of another, or around it."""
        container, key = self._rng.choice(_places(holder))
        other, name = self._rng.choice(_places(holder))
        # A copy: an object inside itself could not be written.
        twin = orjson.loads(orjson.dumps(other[name]))
        container[key] = [twin, container[key]] if self._rng.random() < 0.3 else twin

    def _value(self) -> Any:
        # A copy: what is put into a list now may be changed a moment later.
        return orjson.loads(orjson.dumps(self._rng.choice(self._values)))

    def _change_bytes(self, body: bytes) -> bytes:
        """Flip, cut, double or insert bytes, JSON or not."""
        rng = self._rng
        spoilt = bytearray(body)
        if not spoilt:
            return rng.randbytes(rng.randint(0, 40))
        at, to = sorted((rng.randrange(len(spoilt)), rng.randrange(len(spoilt))))
        match rng.randrange(5):
            case 0:
                for _ in range(rng.randint(1, 8)):
                    spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
            case 1:
                del spoilt[at:]
            case 2:
                del spoilt[at:to]
            case 3:
                spoilt[at:at] = spoilt[at:to]
            case _:
                spoilt[at:at] = rng.choice((rng.randbytes(8), *_RAW))
        return bytes(spoilt)


def _places(holder: list[Any]) -> list[_Place]:
    """Return where each value of the JSON hangs, the whole of it first."""
    places: list[_Place] = [(holder, 0)]
    # The list grows while it is read: what a value holds is visited after it.
    for container, key in places:
        value = container[key]
        if isinstance(value, dict):
            places += [(value, name) for name in value]
        elif isinstance(value, list):
            places += [(value, index) for index in range(len(value))]
    return places
