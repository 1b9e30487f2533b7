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

__all__ = ["HeaderValue", "Secret", "quote", "redact"]

_SHOWN: Final = 4

# TagoIO's tokens: a UUID, or 32 hex digits after "at", with the prefix of the token's kind if it
# has one. Anything may precede and follow, also without a space, and half of a token is enough.
_TOKEN: Final = re.compile(
    r"(?:[paun]-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){2,3}(?:-[0-9a-f]{1,12})?"
    r"|(?:at|[paun]-)[0-9a-f]{16,32}",
    re.IGNORECASE,
)
#: So many characters of a known secret in a row are redacted, wherever a text was cut.
_PART: Final = 8
#: The most characters of a text from elsewhere in an error.
_MAX_QUOTED: Final = 500


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
    """A header or path that holds a token: sent as a whole, shown as a prefix.

    aiohttp needs a real string; tracebacks with local variables and debug output use `repr`.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(Secret(str(self)))


def redact(text: str, secrets: Iterable[Secret] = ()) -> str:
    """Return the text with each secret, and everything that looks like a token, shortened.

    Parts of a secret of eight or more characters are shortened too: the service may have cut it.

    Args:
        text: a message of the service or of a lower layer.
        secrets: values known to be secret, whatever they look like.
    """
    for secret in secrets:
        if secret:
            text = _without_parts(text.replace(secret.reveal(), str(secret)), secret)
    return _TOKEN.sub(lambda match: str(Secret(match[0])), text)


def quote(text: str, secrets: Iterable[Secret] = ()) -> str:
    """Return a text from elsewhere for an error: redacted, short, and without control characters.

    Args:
        text: a message of the service; of any length.
        secrets: as of `redact`.
    """
    # Cut first: redaction takes time. A token that is cut in two is redacted too.
    text = redact(text[: 2 * _MAX_QUOTED], secrets)
    if not text.isprintable():
        text = "".join(one if one.isprintable() else " " for one in text)
    return text if len(text) <= _MAX_QUOTED else f"{text[: _MAX_QUOTED - 1]}…"


def _without_parts(text: str, secret: Secret) -> str:
    """Return the text without parts of a secret, each replaced by an ellipsis."""
    value = secret.reveal()
    parts = {value[at : at + _PART] for at in range(len(value) - _PART + 1)}
    kept: list[str] = []
    start = at = 0
    while at <= len(text) - _PART:
        if text[at : at + _PART] not in parts:
            at += 1
            continue
        kept += (text[start:at], "…")
        at += _PART
        # The part goes on for as long as the last characters of the text so far are one.
        while at < len(text) and text[at - _PART + 1 : at + 1] in parts:
            at += 1
        start = at
    return "".join([*kept, text[start:]]) if kept else text
