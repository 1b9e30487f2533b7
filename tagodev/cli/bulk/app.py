"""The ``tagodev bulk`` commands; each is imported when it is called.

The summary of a command is for the list of commands; its help is the docstring of its function.
"""

from __future__ import annotations

from typing import Final

from cyclopts import App, Parameter

__all__ = ["app"]

_CREATE_EXAMPLES: Final = """\
create site.csv --plan scale --out results.csv

To be able to resume the run:
tagodev bulk create site.csv --journal site.journal
"""
#: Name, module, summary, and an example without ``tagodev bulk``.
_COMMANDS: Final = (
    ("create", "bulk.commands", "Create a device for every row of a file.", _CREATE_EXAMPLES),
    (
        *("delete", "bulk.commands", "Delete the devices of a file, with all their data."),
        "delete site.results.csv --plan scale --yes",
    ),
    (
        *("edit", "bulk.commands", "Edit the devices of a file."),
        "edit changes.csv --journal changes.journal",
    ),
    (
        *("rotate", "bulk.commands", "Replace the tokens of a file with new ones."),
        "rotate site.results.csv --out new-tokens.csv --yes",
    ),
    (
        *("resume", "bulk.resume_commands", "Resume an interrupted run from its journal."),
        "resume site.journal",
    ),
    (
        *("status", "bulk.journal_commands", "Show the status of journals."),
        "status site.journal other.journal",
    ),
    (
        *("report", "report.command", "Show the statistics of a run from its journal."),
        "report site.journal --html report.html",
    ),
    (
        *("export", "bulk.journal_commands", "Print every row of journals, with their tokens."),
        "export site.journal --format jsonl",
    ),
    (
        *("retry-failed", "bulk.resume_commands", "Retry the failed rows of a journal."),
        "retry-failed site.journal",
    ),
    (
        *("untag", "bulk.resume_commands", "Remove the tags that identify a run's devices."),
        "untag site.journal",
    ),
)

app: Final = App(
    name="bulk",
    help="Create, edit or delete many devices from a file.",
    # An option has no negative form unless it names one.
    default_parameter=Parameter(negative=""),
)
for _name, _module, _summary, _example in _COMMANDS:
    app.command(
        f"tagodev.cli.{_module}:{_name.replace('-', '_')}",
        name=_name,
        help=_summary,
        help_epilogue=f"Example: tagodev bulk {_example}",
    )
