"""A FastAPI backend that creates a device on request.

Each process has one client, opened and closed with the application.
The processes share the profile's limits with each other and with every program that uses the same
ledger: here the bulk run of ``provision.py``, which leaves quota for them.

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

#: The ledger that the processes of this machine share.
LEDGER = os.environ.get("LEDGER", "site.ledger")
#: Length of a window in seconds; 60 on TagoIO.
MINUTE = float(os.environ.get("MINUTE", "60"))
#: The longest time that a request waits for a permit, in seconds.
MAX_WAIT = 5.0


class Sensor(BaseModel):
    """The body of a request."""

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
    """Create a device and return its token."""
    tago: Tago = request.state.tago
    made = await tago.devices.create(
        DeviceCreate(name=sensor.name, tags=[Tag("site", sensor.site)]), max_wait=MAX_WAIT
    )
    return {"device_id": made.device_id, "token": made.token.reveal()}


@app.exception_handler(WaitTooLongError)
async def come_back_later(_request: Request, error: WaitTooLongError) -> JSONResponse:
    """Return 503 with the time to retry after: the rate limit gives no permit in time."""
    wait = ceil(error.least or MAX_WAIT)
    return JSONResponse({"error": error.message}, 503, {"Retry-After": str(wait)})


@app.exception_handler(TagoError)
async def refuse(_request: Request, error: TagoError) -> JSONResponse:
    """Return the error, and whether the device may exist anyway."""
    statuses = {InputError: 422, ResourceLimitError: 507}
    doubt = getattr(error, "may_have_acted", False)
    body = {"error": error.message, "may_have_been_made": doubt}
    return JSONResponse(body, statuses.get(type(error), 502))
