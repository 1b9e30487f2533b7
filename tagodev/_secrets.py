"""Secrets, which are redacted when printed, and redaction of texts.

A token gives access to a whole profile, and programs print values in logs, tracebacks and pickles.
`Secret` shows a prefix only; `Secret.reveal` returns the value.
`redact` shortens tokens in texts from elsewhere: the service has been seen to repeat a token in its
error message (``Invalid token: ...``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["HeaderValue", "Secret", "redact"]

_SHOWN: Final = 4

# TagoIO's tokens: a UUID, or 32 hex digits after "at", with the prefix of the token's kind if it
# has one. Anything may precede and follow, also without a space.
_TOKEN: Final = re.compile(
    r"(?:[paun]-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?:at|[paun]-)[0-9a-f]{32}",
    re.IGNORECASE,
)


class Secret:
    """A token that shows its first characters only; `reveal` returns all of it.

    Examples:
        >>> token = Secret("8be70d95-0dbc-4e16-89b6-b23b077d05e5")
        >>> print(token)
        8be7…
        >>> token.reveal()
        '8be70d95-0dbc-4e16-89b6-b23b077d05e5'
    """

    __slots__ = ("_value",)

    def __init__(self, value: str | Secret) -> None:
        self._value: str = value.reveal() if isinstance(value, Secret) else value

    def reveal(self) -> str:
        """Return the token itself; keep it out of logs and of files that others can read."""
        return self._value

    def __str__(self) -> str:
        # A fixed prefix would show a short secret as a whole.
        return f"{self._value[: min(_SHOWN, len(self._value) // 4)]}…"

    def __repr__(self) -> str:
        return f"Secret({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Secret):
            return self._value == other.reveal()
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret can't be pickled: pass reveal() if its destination is safe")


class HeaderValue(str):
    """A header that holds a token: sent as a whole, shown as a prefix.

    aiohttp needs a real string; tracebacks with local variables and debug output use `repr`.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(Secret(str(self)))


def redact(text: str, secrets: Iterable[Secret] = ()) -> str:
    """Return the text with each secret, and everything that looks like a token, shortened.

    Args:
        text: a message of the service or of a lower layer.
        secrets: values known to be secret, whatever they look like.
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret.reveal(), str(secret))
    return _TOKEN.sub(lambda match: str(Secret(match[0])), text)
