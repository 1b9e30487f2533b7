"""``tagodev bulk``: many devices from a file, and the journals of such runs.

Commands are named here and imported when they are called, as in `tagodev.cli.app`.
"""

from __future__ import annotations

from typing import Final

from cyclopts import App

__all__ = ["app"]

_CREATE: Final = """\
Make a device of every row, as fast as the limits allow.

FILE is CSV with a header, JSON, JSON Lines, YAML or Excel. Columns: name, type, network,
connector, serie_number, active, visible, description, chunk_period, chunk_retention, tag.KEY,
param.KEY; an empty cell is not sent. The whole file is checked before anything is sent.

The results (row, name, device_id, token, status, error) are written row by row and hold the
devices' tokens: only you may read the file, and an existing one is never overwritten.

With a journal each device is made exactly once, whatever happens meanwhile. The results hold every
row of it then, are written when the run ends, and take the place of earlier results of the same
journal, but of nothing else.
"""
_CREATE_EXAMPLES: Final = """\
Example: tagodev bulk create site.csv --plan scale --out results.csv

So that nothing is made twice, whatever happens:
tagodev bulk create site.csv --journal site.journal
"""
_DELETE: Final = """\
Delete the devices that a file names, with all their data.

FILE is as for bulk create, with a column device_id or id: the results of bulk create will do. Rows
without an id are skipped. A device that is gone already counts as deleted.

The devices are shown, you type their number to confirm, and a snapshot is written, from which
tagodev apply creates them again: with new ids and tokens, and without their data.
"""
_EDIT: Final = """\
Change the devices that a file names.

FILE is as for bulk create. Columns: device_id (or id), and of name, network, connector, active,
visible, description, chunk_retention, tag.KEY, param.KEY those that are to change; an empty cell
changes nothing.

The tags of a row replace all tags that the device has, also those that others add during the run;
its parameters replace all parameters. To add single ones, use tagodev apply or device edit.
"""
_ROTATE: Final = """\
Replace the tokens that a file names by new ones of the same name and permission.

FILE is as for bulk create, with the columns device_id (or id) and token, the token to be replaced:
the results of bulk create will do. Rows with neither are skipped; a device without a token is
refused, and so is the whole file with it.

The tokens are shown, and you type their number to confirm. The new token is made first, and
written to the journal, before the old one is deleted.
"""
_RESUME: Final = """\
Go on with a run from its journal alone, whatever has ended it.

Rows that are finished cost nothing; rows whose answer was lost are looked up before anything is
sent again. Options that are not given are as the journal remembers them; the account's token it
never knew.
"""
_STATUS: Final = """\
Tell where journals stand, and how to go on: those that are named, those of a folder that is named,
or those of the present one.

It asks nobody but the journals: no token is needed, and a run may be going on.
"""
_EXPORT: Final = """\
Print every row of one or several journals, with the tokens that they hold.

As CSV the columns are those of the results: row, name, device_id, token, status, error. As JSON
Lines each row also tells how often and when it was sent, and when it was finished. Where there are
several journals, each row first tells which it is of. Of a folder all journals are meant.
"""
_REPORT: Final = """\
Tell how a run went, from its journal alone, also while it goes on.

How many requests each minute had room for and how many were sent, what became of the rows, why
some failed, and which took longest. With --html that is one page with charts, which needs nothing
but a browser and can be sent to others: no token is in it.
"""
_RETRY: Final = """\
Try the rows of a journal again that the service has refused.

A row fails when the service has refused it and done nothing, so nothing is made twice. What else
is left to do is done too, as by bulk resume.
"""
_UNTAG: Final = """\
Remove the tags by which a run's devices were to be known again.

The devices are listed by the tag, and each is given the list of its other tags, so a tag that
somebody adds at the same moment may be lost. Doing it twice does no harm.
"""

app: Final = App(name="bulk", help="Create, change or delete many devices from a file.")

#: Name, where it is, help, and an example without its first two words.
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
for _name, _place, _help, _example in _COMMANDS:
    app.command(
        f"tagodev.cli.{_place}",
        name=_name,
        help=_help,
        help_epilogue=f"Example: tagodev bulk {_example}",
    )
