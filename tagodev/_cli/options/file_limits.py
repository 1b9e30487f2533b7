"""The option that raises the limits on the size of input files."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

import attrs
from cyclopts import Parameter

from tagodev.errors import InputError
from tagodev.provision._read.limits import FileLimits

__all__ = ["FileLimitOption", "file_limits"]

_OPTION: Final = "--file-limit"
_NAMES: Final = tuple(one.name for one in attrs.fields(FileLimits) if one.name != "advice")

FileLimitOption: TypeAlias = Annotated[
    list[str] | None,
    Parameter(
        name=_OPTION,
        help="Read a file larger than a limit, LIMIT=NUMBER, as the message about it says. "
        "Repeatable.",
    ),
]


def file_limits(given: list[str] | None) -> FileLimits:
    """Return the limits on a file.

    Args:
        given: values of ``--file-limit``.

    Raises:
        InputError: a value is invalid.
    """
    limits: dict[str, Any] = {}
    for text in given or ():
        name, _, number = text.partition("=")
        if name not in _NAMES or not (number.isascii() and number.isdigit()) or len(number) > 18:
            raise InputError(
                f"must be LIMIT=NUMBER, not {text!r}",
                path=_OPTION,
                hint=f"Limits: {', '.join(_NAMES)}",
            )
        limits[name] = int(number)
    try:
        return attrs.evolve(FileLimits(advice=f"{_OPTION} {{name}}={{value}}"), **limits)
    except InputError as error:
        raise InputError(error.message, path=_OPTION) from None
