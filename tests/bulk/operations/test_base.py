"""What a run does with one row, and what makes it stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import (
    AmbiguousMatchError,
    AnswerTimeoutError,
    AuthenticationError,
    BadRequestError,
    ClosedError,
    ConnectError,
    ConnectionLostError,
    Created,
    Deleted,
    DeviceChange,
    DeviceCreate,
    DeviceCreated,
    DeviceEdit,
    Edited,
    InputError,
    JournalError,
    MalformedAnswerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RedirectError,
    ResourceLimitError,
    Rotated,
    Secret,
    ServerError,
    Tag,
    TagoError,
    TokenCreated,
    TokenIssued,
)
from tagodev._bulk.operations.apply_steps import ApplySteps
from tagodev._bulk.operations.create_devices import CreateDevices
from tagodev._bulk.operations.delete_devices import DeleteDevices
from tagodev._bulk.operations.edit_devices import EditDevices
from tagodev._bulk.operations.parameters_and_data import SendData, SetParameters
from tagodev._bulk.operations.tokens import IssueTokens, RotateTokens
from tagodev._bulk.work_item import WorkItem
from tagodev._session import CallRecord
from tests.support.strategies import MODELS

if TYPE_CHECKING:
    from tagodev._bulk.operations.base import Operation
    from tagodev._bulk.operations.create_devices import DeviceCalls

DEVICE = DeviceCreate(name="x")
RESULT = DeviceCreated(device_id="d", token=Secret("t"))


class Calls:
    """A service that does every row at its second attempt, or fails as configured."""

    def __init__(self, *errors: TagoError, there: bool = True) -> None:
        self._errors = list(errors)
        self._there = there
        self.seen: list[tuple[Any, ...]] = []

    async def create(self, device: DeviceCreate, record: CallRecord) -> DeviceCreated:
        """Make a device."""
        self._answer(record, "create", device)
        return RESULT

    async def edit(self, device_id: str, changes: DeviceEdit, record: CallRecord) -> None:
        """Change a device."""
        self._answer(record, "edit", device_id, changes)

    async def tags(self, device_id: str, record: CallRecord) -> tuple[Tag, ...]:
        """Return the tags of a device."""
        self._answer(record, "tags", device_id)
        return ()

    async def delete(self, device_id: str, record: CallRecord) -> None:
        """Delete a device."""
        self._answer(record, "delete", device_id)

    async def exists(self, device_id: str, record: CallRecord) -> bool:
        """Return whether there is such a device."""
        self._answer(record, "exists", device_id)
        return self._there

    def _answer(self, record: CallRecord, *seen: Any) -> None:
        self.seen.append(seen)
        record.attempts += 2
        if self._errors:
            raise self._errors.pop(0)


def operations(calls: Any) -> dict[str, Operation[Any]]:
    """Return one operation of each kind."""
    made: list[Operation[Any]] = [
        CreateDevices(calls),
        EditDevices(calls),
        DeleteDevices(calls),
        ApplySteps(calls),
        IssueTokens(calls),
        RotateTokens(calls),
        SetParameters(calls),
        SendData(calls),
    ]
    return {operation.kind: operation for operation in made}


OPERATIONS = operations(Calls())


def row(item: Any) -> WorkItem[Any]:
    """Return a row of a run without a journal."""
    return WorkItem(7, item, record=CallRecord())


# --- what stops a run --------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(
    "cls",
    [AuthenticationError, PermissionDeniedError, RateLimitedError, ClosedError, JournalError],
)
def test_what_would_meet_every_row_stops(name: str, cls: type[TagoError]) -> None:
    """The token, the permission, the client itself: the next row would fare no better."""
    assert OPERATIONS[name].stops(cls("no"))


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(
    "cls",
    [
        AmbiguousMatchError,
        AnswerTimeoutError,
        BadRequestError,
        ConnectError,
        ConnectionLostError,
        InputError,
        MalformedAnswerError,
        NotFoundError,
        RedirectError,
        ServerError,
    ],
)
def test_what_is_the_rows_own_does_not_stop(name: str, cls: type[TagoError]) -> None:
    """One bad row does not stop the rest, and networks come back."""
    assert not OPERATIONS[name].stops(cls("no"))


@pytest.mark.parametrize("kind", ["create_devices", "apply_devices"])
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
def test_only_the_device_cap_stops_creations(kind: str, expected: bool, resource: str) -> None:
    """A full tag list is the row's own affair; a full profile is everyone's."""
    error = ResourceLimitError("full", resource=resource)

    assert expected == OPERATIONS[kind].stops(error)


# --- doing -------------------------------------------------------------------------------------


async def test_create_gives_the_device() -> None:
    """The outcome holds the row, the result and the attempts."""
    calls = Calls()
    outcome = await CreateDevices(cast("DeviceCalls", calls)).do(row(DEVICE))

    assert Created(7, DEVICE, result=RESULT, attempts=2) == outcome
    assert [("create", DEVICE)] == calls.seen


async def test_edit_gives_the_change() -> None:
    """The outcome holds the row and the attempts."""
    calls = Calls()
    change = DeviceChange("d", DeviceEdit(active=False))

    assert Edited(7, change, attempts=2) == await EditDevices(calls).do(row(change))
    assert [("edit", "d", DeviceEdit(active=False))] == calls.seen


async def test_delete_gives_the_id() -> None:
    """The outcome holds the id and the attempts."""
    assert Deleted(7, "d", attempts=2) == await DeleteDevices(Calls()).do(row("d"))


async def test_gone_is_deleted() -> None:
    """A device that another user has deleted is deleted."""
    calls = Calls(NotFoundError("no", status=404))

    assert Deleted(7, "d", attempts=2) == await DeleteDevices(calls).do(row("d"))


async def test_refused_and_not_there_is_deleted() -> None:
    """If an unknown id is answered with 400, reading the device shows whether it exists."""
    calls = Calls(BadRequestError("no", status=400), there=False)

    assert Deleted(7, "d", attempts=4) == await DeleteDevices(calls).do(row("d"))
    assert [("delete", "d"), ("exists", "d")] == calls.seen


@pytest.mark.parametrize(
    ("status", "seen"), [(400, [("delete", "d"), ("exists", "d")]), (409, [("delete", "d")])]
)
async def test_refused_and_there_is_refused(status: int, seen: list[Any]) -> None:
    """A device that a tag protects is there still, and the row says so."""
    calls = Calls(BadRequestError("protected", status=status))
    with pytest.raises(BadRequestError, match="protected"):
        await DeleteDevices(calls).do(row("d"))

    assert seen == calls.seen


# --- writing down ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in OPERATIONS if kind != "delete_devices"])
@given(data=st.data())
def test_rows_are_read_as_they_were_written(kind: str, data: st.DataObject) -> None:
    """What a journal gives back does what the caller's row would have done."""
    operation = OPERATIONS[kind]
    item = data.draw(MODELS[operation.item_type])
    again = operation.decode(operation.encode(item))

    assert operation.encode(item) == operation.encode(again)
    assert item == again


