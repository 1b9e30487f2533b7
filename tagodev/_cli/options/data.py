"""Options that select data of a device."""

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
    """Filter for data of a device; all given options must match."""

    variable: Annotated[list[str] | None, Parameter(name=("--variable", "-v"))] = None
    """Only this variable; repeatable."""
    group: list[str] | None = None
    """Only this group; repeatable."""
    since: str | None = None
    """Only since a time, a date, or '1 day' for one day ago."""
    until: str | None = None
    """Only until a time, or a date, which includes the whole day."""

    def __bool__(self) -> bool:
        return any(value is not None for value in attrs.asdict(self).values())

    def query(self, variable: str | None = None, **more: Any) -> DataQuery:
        """Return the query for the selected data.

        Args:
            variable: replaces the variables of the filter.
            more: other fields of the query.

        Raises:
            InputError: a value is invalid.
        """
        given = {
            "variables": self.variable if variable is None else variable,
            "groups": self.group,
            "start_date": self.since,
            "end_date": self.until,
            **more,
        }
        return tagodev.DataQuery(**{key: one for key, one in given.items() if one is not None})
