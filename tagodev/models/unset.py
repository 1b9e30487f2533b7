"""The difference between "not said" and "nothing".

An edit changes the fields that it names. Leaving a field out keeps it, sending null empties it,
and a null that was never meant has been seen to corrupt a device: hence a value of its own for
"leave it out".
"""

from __future__ import annotations

import enum
from typing import Final

__all__ = ["UNSET", "Unset"]


class Unset(enum.Enum):
    """The type of `UNSET`: a field that may be left out is written ``str | Unset``."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> bool:
        return False


#: The value of a field that is left out of the request.
UNSET: Final = Unset.UNSET
