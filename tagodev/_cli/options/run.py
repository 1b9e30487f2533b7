"""Options of a bulk run."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import attrs
from cyclopts import Parameter

from tagodev._bulk.options import RunOptions
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagodev._bulk.options import ResumeKeywords

__all__ = ["CONSENT", "BulkRunOptions"]

#: Options that must be given again for each command.
CONSENT: Final = ("same_profile", "incomplete")

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class BulkRunOptions:
    """How a bulk run handles rows that fail and requests without a response."""

    on_error: Literal["continue", "stop"] | None = None
    """Continue (default) or stop when a row fails."""
    max_failures: int | None = None
    """Stop after this many failed rows; default: no limit."""
    settle: float | None = None
    """With a journal: seconds to wait before looking up a request that got no response; default:
    10."""

    same_profile: bool | None = None
    """With a journal: resume with another token of the same profile, if the service does not
    report a token's profile."""
    incomplete: bool | None = None
    """With a journal: resume from an older copy, or one without its write-ahead log; each row is
    looked up before it is sent."""

    def keywords(self, known: Mapping[str, Any] = _NOTHING) -> ResumeKeywords:
        """Return the keyword arguments of a run.

        Args:
            known: options saved in a journal; options given here take precedence.

        Raises:
            InputError: an option is out of bounds.
        """
        given = attrs.asdict(self)
        # Consent applies to one command and is never taken from a journal.
        saved = [name for name in given if name in known and name not in CONSENT]
        keywords = {name: known[name] for name in saved}
        keywords |= {name: value for name, value in given.items() if value is not None}
        try:
            RunOptions(**keywords)
        except InputError as error:
            option = f"--{error.path.replace('_', '-')}"
            raise InputError(error.message, path=option) from None
        return cast("ResumeKeywords", keywords)
