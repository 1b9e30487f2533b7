"""Job and result of a compared client."""

from __future__ import annotations

import resource
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

__all__ = ["CONNECTOR", "NETWORK", "Job", "Rival", "Start", "Tally", "peak_memory"]

#: The service's own network and connector for devices that speak HTTPS.
NETWORK: Final = "5bbd0d144051a50034cd19fb"
CONNECTOR: Final = "5f5a8f3351d4db99c40dece5"
#: Maximum number of kinds of failure that are reported; all are counted.
_TOLD: Final = 5


@attrs.frozen(kw_only=True)
class Job:
    """The job, and its service."""

    url: str
    """The emulator's address."""
    token: str = attrs.field(repr=False)
    """The emulator's token."""
    rows: int
    """Devices to make."""
    limits: Mapping[str, int]
    """What the service accepts in a window, by route, where that is not what the plan says."""
    minute: float
    """A window's length in seconds."""
    mixed: bool = False
    """Whether each device is also read and edited once it is made."""
    at_once: int = 32
    """Requests under way at the same time, where a rival does several."""
    journal: str | None = None
    """Where a rival that keeps a journal may put it."""

    def name(self, number: int) -> str:
        """Return the name of a device."""
        return f"Sensor {number}"

    def body(self, number: int) -> dict[str, Any]:
        """Return a device as a JSON object, for clients without models."""
        return {
            "name": self.name(number),
            "type": "mutable",
            "network": NETWORK,
            "connector": CONNECTOR,
            "tags": [{"key": "site", "value": str(number % 40)}],
        }

    def bodies(self) -> Iterator[dict[str, Any]]:
        """Yield all devices as JSON objects."""
        return map(self.body, range(self.rows))


@attrs.define
class Tally:
    """Result of a client: devices and cost."""

    known: list[str] = attrs.field(factory=list)
    """Ids of devices whose token it was given."""
    done: int = 0
    """Rows of which everything was done that was asked, as far as it knows."""
    failures: Counter[str] = attrs.field(factory=Counter)
    """Rows that failed, by what it said."""
    _began: float = 0.0
    _cpu: float = 0.0

    def begin(self) -> None:
        """Start the clocks."""
        self._began, self._cpu = time.monotonic(), time.process_time()

    def fail(self, error: BaseException) -> None:
        """Record a failed row."""
        self.failures[type(error).__name__] += 1

    def to_json(self) -> dict[str, Any]:
        """Stop the clocks, and return the result as a JSON object."""
        return {
            "seconds": time.monotonic() - self._began,
            "cpu": time.process_time() - self._cpu,
            "memory": peak_memory(),
            "known": self.known,
            "done": self.done,
            "failures": dict(self.failures.most_common(_TOLD)),
        }


def peak_memory() -> float:
    """Return the peak resident memory of this process, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux getrusage includes the peak of the parent before exec.
        (line,) = (text for text in status.read_text().splitlines() if text.startswith("VmHWM"))
        return int(line.split()[1]) / 1e3
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e6 if sys.platform == "darwin" else 1e3)


class Start(Protocol):
    """Called by a client that is ready; returns when the job starts."""

    async def __call__(self) -> None:
        """Wait."""
        ...


if TYPE_CHECKING:
    #: Does a job: gets ready, awaits its start, works, and keeps the tally meanwhile.
    Rival = Callable[[Job, Tally, Start], Awaitable[None]]
else:
    Rival = object
