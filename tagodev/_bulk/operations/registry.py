"""The registry of operations, by their names in journals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tagodev._bulk.operations.apply_steps import ApplySteps
from tagodev._bulk.operations.base import Operation
from tagodev._bulk.operations.create_devices import CreateDevices
from tagodev._bulk.operations.delete_devices import DeleteDevices
from tagodev._bulk.operations.edit_devices import EditDevices
from tagodev._bulk.operations.parameters_and_data import SendData, SetParameters
from tagodev._bulk.operations.tokens import IssueTokens, RotateTokens

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OPERATIONS", "operation_of"]

_ALL: Final[tuple[type[Operation[Any]], ...]] = (
    *(ApplySteps, CreateDevices, DeleteDevices, EditDevices),
    *(IssueTokens, RotateTokens, SendData, SetParameters),
)
#: All operations, by their names in journals.
OPERATIONS: Final[Mapping[str, type[Operation[Any]]]] = {one.kind: one for one in _ALL}


def operation_of(kind: str) -> type[Operation[Any]]:
    """Return an operation; for an unknown one, the base class with its general terms.

    Args:
        kind: its name in journals.
    """
    return OPERATIONS.get(kind, Operation)
