"""Exit codes of the command line, and the code for each error."""

from __future__ import annotations

import enum

from tagodev.errors import (
    AuthenticationError,
    ConfigurationError,
    InputError,
    PermissionDeniedError,
    RequestError,
    ResourceLimitError,
    TagoError,
)

__all__ = ["Exit", "exit_code"]


class Exit(enum.IntEnum):
    """An exit code of the command line."""

    OK = 0
    GENERAL = 1
    USAGE = 2
    CONFIGURATION = 3
    SERVICE = 4
    AUTHORIZATION = 5
    PARTIAL = 6
    RESOURCE = 7
    INTERRUPTED = 130


def exit_code(error: TagoError) -> Exit:
    """Return the exit code of a command that an error ended."""
    match error:
        case InputError():
            return Exit.USAGE
        case ConfigurationError():
            return Exit.CONFIGURATION
        case AuthenticationError() | PermissionDeniedError():
            return Exit.AUTHORIZATION
        case ResourceLimitError():
            return Exit.RESOURCE
        case RequestError():
            return Exit.SERVICE
    return Exit.GENERAL
