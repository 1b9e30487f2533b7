"""Configuration parameters: of any device by its id, and of a device by its own token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias, Unpack

import attrs

from tagodev._bulk.operations.parameters_and_data import SetParameters
from tagodev._limits.routes import Route
from tagodev._models import UNSET, ConfigurationParameter
from tagodev._resources.resource import Resource, removed
from tagodev._retry import Safety
from tagodev._serialization.converter import to_json
from tagodev._signatures import strict
from tagodev.errors import InputError
from tagodev.hard_limits import MAX_PARAMETERS_PER_DEVICE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tagodev._bulk.input import Many
    from tagodev._bulk.options import RunKeywords
    from tagodev._bulk.run import BulkRun
    from tagodev._bulk.run_factory import RunFactory
    from tagodev._models import ParameterChange
    from tagodev._session import CallOptions, CallRecord, Session

__all__ = ["DeviceParameters", "ParameterRequests", "Parameters", "checked_parameters"]

_LIST: Final = Route("GET", "/device/:device_id/params")
_SET: Final = Route("POST", "/device/:device_id/params")
_REMOVE: Final = Route("DELETE", "/device/:device_id/params/:param_id")
_OWN_LIST: Final = Route("GET", "/device/params")
_OWN_MARK: Final = Route("PUT", "/device/params/:param_id")

# Inside the classes `list` is a method.
_Parameters: TypeAlias = list[ConfigurationParameter]


@strict
class Parameters(Resource):
    """The configuration parameters of a profile's devices: ``tago.parameters``."""

    def __init__(self, session: Session, runs: RunFactory) -> None:
        """Initialize the resource; `Tago` creates it.

        Args:
            session: the session that sends requests.
            runs: creates bulk runs.
        """
        super().__init__(session)
        self._runs = runs

    async def list(
        self, device_id: str, sent: bool | None = None, **options: Unpack[CallOptions]
    ) -> _Parameters:
        """Return the parameters of a device, in one request.

        Args:
            device_id: the device's id.
            sent: only those that the device has, or has not, read; None for all.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed.

        Example:
            ```python
            for parameter in await tago.parameters.list(device_id, sent=False):
                print(parameter.key, parameter.value)
            ```
        """
        parameters = {"sent_status": sent}
        return await self._call(_Parameters, options, _LIST, device_id, parameters=parameters)

    async def set(
        self,
        device_id: str,
        parameters: Iterable[ConfigurationParameter],
        **options: Unpack[CallOptions],
    ) -> None:
        """Set parameters of a device; those with other keys stay.

        The device's parameters are read first, and a parameter with an existing key is edited: the
        service itself would add a second one with the same key.
        All are written by one request, which is not sent again if its answer is lost and it may
        have added a parameter. Calling `set` again is safe.

        Args:
            device_id: the device's id.
            parameters: the parameters. One with an id edits the parameter with that id, whatever
                its key.
            options: ``priority``, ``max_wait`` and ``timeout`` of each request, see `CallOptions`.

        Raises:
            InputError: a key is empty or used twice, or the device would have more parameters than
                it can hold (60).
            RequestError: the request failed.

        Example:
            ```python
            await tago.parameters.set(device_id, [ConfigurationParameter("check_rate", 600)])
            ```
        """
        given = checked_parameters(parameters)
        if not given:
            return
        existing = await self.list(device_id, **options)
        ids = {one.key: one.id for one in reversed(existing)}
        changes = [
            attrs.evolve(one, id=ids.get(one.key, UNSET)) if one.id is UNSET else one
            for one in given
        ]
        new = sum(one.id is UNSET for one in changes)
        if new and len(existing) + new > MAX_PARAMETERS_PER_DEVICE:
            raise InputError(
                f"{len(existing)} existing and {new} new, "
                f"but a device holds at most {MAX_PARAMETERS_PER_DEVICE}",
                path="parameters",
            )
        safety, body = Safety.ONCE if new else Safety.IDEMPOTENT, to_json(changes)
        await self._call(object, options, _SET, device_id, safety=safety, body=body)

    def set_many(
        self, changes: Many[ParameterChange] | None, **run: Unpack[RunKeywords]
    ) -> BulkRun[ParameterChange]:
        """Set the parameters of many devices, each as `set` does.

        Args:
            changes: the devices and their parameters; None: the items of the journal.
            run: ``journal``, ``on_error``, ``max_failures``, ``ordered``, ``settle`` and
                ``patience``, see `RunKeywords`.

        Raises:
            BulkStoppedError: the run ended early.
            JournalError: the journal belongs to another input, or is in use.

        Example:
            ```python
            changes = [ParameterChange(device_id, [ConfigurationParameter("check_rate", 600)])]
            report = await tago.parameters.set_many(changes, journal="rates.journal")
            ```
        """
        return self._runs.create(SetParameters(ParameterRequests(self)), changes, run)

    async def remove(self, device_id: str, param_id: str, **options: Unpack[CallOptions]) -> None:
        """Remove a parameter of a device.

        Args:
            device_id: the device's id.
            param_id: the parameter's id, as `list` returns it.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the parameter does not exist, and no earlier attempt of this call with
                a lost answer can have removed it.
            RequestError: the request failed otherwise.

        Example:
            ```python
            (parameter,) = await tago.parameters.list(device_id)
            await tago.parameters.remove(device_id, parameter.id)
            ```
        """
        safety = Safety.IDEMPOTENT
        await removed(self._call(object, options, _REMOVE, device_id, param_id, safety=safety))


