"""The ``tagodev bulk`` commands; each is imported when it is called."""

from __future__ import annotations

from typing import Final

from cyclopts import App

__all__ = ["app"]

_CREATE: Final = """\
Create a device for every row, as fast as the rate limits allow.

FILE is CSV with a header, JSON, JSON Lines, YAML or Excel. Columns: tag.KEY, param.KEY and fields
of a device, such as name, network, serie_number and description; an empty cell is not sent. The
whole file is checked before anything is sent.

The results (row, name, device_id, token, status, error) are written row by row and contain the
devices' tokens: only you can read the file, and an existing file is never overwritten.

With --journal each device is created exactly once, even if the run is interrupted. The results are
then written when the run ends, contain every row of the journal, and replace only earlier results
of the same journal.
"""
_CREATE_EXAMPLES: Final = """\
Example: tagodev bulk create site.csv --plan scale --out results.csv

To be able to resume the run:
tagodev bulk create site.csv --journal site.journal
"""
_DELETE: Final = """\
Delete the devices of a file, with all their data.

FILE is as for bulk create, with a column device_id or id, such as the results of bulk create. Rows
without an id are skipped. A device that does not exist counts as deleted.

The command shows the devices, asks you to type their number, and writes a snapshot. tagodev apply
SNAPSHOT creates them again with new ids and tokens, and without their data.
"""
_EDIT: Final = """\
Edit the devices of a file.

FILE is as for bulk create. Columns: device_id (or id), and what to change: tag.KEY, param.KEY and
fields such as name, active and description. An empty cell changes nothing.

The tags of a row replace all tags of the device, including tags added during the run; parameters
likewise. To add or change single tags, use tagodev apply or tagodev device edit.
"""
_ROTATE: Final = """\
Replace the tokens of a file with new ones of the same name and permission.

FILE is as for bulk create, with the columns device_id (or id) and token (the token to replace),
such as the results of bulk create. Rows with neither are skipped; a row with an id but no token is
an error, and nothing is sent.

The command shows the tokens and asks you to type their number. It creates each new token and
writes it to the journal before it deletes the old one.
"""
_RESUME: Final = """\
Resume an interrupted run from its journal.

Finished rows send no requests; rows whose answer was lost are looked up before anything is sent
again. Options that you don't give are read from the journal, except the account's token, which is
not stored in it.
"""
_STATUS: Final = """\
Show the status of journals, and how to resume them.

Name journals or folders; default: the journals of the current folder and of tagodev apply. No
token is needed, and a run may be in progress.
"""
_EXPORT: Final = """\
Print every row of journals, including their tokens.

The CSV columns are those of the results: row, name, device_id, token, status, error. JSON Lines
also have the number of attempts and the times of the last request and of the end. With several
journals, the first column is the journal. A folder means all journals in it.
"""
_REPORT: Final = """\
Show the statistics of a run from its journal; the run may be in progress.

The report shows the requests of each minute and the limit, the outcomes, the reasons of failures,
and the slowest rows. --html writes it as one page with charts that loads nothing from the network
and contains no tokens.
"""
_RETRY: Final = """\
Retry the failed rows of a journal, and resume the run.

A row fails when the service refuses it without doing anything, so nothing is done twice.
"""
_UNTAG: Final = """\
Remove the tags that identify the devices of a run.

The command lists the devices with the tag and replaces the tags of each with the others, so a tag
added at the same moment may be lost. It is safe to repeat.
"""

app: Final = App(name="bulk", help="Create, edit or delete many devices from a file.")

#: Name, function, help, and an example without ``tagodev bulk``.
_COMMANDS: Final = (
    ("delete", "bulk.commands:delete", _DELETE, "delete site.results.csv --plan scale --yes"),
    ("edit", "bulk.commands:edit", _EDIT, "edit changes.csv --journal changes.journal"),
    (
        "rotate",
        "bulk.commands:rotate",
        _ROTATE,
        "rotate site.results.csv --out new-tokens.csv --yes",
    ),
    ("resume", "bulk.resume_commands:resume", _RESUME, "resume site.journal"),
    ("status", "bulk.journal_commands:status", _STATUS, "status site.journal other.journal"),
    ("report", "report.command:report", _REPORT, "report site.journal --html report.html"),
    ("export", "bulk.journal_commands:export", _EXPORT, "export site.journal --format jsonl"),
    ("retry-failed", "bulk.resume_commands:retry_failed", _RETRY, "retry-failed site.journal"),
    ("untag", "bulk.resume_commands:untag", _UNTAG, "untag site.journal"),
)
app.command(
    "tagodev.cli.bulk.commands:create", name="create", help=_CREATE, help_epilogue=_CREATE_EXAMPLES
)
for _name, _function, _help, _example in _COMMANDS:
    app.command(
        f"tagodev.cli.{_function}",
        name=_name,
        help=_help,
        help_epilogue=f"Example: tagodev bulk {_example}",
    )
