"""The ``tagodev apply`` command."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cyclopts import App

from tagodev._cli.apply.paths import OutputPaths
from tagodev._cli.apply.session import ApplySession
from tagodev._cli.apply.stdin import readable_path
from tagodev._cli.options.confirmation import YesOption  # noqa: TC001  (cyclopts reads annotations)
from tagodev._cli.options.files import FileOptions, PlanOptions, open_input
from tagodev._cli.options.service import ServiceOptions
from tagodev._cli.output.table import JsonOption  # noqa: TC001  (cyclopts reads annotations)
from tagodev.errors import InputError
from tagodev.provision._apply.run import Guard

__all__ = ["app", "apply"]

_SERVICE: Final = ServiceOptions()
_FILE_OPTIONS: Final = FileOptions()
_PLAN_OPTIONS: Final = PlanOptions()


_EXAMPLES: Final = """\
Example: tagodev apply site.csv

Without a prompt, from a reviewed plan:

tagodev plan site.csv --out plan.json; tagodev apply plan.json --yes
"""

app: Final = App(name="apply", help_epilogue=_EXAMPLES)


@app.default
def apply(
    file: Path,
    /,
    *,
    file_options: FileOptions = _FILE_OPTIONS,
    plan_options: PlanOptions = _PLAN_OPTIONS,
    service: ServiceOptions = _SERVICE,
    yes: YesOption = False,
    max_delete: str = "10%",
    settle: float = 10.0,
    out: Path | None = None,
    snapshot: Path | None = None,
    all: bool = False,  # noqa: A002  (the option's name)
    json: JsonOption = False,
) -> int:
    """Create, edit and delete devices to match FILE.

    Shows the plan first and runs it after you type yes, or at once with --yes. Applying the same
    file again changes nothing. After an interrupted apply, the requests already sent are looked up
    and the rest is planned again.

    Devices are deleted only with --prune, and only those that this list manages: their tag
    tagodev_managed is the list's manager. At most 10% of them are deleted unless --max-delete
    allows more, and never a device with the tag `_delete_protection_`.

    Args:
        file: A list of devices, an export, a saved plan (refused with exit code 1 if the profile
            has changed since), the snapshot of an earlier apply, to undo it, or - for standard
            input, which requires --name.
        max_delete: Refuse to delete more managed devices than this: percentage or number.
        settle: Wait this many seconds for a request without an answer to take effect, then look up
            its outcome.
        out: Write the results here; default: FILE's name with .apply-TIME.csv.
        snapshot: Save the devices here before the changes, to undo them with tagodev apply
            SNAPSHOT; default: a new file in the state folder.
        all: Show every step, not only the first 50.
    """
    if not 0 <= settle <= 600:
        raise InputError(f"must be from 0 to 600 seconds, not {settle:g}", path="--settle")
    try:
        guard = Guard.read(max_delete)
    except InputError as error:
        raise InputError(error.message, path="--max-delete") from None
    with readable_path(file, plan_options.manager) as path:
        devices = open_input(path, file_options, plan_options, service)
        # Input from a pipe has no file name: the manager replaces it.
        named = file if path == file else Path(devices.settings.manager)
        session = ApplySession(
            input=devices,
            service=service,
            outputs=OutputPaths.of(named, out, snapshot),
            guard=guard,
            settle=settle,
            confirm=not yes,
            show_all=all,
            json=json,
        )
        return session.run()
