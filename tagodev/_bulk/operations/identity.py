"""Findings: what a search found for an item whose answer was lost."""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

__all__ = ["Ambiguous", "Finding", "Found", "Identity"]

#: How a device is identified after its answer was lost: by a tag written at its creation, its
#: serial number, or its name.
Identity: TypeAlias = Literal["tag", "serial", "name"]


@attrs.frozen
class Found:
    """The item was done: what it created."""

    id: str
    """Id of the device; empty for a token, which is in `token`."""
    token: str = attrs.field(default="", repr=False)
    """The token that was created, if the search returned it."""


@attrs.frozen
class Ambiguous:
    """Several resources match; none is chosen."""

    ids: tuple[str, ...]
    """Their ids."""


#: None: nothing was found so far.
Finding: TypeAlias = Found | Ambiguous | None
