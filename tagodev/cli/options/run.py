"""The options that say how a bulk run goes about its rows."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, cast

import attrs
from cyclopts import Parameter

from tagodev.bulk.options import RunOptions
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagodev.bulk.options import ResumeKeywords

__all__ = ["CONSENT", "BulkRunOptions"]

#: Options that a person gives anew each time.
CONSENT: Final = ("same_profile", "incomplete")

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class BulkRunOptions:
    """What a run does about rows that fail, or whose answer is lost."""

    on_error: Annotated[
        Literal["continue", "stop"] | None,
        Parameter(help="Whether a row that fails ends the run; default: continue."),
    ] = None
    max_failures: Annotated[
        int | None, Parameter(help="How many rows may fail before the run ends; default: any.")
    ] = None
    settle: Annotated[
        float | None,
        Parameter(
            help="With a journal: seconds that a request without an answer may take to show on "
            "the service, before it is looked up; default: 10."
        ),
    ] = None

    same_profile: Annotated[
        bool | None,
        Parameter(
            negative="",
            help="With a journal: resume with another token, where the service does not say which "
            "profile it belongs to.",
        ),
    ] = None
    incomplete: Annotated[
        bool | None,
        Parameter(
            negative="",
            help="With a journal: resume from an older copy, or one that has lost its write-ahead "
            "log; each row is looked up before it is sent.",
        ),
    ] = None

    def keywords(self, known: Mapping[str, Any] = _NOTHING) -> ResumeKeywords:
        """Return how to go about it.

        Args:
            known: what a journal remembers; what was said here goes before it.

        Raises:
            InputError: an option is out of bounds.
        """
        given = attrs.asdict(self)
        # Consent is for one command; a journal can't remember it.
        kept = [name for name in given if name in known and name not in CONSENT]
        keywords = {name: known[name] for name in kept}
        keywords |= {name: value for name, value in given.items() if value is not None}
        try:
            RunOptions(**keywords)
        except InputError as error:
            option = f"--{error.path.replace('_', '-')}"
            raise InputError(error.message, path=option) from None
        return cast("ResumeKeywords", keywords)
