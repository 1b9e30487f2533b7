"""Models for chunks: the parts in which an immutable device stores and deletes its data.

Fields follow TagoIO's OpenAPI file. One SDK names the two dates differently; both names are read.
"""

from __future__ import annotations

from datetime import datetime

import attrs

from tagodev.models.fields import Answer

__all__ = ["Chunk", "ChunkBackup"]


@attrs.frozen(kw_only=True)
class Chunk(Answer):
    """The data of one chunk period: a day, week, month or quarter."""

    id: str
    """First and last second as Unix timestamps: ``1658102400_1658707199``."""
    from_date: datetime
    """Start, UTC; ``from`` in the JSON."""
    to_date: datetime
    """End, UTC; ``to`` in the JSON."""
    amount: int | None = None
    """Number of registers; None if the service does not report it."""


@attrs.frozen(kw_only=True)
class ChunkBackup(Answer):
    """The answer to a request for an export of a chunk."""

    chunk_id: str
    """Id of the chunk."""
    file_address: str
    """Path of the export in Files, placeholders resolved."""
    status: str | None = None
    """``scheduled``; None if the service does not report it."""
