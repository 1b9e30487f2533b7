"""Networks, connectors and tokens by what users type, and the files of payload parsers."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final, Protocol, TypeVar, overload

import tagodev
from tagodev._cli.output.text import clean
from tagodev.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tagodev import Connector, Network, Secret
    from tagodev._resources.connectors import Connectors
    from tagodev._resources.networks import Networks

__all__ = ["find_own", "select_token", "source_of"]

_ID: Final = re.compile(r"[0-9a-fA-F]{24}")
#: Characters of a token that are enough to select it.
_PREFIX: Final = 4
#: Size of the largest payload parser that is read.
_MAX_SOURCE: Final = 1024 * 1024


class _Named(Protocol):
    """A token that is listed with its name."""

    @property
    def name(self) -> str | None: ...
    @property
    def token(self) -> Secret: ...


_T = TypeVar("_T", bound=_Named)


@overload
async def find_own(resource: Networks, text: str, noun: str) -> Network: ...


@overload
async def find_own(resource: Connectors, text: str, noun: str) -> Connector: ...


async def find_own(resource: Networks | Connectors, text: str, noun: str) -> Network | Connector:
    """Return a network or connector by its id, or by a name that only one of the profile's has.

    Args:
        resource: where to look it up.
        text: an id or a name.
        noun: ``network`` or ``connector``.

    Raises:
        InputError: several have that name.
        NotFoundError: none has that id or name.
    """
    if _ID.fullmatch(text):
        return await resource.info(text)
    listing = resource.list(include_public=False)
    ids = [one.id async for one in listing if one.name == text]
    if len(ids) == 1:
        return await resource.info(ids[0])
    if not ids:
        raise tagodev.NotFoundError(f"The profile has no {noun} with the id or name {text!r}")
    raise InputError(
        f"{len(ids)} {noun}s have the name {text!r}",
        path=noun.upper(),
        hint=f"Give one id: {', '.join(ids)}",
    )


def select_token(tokens: Sequence[_T], selector: str, *, of: str = "the device") -> _T:
    """Return the one token with a name, or with a prefix.

    Args:
        tokens: all tokens.
        selector: a name, or the first characters of a token.
        of: what the tokens belong to.

    Raises:
        InputError: no token matches, or several do.
    """
    selector = selector.removesuffix("…")
    found = [token for token in tokens if token.name == selector]
    if not found and len(selector) >= _PREFIX:
        found = [token for token in tokens if token.token.reveal().startswith(selector)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{clean(token.name or '')} {token.token}" for token in tokens)
    raise InputError(
        f"matches {len(found) or 'none'} of {of}'s {len(tokens)} tokens",
        path="TOKEN",
        hint=f"{of[0].upper()}{of[1:]} has: {known}" if known else "",
    )


def source_of(path: Path, option: str) -> str:
    """Return the content of a payload parser's file as the service stores it, in Base64.

    Raises:
        InputError: the file can't be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            source = file.read(_MAX_SOURCE + 1)
    except OSError as error:
        raise InputError(f"can't read {path}: {error.strerror}", path=option) from None
    if len(source) > _MAX_SOURCE:
        raise InputError(f"{path} is larger than {_MAX_SOURCE} bytes", path=option)
    return base64.b64encode(source).decode()
