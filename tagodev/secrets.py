"""Tokens that do not show themselves.

A token opens a whole profile, and programs print things: in logs, tracebacks, pickles.
`Secret` therefore shows a prefix only and gives its value to whoever asks by name.
`redact` does the same to texts that come from elsewhere, since the service has been seen to
repeat a token in its error message (``Invalid token: ...``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["HeaderValue", "Secret", "redact"]

_SHOWN: Final = 4

# What TagoIO's tokens look like: a UUID, or 32 hex digits behind "at", with the prefix of the
# token's kind where it has one. Whatever stands before and after: a text may run on without space.
_TOKEN: Final = re.compile(
    r"(?:[paun]-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?:at|[paun]-)[0-9a-f]{32}",
    re.IGNORECASE,
)


class Secret:
    """A token that shows its first characters only; `reveal` gives the whole.

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
        """Return the token itself; keep it out of logs and out of files that others can read."""
        return self._value

    def __str__(self) -> str:
        # A short secret would be shown whole by any fixed prefix.
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
        msg = "a Secret is not pickled: pass reveal() on, if the place it goes to is safe"
        raise TypeError(msg)


class HeaderValue(str):
    """A header that holds a token: the whole on the wire, a prefix where it is shown.

    aiohttp needs a real string; tracebacks with local variables and debug output use `repr`.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(Secret(str(self)))


def redact(text: str, secrets: Iterable[Secret] = ()) -> str:
    """Return the text with each of the secrets, and all that looks like a token, cut short.

    Args:
        text: what the service, or a layer below, said.
        secrets: values known to be in play, whatever they look like.
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret.reveal(), str(secret))
    return _TOKEN.sub(lambda match: str(Secret(match[0])), text)
