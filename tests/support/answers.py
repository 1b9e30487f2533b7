"""Answers for a scripted server, byte by byte."""

from __future__ import annotations

from typing import Any

import orjson

__all__ = ["created", "http", "ok", "refused", "throttled"]


def http(status: int, body: bytes = b"", /, **headers: str) -> bytes:
    """Return a whole answer; underscores in the names of headers stand for dashes."""
    lines = [f"HTTP/1.1 {status} Whatever"]
    given = {"content_length": str(len(body)), **headers}
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in given.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def ok(result: Any) -> bytes:
    """Return the envelope of success."""
    return http(200, orjson.dumps({"status": True, "result": result}))


def refused(status: int, message: str) -> bytes:
    """Return the envelope of a refusal."""
    return http(status, orjson.dumps({"status": False, "message": message}))


def throttled(seconds: int = 1) -> bytes:
    """Return a 429 as the service words it, the seconds in the body only."""
    return refused(429, f"Too many requests (Retry-After: {seconds})")


def created(number: int, token: str = "") -> bytes:
    """Return the answer to the creation of a device."""
    identity = f"{number:024x}"
    token = token or f"{number:08x}-0000-4000-8000-000000000000"
    return ok({"device_id": identity, "bucket_id": identity, "token": token})
