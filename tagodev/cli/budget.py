"""Where commands count what they send, so that the next one knows it, and those beside it.

A file in the platform's state folder, unless ``--ledger`` or ``TAGODEV_LEDGER`` says otherwise.
It holds numbers only: a profile is named by a digest of its token.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

from cyclopts import Parameter

from tagodev.cli.common import say

if TYPE_CHECKING:
    from tagodev.limits.shared import SharedLedger

__all__ = ["LedgerOption", "find_ledger"]

LedgerOption: TypeAlias = Annotated[
    str | None,
    Parameter(
        help="Where requests are counted together with those of other processes: a file, "
        "redis://..., or none; default: a file of yours [env: TAGODEV_LEDGER].",
        show_default=False,
    ),
]


def find_ledger(named: str | None = None) -> SharedLedger | None:
    """Return where to count; None for this process alone.

    Args:
        named: what the option said.

    Raises:
        ConfigurationError: it can't be understood, or needs what is not installed.
    """
    from tagodev.limits.ledgers import RedisLedger, SqliteLedger

    where = named or os.environ.get("TAGODEV_LEDGER") or ""
    if where == "none":
        return None
    if "://" in where:
        return RedisLedger(where)
    if where:
        return SqliteLedger(Path(where).expanduser())
    path = _default_path()
    if not _can_be_kept(path):
        say(f"tagodev: requests of other commands are not counted: {path} can't be written")
        return None
    return SqliteLedger(path)


def _default_path() -> Path:
    from platformdirs import user_state_path

    return user_state_path("tagodev", appauthor=False) / "ledger.sqlite"


def _can_be_kept(path: Path) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(path if path.exists() else path.parent, os.W_OK)
