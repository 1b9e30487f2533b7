"""The ``--ledger`` option: where requests are counted across commands and processes.

The default is a file in the platform's state folder.
It holds only numbers; a profile is identified by a digest of its token.

If a ledger from ``--ledger`` or ``TAGODEV_LEDGER`` can't be used, the command fails before it sends
anything. If the default file can't be used, the command prints a warning and continues without it.
A ledger that stays unavailable during a command ends it, as requests can't be counted.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

from cyclopts import Parameter

from tagodev._cli.output.console import print_message
from tagodev.errors import ConfigurationError

if TYPE_CHECKING:
    from tagodev._limits.ledger.shared import SharedLedger

__all__ = ["LedgerOption", "find_ledger"]

#: Seconds that a ledger may be unavailable, enough for a server restart.
_TIMEOUT: Final = 30.0

LedgerOption: TypeAlias = Annotated[
    str | None,
    Parameter(
        help="Count requests across processes in this file or redis://... server, or none; "
        "default: a file in the state folder [env: TAGODEV_LEDGER].",
        show_default=False,
    ),
]


def find_ledger(option: str | None = None) -> SharedLedger | None:
    """Return the ledger; None to count in this process only.

    Args:
        option: the value of ``--ledger``.

    Raises:
        ConfigurationError: the value is invalid, the ledger can't be used, or a package is missing.
    """
    from tagodev._limits.ledger.kinds import RedisLedger, SqliteLedger

    location = option or os.environ.get("TAGODEV_LEDGER") or ""
    if location == "none":
        return None
    if "://" in location:
        return RedisLedger(location, patience=_TIMEOUT)
    try:
        path = Path(location).expanduser() if location else _default_path()
    except RuntimeError:
        # Containers can lack a home folder.
        print_message(
            "tagodev: requests of other commands are not counted: there is no home folder"
        )
        return None
    problem = _problem_with(path)
    if problem and location:
        raise ConfigurationError(
            f"The ledger {path} can't be used: {problem}",
            hint="Use another file with --ledger FILE, or --ledger none",
        )
    if problem:
        print_message(f"tagodev: requests of other commands are not counted: {path}: {problem}")
        return None
    return SqliteLedger(path, patience=_TIMEOUT)


def _default_path() -> Path:
    from platformdirs import user_state_path

    return user_state_path("tagodev", appauthor=False) / "ledger.sqlite"


def _problem_with(path: Path) -> str:
    from tagodev._limits.ledger.lease_store import StoreError
    from tagodev._limits.ledger.sqlite import SqliteStore

    try:
        SqliteStore(path).check()
    except StoreError as error:
        return str(error)
    return ""
