"""Tokens of everything but devices: of the profile, an analysis, networks, authorizations.

A service that has just been started holds one of each, since not all of them can be made through
its routes; those stay when everything else is forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagodev.emulator.http.routing import TokenKind

__all__ = ["AccessToken", "AccessTokenStore", "bare"]

_PREFIXES = ("p-", "a-", "u-", "n-", "at")


def bare(token: str) -> str:
    """Return a token without the prefix that names its kind: the service takes both forms."""
    return token[2:] if token.startswith(_PREFIXES) else token


@attrs.define(eq=False)
class AccessToken:
    """A token that is not a device's."""

    text: str = attrs.field(repr=False)
    """With the prefix of its kind."""
    kind: TokenKind
    """What it is a token of."""
    ref_id: str
    """Id of the profile, analysis or network it belongs to."""
    name: str
    """What it is called."""
    created_at: float
    """When it was made, in seconds since the epoch by the server's clock."""
    permission: str = "full"
    """What it may do: full, read or write."""
    expires: float | None = None
    """When it ceases to be known; None never."""
    verification_code: str | None = None
    """What a middleware may be asked for beside it."""
    last_authorization: float | None = None
    """When an authorization was last used to find a device."""


class AccessTokenStore:
    """The tokens of one profile that are not devices'."""

    def __init__(self) -> None:
        self._tokens: dict[str, AccessToken] = {}
        self._given: list[AccessToken] = []

    def give(self, token: AccessToken) -> AccessToken:
        """Keep a token that is there from the start, and again after `clear`."""
        self._given.append(token)
        return self.add(token)

    def add(self, token: AccessToken) -> AccessToken:
        """Keep a token, and return it."""
        self._tokens[bare(token.text)] = token
        return token

    def get(self, text: str) -> AccessToken | None:
        """Return a token by its text without prefix, None if there is none."""
        return self._tokens.get(text)

    def given(self) -> dict[TokenKind, str]:
        """Return the text of the token of each kind that is there from the start."""
        return {token.kind: token.text for token in self._given}

    def of(self, kind: TokenKind, ref_id: str) -> Iterator[AccessToken]:
        """Yield the tokens of one kind that belong to one profile or network."""
        for token in self._tokens.values():
            if token.kind == kind and token.ref_id == ref_id:
                yield token

    def remove(self, token: AccessToken) -> None:
        """Forget a token."""
        del self._tokens[bare(token.text)]

    def clear(self) -> None:
        """Forget every token but those given at the start."""
        self._tokens = {bare(token.text): token for token in self._given}
