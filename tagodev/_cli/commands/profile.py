"""``tagodev profile``: the profiles of the account on the service."""

from __future__ import annotations

from typing import Final

from cyclopts import App

from tagodev._cli.options.service import ServiceOptions
from tagodev._cli.output.table import OutputOptions

__all__ = ["app"]

_KNOWN: Final = ("id", "name", "account", "region", "created_at", "updated_at")
_PEOPLE: Final = ("id", "name")

app: Final = App(name="profile")


@app.command(name="list", help_epilogue="Example: tagodev profile list")
def list_profiles(
    *, output: OutputOptions = OutputOptions(), service: ServiceOptions = ServiceOptions()
) -> None:
    """List the profiles of your account on the service.

    The profiles of this machine, with saved tokens, are listed by tagodev config show.
    """
    columns = output.columns(_KNOWN, people=_PEOPLE, programs=_PEOPLE)
    output.show(service.run(lambda tago: tago.profile.list()), columns, noun="profiles")
