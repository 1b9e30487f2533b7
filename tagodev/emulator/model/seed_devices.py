"""Initial devices of an emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from tagodev.emulator.http.routing import Caller
from tagodev.emulator.http.service import ROUTES, Admitted, Service

if TYPE_CHECKING:
    from tagodev.emulator.http.routing import Route

__all__ = ["add_devices"]

_CREATE: Final[Route] = next(route for route in ROUTES if route.key == "POST /device")
_OWNER: Final = Caller("profile", "full")


def add_devices(service: Service, count: int) -> None:
    """Create initial devices, ``device-0001`` and so on, on custom HTTPS.

    Args:
        service: the service, with a sufficient device cap.
        count: number of devices.
    """
    digits = max(4, len(str(count)))
    admitted = Admitted(_CREATE, _OWNER, (), "")
    for number in range(1, count + 1):
        body = {
            "name": f"device-{number:0{digits}}",
            "type": "mutable",
            "network": "5bbd0d144051a50034cd19fb",
            "connector": "5f5a8f3351d4db99c40dece5",
        }
        # Not the service's own way: what may go wrong with a request may not go wrong here.
        Service.answer(service, admitted, orjson.dumps(body))
    service.store.created = 0
