"""The service and the profile that something belongs to: a journal, a plan, a snapshot, a lock.

All profiles of a region share one address, so that an address alone does not say whose devices are
meant. The profile's id comes from the service. Where a token may not ask for it, a digest of the
token stands in: the same token is of the same profile, of another one nothing is known.
"""

from __future__ import annotations

import attrs

__all__ = ["Target"]


@attrs.frozen
class Target:
    """A service and a profile on it."""

    service: str
    """Address of the service."""
    profile: str = attrs.field(default="", kw_only=True)
    """Id of the profile; empty where the service does not give it."""
    account: str = attrs.field(default="", kw_only=True)
    """Digest of the token."""

    @property
    def key(self) -> str:
        """What tells the profile from others of its service: its id, or else the digest."""
        return self.profile or f"token-{self.account}"

    def is_other_profile(self, other: Target) -> bool | None:
        """Return whether another target is another profile; None where that is not known.

        Args:
            other: what to compare with.
        """
        if self.profile and other.profile:
            return self.profile != other.profile
        same_token = self.account == other.account and self.service == other.service
        return False if self.account and same_token else None
