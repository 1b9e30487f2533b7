"""The ``tagodev bulk`` commands; the help of each is the docstring of its function."""

from __future__ import annotations

from typing import Final

from cyclopts import App, Parameter

from tagodev.cli.bulk.commands import create, delete, edit, rotate
from tagodev.cli.bulk.journal_commands import export, status
from tagodev.cli.bulk.resume_commands import resume, retry_failed, untag
from tagodev.cli.report.command import report

__all__ = ["app"]

_CREATE_EXAMPLES: Final = """\
Example: tagodev bulk create site.csv --plan scale --out results.csv

To be able to resume the run:
tagodev bulk create site.csv --journal site.journal
"""

app: Final = App(
    name="bulk",
    help="Create, edit or delete many devices from a file.",
    # An option has no negative form unless it names one.
    default_parameter=Parameter(negative=""),
)
app.command(create, help_epilogue=_CREATE_EXAMPLES)
for _function, _example in (
    (delete, "delete site.results.csv --plan scale --yes"),
    (edit, "edit changes.csv --journal changes.journal"),
    (rotate, "rotate site.results.csv --out new-tokens.csv --yes"),
    (resume, "resume site.journal"),
    (status, "status site.journal other.journal"),
    (report, "report site.journal --html report.html"),
    (export, "export site.journal --format jsonl"),
    (retry_failed, "retry-failed site.journal"),
    (untag, "untag site.journal"),
):
    app.command(_function, help_epilogue=f"Example: tagodev bulk {_example}")
