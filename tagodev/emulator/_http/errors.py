"""Error answers of the service."""

from __future__ import annotations

__all__ = ["RefusedError", "check_cap"]


class RefusedError(Exception):
    """An error answer: its status, its text, and when to retry.

    Args:
        status: the HTTP status.
        message: the ``message`` of the answer's envelope.
        retry_after: whole seconds for the ``Retry-After`` header, None for no such header.
    """

    def __init__(self, status: int, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        # A header or a path may contain bytes that are not UTF-8; an answer must not.
        self.message: str = message.encode("utf-8", "replace").decode()
        self.retry_after = retry_after


def check_cap(number: int, most: int, what: str) -> None:
    """Refuse the request if it would make more of something than there may be.

    Raises:
        RefusedError: it would.
    """
    if number > most:
        raise RefusedError(400, f"You have exceeded the maximum limit of {what} ({most})")
