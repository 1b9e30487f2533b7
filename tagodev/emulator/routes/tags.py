"""Route of the tag keys in use."""

from __future__ import annotations

from typing import Final

from tagodev.emulator.http.errors import RefusedError
from tagodev.emulator.http.routing import Call, Route

__all__ = ["ROUTES"]

#: What carries tags on the service; here only devices do.
_TYPES: Final = (
    "action",
    "analysis",
    "bucket",
    "dashboard",
    "device",
    "run_users",
    "secrets",
    "tcore",
    "user",
)


def _keys(call: Call) -> list[str]:
    kind = call.path[0].lower()
    if kind not in _TYPES:
        raise RefusedError(400, f"type must be one of {', '.join(_TYPES)}")
    if kind != "device":
        return []
    return sorted({tag.key for device in call.store.devices.values() for tag in device.tags})


ROUTES: Final = (Route("GET", "/tags/keys/:type", _keys),)