@strict
class DeviceParameters(Resource):
    """The parameters of the device whose token the client has: ``device.parameters``."""

    async def list(self, sent: bool | None = None, **options: Unpack[CallOptions]) -> _Parameters:
        """Return the parameters, in one request.

        Args:
            sent: only those that are, or are not, marked as read; None for all.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            RequestError: the request failed.

        Example:
            ```python
            for parameter in await device.parameters.list(sent=False):
                print(parameter.key, parameter.value)
            ```
        """
        parameters = {"sent_status": sent}
        return await self._call(_Parameters, options, _OWN_LIST, parameters=parameters)

    async def mark_read(self, param_id: str, **options: Unpack[CallOptions]) -> None:
        """Mark a parameter as read by the device.

        Args:
            param_id: the parameter's id, as `list` returns it.
            options: ``priority``, ``max_wait`` and ``timeout`` of this call, see `CallOptions`.

        Raises:
            NotFoundError: the parameter does not exist.
            RequestError: the request failed otherwise.

        Example:
            ```python
            for parameter in await device.parameters.list(sent=False):
                await device.parameters.mark_read(parameter.id)
            ```
        """
        safety, body = Safety.IDEMPOTENT, to_json({"sent": True})
        await self._call(object, options, _OWN_MARK, param_id, safety=safety, body=body)


def checked_parameters(parameters: Iterable[ConfigurationParameter]) -> _Parameters:
    """Return the parameters after a check.

    Raises:
        InputError: a key is empty or used twice.
    """
    given: dict[str, ConfigurationParameter] = {}
    for index, one in enumerate(parameters):
        path = f"parameters[{index}]"
        if not isinstance(one, ConfigurationParameter):
            raise InputError(
                f"must be a ConfigurationParameter, not {type(one).__name__}", path=path
            )
        if not one.key.strip():
            raise InputError("must not be empty", path=f"{path}.key")
        if one.key in given:
            raise InputError("is used twice", path=f"{path}.key")
        given[one.key] = one
    return [*given.values()]


# --- bulk runs ----------------------------------------------------------------------------------


@attrs.frozen
class ParameterRequests:
    """Sets parameters for bulk runs."""

    parameters: Parameters
    """The requests."""

    async def set_parameters(
        self, device_id: str, parameters: Sequence[ConfigurationParameter], record: CallRecord
    ) -> None:
        """Set parameters, after reading the existing ones."""
        await self.parameters.set(device_id, parameters, record=record)
