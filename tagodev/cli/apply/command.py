"""``tagodev apply``: a profile made what a file says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from tagodev.cli.apply.places import OutputPaths
from tagodev.cli.apply.session import ApplySession
from tagodev.cli.apply.stdin import at_hand
from tagodev.cli.bulk.by_filter import YesOption  # noqa: TC001  (cyclopts reads annotations)
from tagodev.cli.options.files import FileOptions, PlanOptions, open_input
from tagodev.cli.options.service import ServiceOptions
from tagodev.errors import InputError
from tagodev.provision.apply.run import Guard

__all__ = ["apply"]

_SERVICE: Final = ServiceOptions()
_READING: Final = FileOptions()
_INTENT: Final = PlanOptions()


def apply(
    file: Path,
    /,
    *,
    reading: FileOptions = _READING,
    intent: PlanOptions = _INTENT,
    service: ServiceOptions = _SERVICE,
    yes: YesOption = False,
    max_delete: Annotated[
        str,
        Parameter(help="How many of the managed devices may be deleted: a share, or a number."),
    ] = "10%",
    settle: Annotated[
        float,
        Parameter(
            help="Seconds that a request without an answer may take to show on the service, "
            "before it is looked up."
        ),
    ] = 10.0,
    out: Annotated[
        Path | None,
        Parameter(help="Where results go; default: FILE's name with .apply-TIME.csv, here."),
    ] = None,
    snapshot: Annotated[
        Path | None,
        Parameter(
            help="Where the devices are saved as they were before; default: the state folder."
        ),
    ] = None,
    all: Annotated[  # noqa: A002  (the option's name)
        bool, Parameter(negative="", help="Show every step, however many.")
    ] = False,
    json: Annotated[bool, Parameter(negative="", help="One JSON object as output.")] = False,
) -> int:
    """Carry a plan out."""
    if not 0 <= settle <= 600:
        raise InputError(f"is from 0 to 600 seconds, not {settle:g}", path="--settle")
    try:
        guard = Guard.read(max_delete)
    except InputError as error:
        raise InputError(error.message, path="--max-delete") from None
    with at_hand(file, intent.manager) as path:
        wanted = open_input(path, reading, intent, service)
        # The journal of what came over a pipe is found again by what that is called.
        named = file if path == file else Path(wanted.intent.manager)
        application = ApplySession(
            wanted=wanted,
            service=service,
            places=OutputPaths.of(named, out, snapshot),
            guard=guard,
            settle=settle,
            ask=not yes,
            everything=all,
            json=json,
        )
        return application.carry_out()
