"""The ``tagodev bulk`` commands; each is imported when it is called.

The summary of a command is for the list of commands; its help is the docstring of its function.
"""

from __future__ import annotations

from typing import Final

from cyclopts import App

__all__ = ["app"]

_CREATE: Final = """\
site.csv --plan scale --out results.csv

To be able to resume the run:
tagodev bulk create site.csv --journal site.journal
"""
#: By module: name, summary and example of each command.
_COMMANDS: Final = {
    "bulk.commands": (
        ("create", "Create a device for every row of a file.", _CREATE),
        ("delete", "Delete devices of a file, with their data.", "site.results.csv --yes"),
        ("edit", "Edit the devices of a file.", "changes.csv --journal changes.journal"),
        ("rotate", "Replace the tokens of a file.", "site.results.csv --out new-tokens.csv --yes"),
    ),
    "bulk.resume_commands": (
        ("resume", "Resume an interrupted run from its journal.", "site.journal"),
        ("retry-failed", "Retry the failed rows of a journal.", "site.journal"),
        ("untag", "Remove the tags that identify the devices of a run.", "site.journal"),
    ),
    "bulk.journal_commands": (
        ("status", "Show the status of journals.", "site.journal other.journal"),
        ("export", "Print every row of journals.", "site.journal --format jsonl"),
    ),
    "report.command": (
        ("report", "Show the statistics of a run.", "site.journal --html report.html"),
    ),
}

app: Final = App(name="bulk", help="Create, edit or delete many devices from a file.")
for _module, _commands in _COMMANDS.items():
    for _name, _summary, _example in _commands:
        app.command(
            f"tagodev._cli.{_module}:{_name.replace('-', '_')}",
            name=_name,
            help=_summary,
            help_epilogue=f"Example: tagodev bulk {_name} {_example}",
        )
