"""The `UNSET` value for fields that are left out of a request.

An edit keeps the fields that are left out and clears those that are null. An unintended null has
corrupted a device, so "left out" has its own value instead of None.
"""

from __future__ import annotations

import enum
from typing import Final

__all__ = ["UNSET", "Unset"]


class Unset(enum.Enum):
    """The type of `UNSET`; an optional field has a type such as ``str | Unset``."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> bool:
        return False


#: The value of a field that is left out of a request.
UNSET: Final = Unset.UNSET
