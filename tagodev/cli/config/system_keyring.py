"""Tokens in the system's keyring, where the package keyring is installed and finds one."""

from __future__ import annotations

from typing import Any, Final

from tagodev.cli.output.console import say
from tagodev.errors import ConfigurationError
from tagodev.secrets import Secret

__all__ = ["forget", "keep", "recall"]

#: Under which name tokens lie there.
_KEYRING_SERVICE: Final = "tagodev"


def recall(name: str) -> Secret | None:
    """Return the token that the system's keyring holds for a profile, or None.

    Args:
        name: the profile's.

    Raises:
        ConfigurationError: there is no keyring to ask.
    """
    keyring = _load()
    if keyring is None:
        raise ConfigurationError(
            f"The token of the profile {name} is in the system's keyring, which can't be asked",
            hint="Install what asks it: pip install 'tagodev[keyring]'",
        )
    try:
        found = keyring.get_password(_KEYRING_SERVICE, name)
    except keyring.errors.KeyringError as error:
        raise ConfigurationError(f"The system's keyring: {error}") from None
    return Secret(found) if found else None


def keep(name: str, token: Secret) -> bool:
    """Have the system's keyring keep a profile's token, and return whether it does.

    Args:
        name: the profile's.
        token: what to keep.
    """
    keyring = _load()
    if keyring is None:
        return False
    try:
        keyring.set_password(_KEYRING_SERVICE, name, token.reveal())
    except keyring.errors.KeyringError:
        # None that works, as on most servers.
        return False
    return True


def forget(name: str) -> None:
    """Have the system's keyring forget a profile's token.

    Args:
        name: the profile's.
    """
    keyring = _load()
    if keyring is None:
        say(f"The token of {name} stays in the system's keyring, which can't be asked here")
        return
    try:
        keyring.delete_password(_KEYRING_SERVICE, name)
    except keyring.errors.KeyringError as error:
        say(f"The system's keyring: {error}")


def _load() -> Any:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return None
    return keyring