def test_ids_are_read_as_they_were_written() -> None:
    """So is a row that is no more than an id."""
    operation = OPERATIONS["delete_devices"]

    assert "67e1a2b3c4d5e6f708192a3b" == operation.decode(
        operation.encode("67e1a2b3c4d5e6f708192a3b")
    )


@pytest.mark.parametrize(
    ("kind", "done"),
    [
        ("create_devices", Created(0, DEVICE, result=RESULT, attempts=1)),
        (
            "create_tokens",
            TokenIssued(0, None, result=TokenCreated(token=Secret("t")), attempts=1),
        ),
        ("rotate_tokens", Rotated(0, None, result=TokenCreated(token=Secret("t")), attempts=1)),
    ],
)
def test_results_hold_the_token(kind: str, done: Any) -> None:
    """The token comes once: it is what a result is written down for."""
    result = OPERATIONS[kind].result(done)

    assert result is not None
    assert b'"token":"t"' in result


@pytest.mark.parametrize("kind", ["edit_devices", "delete_devices", "set_parameters", "send_data"])
def test_what_gives_nothing_has_no_result(kind: str) -> None:
    """There is nothing to write down."""
    assert OPERATIONS[kind].result(Deleted(0, "d", attempts=1)) is None


def test_kinds_are_told_apart() -> None:
    """A journal's kind names one operation, which begins with what the journal remembers."""
    assert 8 == len(OPERATIONS)
    calls: Any = Calls()
    assert {"identity": "serial"} == CreateDevices(calls, identity="serial").options()
    assert {"allow_gap": True} == RotateTokens(calls, allow_gap=True).options()
    assert {"known_by": "tag:site"} == ApplySteps(calls, known_by="tag:site").options()
