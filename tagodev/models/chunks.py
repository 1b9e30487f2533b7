"""Chunks: the parts in which an immutable device keeps its data, and lets go of it.

The fields are those of TagoIO's OpenAPI file; one SDK has other names for the two dates, which are
read too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

__all__ = ["Chunk", "ChunkBackup"]


@attrs.frozen(kw_only=True)
class Chunk:
    """The data of one period: a day, week, month or quarter, as the device was made."""

    id: str
    """Its first and its last second as Unix timestamps: ``1658102400_1658707199``."""
    from_date: datetime
    """Its first moment, UTC; ``from`` on the wire."""
    to_date: datetime
    """Its last moment, UTC; ``to`` on the wire."""
    amount: int | None = None
    """How many registers it holds, where the service tells."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""


@attrs.frozen(kw_only=True)
class ChunkBackup:
    """What the service says of an export of a chunk that it has been asked for."""

    chunk_id: str
    """Which chunk."""
    file_address: str
    """Where in Files it will be, the placeholders filled in."""
    status: str | None = None
    """``scheduled``, where the service says so."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""
