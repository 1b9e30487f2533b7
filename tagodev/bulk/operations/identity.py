"""What a look at the service found of a row whose answer was lost."""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

__all__ = ["Ambiguous", "Finding", "Found", "Identity"]

#: By what a device is known again after its answer was lost: a tag written at its creation, its
#: serial number, or its name.
Identity: TypeAlias = Literal["tag", "serial", "name"]


@attrs.frozen
class Found:
    """It was done: this is what it made."""

    id: str
    """Id of the device; of a token, the token's place in `token`."""
    token: str = attrs.field(default="", repr=False)
    """The token that was made, where the look gave it."""


@attrs.frozen
class Ambiguous:
    """Several things match; none is chosen."""

    ids: tuple[str, ...]
    """Their ids."""


#: None: nothing was found, so far.
Finding: TypeAlias = Found | Ambiguous | None
