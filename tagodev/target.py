"""Target: the service and profile of a journal, a plan, a snapshot or a lock.

All profiles of a region share one address, so the address does not identify the profile. The
profile id is read from the service. If the token has no permission to read it, a digest of the
token is used: the same token means the same profile, another token may or may not.
"""

from __future__ import annotations

import attrs

__all__ = ["Target"]


@attrs.frozen
class Target:
    """A service and a profile."""

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
