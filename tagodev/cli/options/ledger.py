"""Where commands count what they send, so that the next one knows it, and those beside it.

A file in the platform's state folder, unless ``--ledger`` or ``TAGODEV_LEDGER`` says otherwise.
It holds numbers only: a profile is named by a digest of its token.

A ledger that was asked for and can't be used ends the command before anything is sent; without the
usual one it goes on, and says so.
One that is away for too long while a command works ends it too: what is not counted is not sent.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

from cyclopts import Parameter

from tagodev.cli.output.console import say
from tagodev.errors import ConfigurationError

if TYPE_CHECKING:
    from tagodev.limits.ledger.shared import SharedLedger

__all__ = ["LedgerOption", "find_ledger"]

#: Seconds that a ledger may be away: a server that is started again is back by then.
_PATIENCE: Final = 30.0

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
        ConfigurationError: it can't be understood or used, or needs what is not installed.
    """
    from tagodev.limits.ledger.kinds import RedisLedger, SqliteLedger

    where = named or os.environ.get("TAGODEV_LEDGER") or ""
    if where == "none":
        return None
    if "://" in where:
        return RedisLedger(where, patience=_PATIENCE)
    try:
        path = Path(where).expanduser() if where else _default_path()
    except RuntimeError:
        # Nobody has a home in a bare container.
        say("tagodev: requests of other commands are not counted: there is no home folder")
        return None
    problem = _problem_with(path)
    if problem and where:
        raise ConfigurationError(
            f"The ledger {path} can't be used: {problem}",
            hint="Name another: --ledger FILE, or none",
        )
    if problem:
        say(f"tagodev: requests of other commands are not counted: {path}: {problem}")
        return None
    return SqliteLedger(path, patience=_PATIENCE)


def _default_path() -> Path:
    from platformdirs import user_state_path

    return user_state_path("tagodev", appauthor=False) / "ledger.sqlite"


def _problem_with(path: Path) -> str:
    from tagodev.limits.ledger.lease_store import StoreError
    from tagodev.limits.ledger.sqlite import SqliteStore

    try:
        SqliteStore(path).check()
    except StoreError as error:
        return str(error)
    return ""
