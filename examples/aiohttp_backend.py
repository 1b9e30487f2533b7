"""Web backend with aiohttp that creates devices on request and keeps their tokens.

The browser gets the device's id only, and sends its readings here.
One client is opened and closed with the application; it shares the profile's limits with every
client that uses the same ledger: here the bulk job of ``provision.py``, which yields to it.

Run them against an emulator::

    tagodev emulator --plan starter --minute 6     # prints TAGOIO_API and TAGOIO_TOKEN
    export LEDGER=site.ledger MINUTE=6 PYTHONPATH=examples
    python -m aiohttp.web -H 127.0.0.1 -P 8080 aiohttp_backend:make_app
    python examples/provision.py 6 site.ledger
    curl --json '{"name": "Cold room 3", "site": "7"}' http://127.0.0.1:8080/sensors
"""

from __future__ import annotations

import os
from math import ceil
from typing import TYPE_CHECKING

from aiohttp import web

from tagodev import (
    DataCreate,
    DeviceCreate,
    HardLimits,
    InputError,
    ResourceLimitError,
    Secret,
    SqliteLedger,
    Tag,
    Tago,
    TagoError,
    WaitTooLongError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp.typedefs import Handler

#: Where this machine's processes count together.
LEDGER = os.environ.get("LEDGER", "site.ledger")
#: Length of a window in seconds; 60 on TagoIO.
MINUTE = float(os.environ.get("MINUTE", "60"))
#: Maximum wait for the rate limit, in seconds.
PATIENCE = 5.0

TAGO = web.AppKey("TAGO", Tago)
#: By device; a real backend keeps them where it keeps its other secrets.
TOKENS = web.AppKey("TOKENS", dict[str, Secret])


async def client(app: web.Application) -> AsyncIterator[None]:
    """Keep one client open while the application runs."""
    plan = HardLimits.for_plan("starter", MINUTE)
    async with Tago(plan=plan, ledger=SqliteLedger(LEDGER)) as tago:
        app[TAGO] = tago
        yield


async def add_sensor(request: web.Request) -> web.Response:
    """Create a device, and store its token."""
    asked = await request.json()
    made = await request.app[TAGO].devices.create(
        DeviceCreate(name=asked.get("name", ""), tags=[Tag("site", asked.get("site", ""))]),
        max_wait=PATIENCE,
    )
    request.app[TOKENS][made.device_id] = made.token
    return web.json_response({"device_id": made.device_id}, status=201)


async def add_reading(request: web.Request) -> web.Response:
    """Send a reading of a device with its stored token."""
    device_id = request.match_info["device_id"]
    token = request.app[TOKENS].get(device_id)
    if token is None:
        raise web.HTTPNotFound
    reading = DataCreate("temperature", (await request.json())["celsius"], unit="°C")
    await request.app[TAGO].data.send(device_id, reading, token=token, max_wait=PATIENCE)
    return web.Response(status=202)


@web.middleware
async def handle_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn the client's errors into HTTP answers."""
    try:
        return await handler(request)
    except WaitTooLongError as error:
        wait = ceil(error.least or PATIENCE)
        headers = {"Retry-After": str(wait)}
        return web.json_response({"error": error.message}, status=503, headers=headers)
    except TagoError as error:
        statuses = {InputError: 422, ResourceLimitError: 507}
        doubt = getattr(error, "may_have_acted", False)
        body = {"error": error.message, "may_have_been_made": doubt}
        return web.json_response(body, status=statuses.get(type(error), 502))


def make_app(_arguments: list[str]) -> web.Application:
    """Create the application."""
    app = web.Application(middlewares=[handle_errors])
    app[TOKENS] = {}
    app.cleanup_ctx.append(client)
    app.router.add_post("/sensors", add_sensor)
    app.router.add_post("/sensors/{device_id}/readings", add_reading)
    return app
