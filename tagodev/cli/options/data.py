"""Which data of a device a command is about, by its options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import attrs
from cyclopts import Group, Parameter

import tagodev

if TYPE_CHECKING:
    from tagodev import DataQuery

__all__ = ["DataFilterOptions"]


@Parameter(name="*", group=Group("Which data", sort_key=2))
@attrs.frozen(kw_only=True)
class DataFilterOptions:
    """Which data: that of which all that is given here holds."""

    variable: Annotated[
        list[str] | None,
        Parameter(name=("--variable", "-v"), negative="", help="Of this variable; repeatable."),
    ] = None
    group: Annotated[
        list[str] | None, Parameter(negative="", help="Of this group; repeatable.")
    ] = None
    since: Annotated[
        str | None, Parameter(help="From then on: a moment, a date, or '1 day' for so long ago.")
    ] = None
    until: Annotated[str | None, Parameter(help="Until then; a date means its whole day.")] = None

    def __bool__(self) -> bool:
        return any(value is not None for value in attrs.asdict(self).values())

    def query(self, variable: str | None = None, **more: Any) -> DataQuery:
        """Return which registers to ask for.

        Args:
            variable: only of this one of the variables.
            more: other fields of the query.

        Raises:
            InputError: something that the service would not understand.
        """
        given = {
            "variables": self.variable if variable is None else variable,
            "groups": self.group,
            "start_date": self.since,
            "end_date": self.until,
            **more,
        }
        return tagodev.DataQuery(**{name: one for name, one in given.items() if one is not None})
