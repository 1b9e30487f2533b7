"""Tokens of the profile, analyses, networks and authorizations.

The emulator starts with one of each kind, since not all of them can be created through its routes;
a reset keeps these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AccessToken", "AccessTokenStore", "TokenKind", "bare"]

TokenKind = Literal["profile", "analysis", "network", "authorization", "device"]

_PREFIXES = ("p-", "a-", "u-", "n-", "at")


def bare(token: str) -> str:
    """Return a token without the prefix of its kind: the service accepts both forms."""
    return token[2:] if token.startswith(_PREFIXES) else token


@attrs.define(eq=False)
class AccessToken:
    """A token of any kind except a device token."""

    text: str = attrs.field(repr=False)
    """With the prefix of its kind."""
    kind: TokenKind
    """Kind of the token."""
    ref_id: str
    """Id of the profile, analysis or network it belongs to."""
    name: str
    """Name of the token."""
    created_at: float
    """Creation time, in seconds since the epoch by the server's clock."""
    permission: str = "full"
    """Permission: full, read or write."""
    expires: float | None = None
    """Expiry; None for never."""
    verification_code: str | None = None
    """What a middleware may be asked for beside it."""
    last_authorization: float | None = None
    """When an authorization was last used to find a device."""

    def is_expired(self, now: float) -> bool:
        """Return whether it can't be used any more."""
        return self.expires is not None and self.expires <= now


class AccessTokenStore:
    """All tokens of one profile except device tokens."""

    def __init__(self) -> None:
        self._tokens: dict[str, AccessToken] = {}
        self._given: list[AccessToken] = []

    def give(self, token: AccessToken) -> AccessToken:
        """Add an initial token, which `clear` keeps."""
        self._given.append(token)
        return self.add(token)

    def add(self, token: AccessToken) -> AccessToken:
        """Add a token, and return it."""
        self._tokens[bare(token.text)] = token
        return token

    def get(self, text: str) -> AccessToken | None:
        """Return a token by its text without prefix, None if there is none."""
        return self._tokens.get(text)

    def given(self) -> dict[TokenKind, str]:
        """Return the initial token of each kind."""
        return {token.kind: token.text for token in self._given}

    def of(self, kind: TokenKind, ref_id: str) -> Iterator[AccessToken]:
        """Yield the tokens of one kind that belong to one profile or network."""
        for token in self._tokens.values():
            if token.kind == kind and token.ref_id == ref_id:
                yield token

    def remove(self, token: AccessToken) -> None:
        """Remove a token."""
        del self._tokens[bare(token.text)]

    def clear(self) -> None:
        """Remove every token except the initial ones."""
        self._tokens = {bare(token.text): token for token in self._given}
