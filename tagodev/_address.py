"""Addresses of the service, and targets: one profile at an address.

An address is that of one of TagoIO's regions, or a custom one. All profiles of a region share it,
so it does not identify the profile, whose id is read from the service. If the token has no
permission to read it, a digest of the token is used: the same token means the same profile, another
token may or may not.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

import attrs
from yarl import URL

from tagodev.errors import ConfigurationError

__all__ = ["REGIONS", "Target", "checked_url", "find_address", "is_loopback"]

#: Address of each region (TagoIO's OpenAPI file; ``usa-1`` is the older name of ``us-e1``).
REGIONS: Final = {
    "us-e1": "https://api.us-e1.tago.io",
    "usa-1": "https://api.us-e1.tago.io",
    "eu-w1": "https://api.eu-w1.tago.io",
}
_DEFAULT_REGION: Final = "us-e1"


def find_address(region: str | None, api: str | None, *, allow_http: bool) -> str:
    """Return scheme, host and path that requests go to, without a trailing slash.

    Args:
        region: one of `REGIONS`; None for the default, ``us-e1``.
        api: a custom address; overrides the region.
        allow_http: whether to allow plain http to another machine.

    Raises:
        ConfigurationError: the region is unknown, the address is invalid, or it is plain http to
            another machine.
    """
    if api is None:
        region = _DEFAULT_REGION if region is None else region
        if region not in REGIONS:
            raise ConfigurationError(
                f"Unknown region {region!r}",
                hint=f"Give one of {', '.join(REGIONS)}, or a custom address as api=",
            )
        return REGIONS[region]
    url = checked_url(api, "api")
    if url.scheme == "http" and not allow_http and not is_loopback(str(url)):
        raise ConfigurationError(
            f"{url.origin()} is plain http, which would expose the token",
            hint="Use https, or pass allow_http=True",
        )
    if url.query_string or url.fragment:
        raise ConfigurationError("api= must not have a query or a fragment")
    return str(url).rstrip("/")


def checked_url(address: str, name: str) -> URL:
    """Return an http address as a URL.

    Args:
        address: the text; it is not part of the error, since it may hold a password.
        name: the argument's name, for messages.

    Raises:
        ConfigurationError: it is not an address, or it holds a user name.
    """
    problem = f"{name} is not an address like https://api.us-e1.tago.io"
    try:
        url = URL(address)
        host = url.host or ""
        # A host name that can't be encoded can't be resolved either.
        host.encode("idna")
    except (ValueError, TypeError):
        raise ConfigurationError(problem) from None
    if url.scheme not in ("http", "https") or not host:
        raise ConfigurationError(problem)
    if url.user is not None or url.password is not None:
        raise ConfigurationError(f"{name} holds a user name or a password")
    return url


def is_loopback(address: str) -> bool:
    """Return whether an address is on this machine."""
    host = URL(address).host or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@attrs.frozen
class Target:
    """The service and the profile of a journal, a plan, a snapshot or a lock."""

    service: str
    """Address of the service."""
    profile: str = attrs.field(default="", kw_only=True)
    """Id of the profile; empty if the service does not report it."""
    account: str = attrs.field(default="", kw_only=True)
    """Digest of the token."""

    @property
    def key(self) -> str:
        """Key of the profile on its service: its id, or else the digest of the token."""
        return self.profile or f"token-{self.account}"

    def is_other_profile(self, other: Target) -> bool | None:
        """Return whether two targets are different profiles; None if unknown.

        Args:
            other: the other target.
        """
        if self.profile and other.profile:
            return self.profile != other.profile
        same_token = self.account == other.account and self.service == other.service
        return False if self.account and same_token else None
