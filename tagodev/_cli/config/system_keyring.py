"""Storage of tokens in the system keyring, if the package keyring is installed."""

from __future__ import annotations

from typing import Any, Final

from tagodev._cli.output.console import print_message
from tagodev._secrets import Secret
from tagodev.errors import ConfigurationError

__all__ = ["delete", "load", "save"]

#: Service name of tagodev's entries.
_KEYRING_SERVICE: Final = "tagodev"


def load(name: str) -> Secret | None:
    """Return a profile's token from the system keyring; None if it has none.

    Args:
        name: the profile's name.

    Raises:
        ConfigurationError: the keyring can't be read.
    """
    keyring = _import_keyring()
    if keyring is None:
        raise ConfigurationError(
            f"The token of the profile {name} is in the system keyring, which can't be read",
            hint="Install keyring support: pip install 'tagodev[keyring]'",
        )
    try:
        found = keyring.get_password(_KEYRING_SERVICE, name)
    except keyring.errors.KeyringError as error:
        raise ConfigurationError(f"System keyring: {error}") from None
    return Secret(found) if found else None


def save(name: str, token: Secret) -> bool:
    """Store a profile's token in the system keyring, and return whether that worked.

    Args:
        name: the profile's name.
        token: the token.
    """
    keyring = _import_keyring()
    if keyring is None:
        return False
    try:
        keyring.set_password(_KEYRING_SERVICE, name, token.reveal())
    except keyring.errors.KeyringError:
        # No usable backend, as on most servers.
        return False
    return True


def delete(name: str) -> None:
    """Delete a profile's token from the system keyring.

    Args:
        name: the profile's name.
    """
    keyring = _import_keyring()
    if keyring is None:
        print_message(f"The token of {name} remains in the system keyring, which can't be accessed")
        return
    try:
        keyring.delete_password(_KEYRING_SERVICE, name)
    except keyring.errors.KeyringError as error:
        print_message(f"System keyring: {error}")


def _import_keyring() -> Any:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return None
    return keyring
