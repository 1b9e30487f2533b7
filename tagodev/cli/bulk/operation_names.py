"""What people call the kinds of bulk work that journals are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DoneStatus", "OperationNames", "kind_of"]

#: What a row is when it is done.
DoneStatus: TypeAlias = Literal[
    "created", "edited", "deleted", "issued", "rotated", "set", "sent", "applied", "done"
]


@attrs.frozen
class OperationNames:
    """One kind of bulk work."""

    name: str
    """Its name in journals: ``create_devices``."""
    done: DoneStatus
    """What a row is when it is done."""
    noun: str
    """What rows are, in the plural."""
    route: str = ""
    """The route by which rows are done, and that progress is told by."""
    tokens: bool = False
    """Whether something that is done gives a token."""


_KINDS: Final[Mapping[str, OperationNames]] = {
    kind.name: kind
    for kind in (
        OperationNames("create_devices", "created", "devices", "POST /device", tokens=True),
        OperationNames("edit_devices", "edited", "devices", "PUT /device/:device_id"),
        OperationNames("delete_devices", "deleted", "devices", "DELETE /device/:device_id"),
        OperationNames("create_tokens", "issued", "tokens", "POST /device/token", tokens=True),
        OperationNames("rotate_tokens", "rotated", "tokens", "POST /device/token", tokens=True),
        OperationNames(
            "set_parameters", "set", "devices' parameters", "POST /device/:device_id/params"
        ),
        OperationNames("send_data", "sent", "batches of data", "POST /data"),
        OperationNames("apply_devices", "applied", "steps", "POST /device", tokens=True),
    )
}


def kind_of(name: str) -> OperationNames:
    """Return what is known of a kind of bulk work.

    Args:
        name: as a journal has it.
    """
    return _KINDS.get(name) or OperationNames(name, "done", "rows")
