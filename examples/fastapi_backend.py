"""Web backend with FastAPI that creates devices on request.

Each of its processes has one client, which is opened and closed with the application.
They share the profile's limits with each other, and with every client that uses the same ledger:
here the bulk job of ``provision.py``, which yields to them.

Run them against an emulator::

    tagodev emulator --plan starter --minute 6     # prints TAGOIO_API and TAGOIO_TOKEN
    export LEDGER=site.ledger MINUTE=6
    uvicorn --app-dir examples --workers 4 fastapi_backend:app
    python examples/provision.py 6 site.ledger
    curl --json '{"name": "Cold room 3", "site": "7"}' http://127.0.0.1:8000/sensors
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from math import ceil
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from tagodev import (
    DeviceCreate,
    HardLimits,
    InputError,
    ResourceLimitError,
    SqliteLedger,
    Tag,
    Tago,
    TagoError,
    WaitTooLongError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: Where this machine's processes count together.
LEDGER = os.environ.get("LEDGER", "site.ledger")
#: Length of a window in seconds; 60 on TagoIO.
MINUTE = float(os.environ.get("MINUTE", "60"))
#: Maximum wait for the rate limit, in seconds.
PATIENCE = 5.0


class Sensor(BaseModel):
    """Body of a request for a new device."""

    name: str
    site: str


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Tago]]:
    """Keep one client open while the application runs."""
    plan = HardLimits.for_plan("starter", MINUTE)
    async with Tago(plan=plan, ledger=SqliteLedger(LEDGER)) as tago:
        yield {"tago": tago}


app = FastAPI(lifespan=lifespan)


@app.post("/sensors", status_code=201)
async def add_sensor(sensor: Sensor, request: Request) -> dict[str, str]:
    """Create a device, and return its token once."""
    tago: Tago = request.state.tago
    made = await tago.devices.create(
        DeviceCreate(name=sensor.name, tags=[Tag("site", sensor.site)]), max_wait=PATIENCE
    )
    return {"device_id": made.device_id, "token": made.token.reveal()}


@app.exception_handler(WaitTooLongError)
async def come_back_later(_request: Request, error: WaitTooLongError) -> JSONResponse:
    """Answer with the time to retry: the rate limit is reached."""
    wait = ceil(error.least or PATIENCE)
    return JSONResponse({"error": error.message}, 503, {"Retry-After": str(wait)})


@app.exception_handler(TagoError)
async def refuse(_request: Request, error: TagoError) -> JSONResponse:
    """Answer with the error, and whether the device may have been created."""
    statuses = {InputError: 422, ResourceLimitError: 507}
    doubt = getattr(error, "may_have_acted", False)
    body = {"error": error.message, "may_have_been_made": doubt}
    return JSONResponse(body, statuses.get(type(error), 502))
