"""Soft limits: devices that are refused while others are not.

On some routes the service may limit one device to less than the route's limit. A 429 there closes
the device and shows nothing of the route. Only if a second device is refused before the first may
send again is the route full.
"""

from __future__ import annotations

__all__ = ["RefusedDevices"]


class RefusedDevices:
    """Devices of one route that the service has refused."""

    def __init__(self) -> None:
        """Start without any."""
        self._closed_until: dict[str, float] = {}
        self._failed: dict[str, int] = {}

    def closed_until(self, device: str) -> float:
        """Return until when a device may not send, on the scheduler's clock."""
        return self._closed_until.get(device, 0.0)

    def refuse(self, device: str, now: float, until: float) -> bool:
        """Close a device, and return whether another one is closed too.

        Args:
            device: its id.
            now: the time.
            until: when it may send again.
        """
        known = self._closed_until
        self._closed_until = {one: end for one, end in known.items() if end > now}
        # Requests of one device that went together count once.
        if device not in self._closed_until:
            self._failed[device] = self._failed.get(device, 0) + 1
        self._closed_until[device] = max(self.closed_until(device), until)
        return len(self._closed_until) > 1

    def accept(self, device: str) -> None:
        """Record that the service accepted a request of a device."""
        self._failed.pop(device, None)

    def failed_windows(self, device: str) -> int:
        """Return how often in a row a device was refused before anything was accepted."""
        return self._failed.get(device, 0)
