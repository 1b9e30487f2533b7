"""What a run does with one row, and what makes it stop."""

from __future__ import annotations

import pytest

from tagodev import (
    AnswerTimeoutError,
    AuthenticationError,
    BadRequestError,
    ClosedError,
    ConnectError,
    ConnectionLostError,
    Created,
    Deleted,
    DeviceCreate,
    DeviceCreated,
    InputError,
    MalformedAnswerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RedirectError,
    ResourceLimitError,
    Secret,
    ServerError,
    TagoError,
)
from tagodev.bulk.operations import CreateDevice, DeleteDevice
from tagodev.session import CallRecord

DEVICE = DeviceCreate(name="x")
RESULT = DeviceCreated(device_id="d", token=Secret("t"))
OPERATIONS = ["create", "delete"]


def operation(name: str) -> CreateDevice | DeleteDevice:
    """Return an operation that does nothing."""
    return CreateDevice(_make) if name == "create" else DeleteDevice(_remove)


async def _make(_: DeviceCreate, record: CallRecord) -> DeviceCreated:
    record.attempts += 2
    return RESULT


async def _remove(_: str, record: CallRecord) -> None:
    record.attempts += 2


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(
    "cls",
    [AuthenticationError, PermissionDeniedError, ConnectError, RateLimitedError, ClosedError],
)
def test_what_would_meet_every_row_stops(name: str, cls: type[TagoError]) -> None:
    """The token, the permission, the connection: the next row would fare no better."""
    assert operation(name).stops(cls("no"))


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(
    "cls",
    [
        AnswerTimeoutError,
        BadRequestError,
        ConnectionLostError,
        InputError,
        MalformedAnswerError,
        NotFoundError,
        RedirectError,
        ServerError,
    ],
)
def test_what_is_the_rows_own_does_not_stop(name: str, cls: type[TagoError]) -> None:
    """One bad row does not stop the rest."""
    assert not operation(name).stops(cls("no"))


@pytest.mark.parametrize(
    ("expected", "resource"),
    [
        (True, "Device"),
        (True, "device"),
        (True, "Devices"),
        (False, "Tags"),
        (False, "Device Tags"),
        (False, ""),
    ],
)
def test_only_the_device_cap_stops_creations(expected: bool, resource: str) -> None:
    """A full tag list is the row's own affair; a full profile is everyone's."""
    error = ResourceLimitError("full", resource=resource)

    assert expected == operation("create").stops(error)


async def test_create_gives_the_device() -> None:
    """The outcome holds the row, the result and the attempts."""
    outcome = await CreateDevice(_make).do(7, DEVICE, CallRecord())

    assert Created(7, DEVICE, result=RESULT, attempts=2) == outcome


async def test_delete_gives_the_id() -> None:
    """The outcome holds the id and the attempts."""
    assert Deleted(7, "d", attempts=2) == await DeleteDevice(_remove).do(7, "d", CallRecord())


async def test_gone_is_deleted() -> None:
    """A device that somebody else has deleted is deleted."""

    async def remove(_: str, record: CallRecord) -> None:
        record.attempts += 1
        raise NotFoundError("no", status=404)

    assert Deleted(0, "d", attempts=1) == await DeleteDevice(remove).do(0, "d", CallRecord())


async def test_other_failures_pass() -> None:
    """What is wrong otherwise is for the run to judge."""

    async def remove(_: str, __: CallRecord) -> None:
        raise BadRequestError("no", status=400)

    with pytest.raises(BadRequestError):
        await DeleteDevice(remove).do(0, "d", CallRecord())
