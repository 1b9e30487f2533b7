"""Where the service answers: its regions, and addresses of one's own."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from yarl import URL

from tagodev.errors import ConfigurationError

__all__ = ["REGIONS", "checked_url", "find_address", "is_loopback"]

#: Where each region answers (TagoIO's OpenAPI file; ``usa-1`` is the older name of ``us-e1``).
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
        api: an address of one's own, which goes before the region.
        allow_http: whether plain http may leave this machine.

    Raises:
        ConfigurationError: no such region, no address, or plain http to another machine.
    """
    if api is None:
        region = _DEFAULT_REGION if region is None else region
        if region not in REGIONS:
            raise ConfigurationError(
                f"Unknown region {region!r}",
                hint=f"Give one of {', '.join(REGIONS)}, or the address as api=",
            )
        return REGIONS[region]
    url = checked_url(api, "api")
    if url.scheme == "http" and not allow_http and not is_loopback(str(url)):
        raise ConfigurationError(
            f"{url.origin()} would show the token to everyone on the way",
            hint="Use https, or allow_http=True if you must",
        )
    if url.query_string or url.fragment:
        raise ConfigurationError("api has a query or a fragment, which no address of an API has")
    return str(url).rstrip("/")


def checked_url(address: str, name: str) -> URL:
    """Return an http address as a URL.

    Args:
        address: what was given; it is not repeated in the error, for it may hold a password.
        name: what it was given as.

    Raises:
        ConfigurationError: it is none, or it holds a user name.
    """
    problem = f"{name} is no address like https://api.us-e1.tago.io"
    try:
        url = URL(address)
        host = url.host or ""
        # What can't be written for the name service can't be looked up either.
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
