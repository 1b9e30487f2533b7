"""Routes of the emulated service, a module for each of its areas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tagodev.emulator._routes import (
    access_tokens,
    account,
    chunks,
    data,
    devices,
    network_access,
    networks,
    parameters,
    profile,
    storage,
    tokens,
)

if TYPE_CHECKING:
    from tagodev.emulator._http.routing import Route

__all__ = ["ROUTES"]

#: The routing table: the tables of all route modules.
ROUTES: Final[tuple[Route, ...]] = (
    *devices.ROUTES,
    *parameters.ROUTES,
    *data.ROUTES,
    *storage.ROUTES,
    *chunks.ROUTES,
    *tokens.ROUTES,
    *access_tokens.ROUTES,
    *networks.ROUTES,
    *network_access.ROUTES,
    *profile.ROUTES,
    *account.ROUTES,
)
