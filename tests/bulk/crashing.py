"""A program that is killed, and begins again: one bulk job, in processes of its own.

It reports, through a pipe, of each request that is about to leave, so that the caller that kills it
can choose what it is doing at that moment; the rest is left to chance.
Each of its lives is forked from a process that has imported everything and done nothing: a life of
a quarter of a second should not begin with half a second of imports.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias

import attrs
import orjson

from tagodev import (
    BulkReport,
    BulkStoppedError,
    DeviceChange,
    DeviceCreate,
    DeviceEdit,
    HardLimits,
    JournalError,
    RetryPolicy,
    Rotation,
    Tag,
    Tago,
)
from tagodev.events import Event, Sent, Settled
from tests.support.processes import PYTHON, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from tagodev._bulk.run import BulkRun

__all__ = ["Aim", "Job", "Kind", "Life", "Program", "device_name", "new_name"]

Kind: TypeAlias = Literal["create", "edit", "delete", "rotate"]

_ROOT: Final = Path(__file__).resolve().parents[2]


@attrs.frozen(kw_only=True)
class Job:
    """What a program has to do, in each of its lives."""

    kind: Kind
    """What to do with each row."""
    rows: int
    """How many rows there are."""
    url: str
    """Address of the service."""
    token: str
    """The profile's token; made up."""
    journal: str
    """Where the job is written down."""
    device_ids: Sequence[str] = ()
    """The devices to work on, where they are there already."""
    minute: float = 60.0
    """Length of the service's windows, in seconds."""
    limits: Mapping[str, int] = attrs.field(factory=dict)
    """What differs from the limits of the Scale plan."""
    settle: float = 0.3
    """Seconds that a request without an answer may still take to show on the service."""
    file_size: int | None = None
    """Bytes that each of its files may take; None for any number."""

    @property
    def routes(self) -> tuple[str, ...]:
        """The routes that a row is done by; the last one finishes it."""
        return {
            "create": ("POST /device",),
            "edit": ("PUT /device/:device_id",),
            "delete": ("DELETE /device/:device_id",),
            "rotate": (
                "GET /device/token/:device_id",
                "POST /device/token",
                "DELETE /device/token/:token",
            ),
        }[self.kind]

    def client(self, on_event: Callable[[Event], None] | None = None, *, attempts: int = 4) -> Tago:
        """Return a client that keeps the service's limits.

        Args:
            on_event: called with its events.
            attempts: how often it sends a request at most; the caller that only looks must not fail
                for the faults that others have to stand.
        """
        return Tago(
            self.token,
            api=self.url,
            plan=self._limits(),
            retry=RetryPolicy(attempts, first_delay=0.02, max_delay=0.2),
            on_event=on_event,
        )

    def begin(self, tago: Tago) -> BulkRun[Any]:
        """Return the run that does the job, or goes on with it."""
        journal, settle = self.journal, self.settle
        if self.kind == "create":
            return tago.devices.create_many(self._devices(), journal=journal, settle=settle)
        if self.kind == "delete":
            return tago.devices.delete_many(self.device_ids, journal=journal, settle=settle)
        if self.kind == "edit":
            changes = (
                DeviceChange(device_id, DeviceEdit(name=new_name(row), tags=[Tag("row", str(row))]))
                for row, device_id in enumerate(self.device_ids)
            )
            return tago.devices.edit_many(changes, journal=journal, settle=settle)
        rotations = map(Rotation, self.device_ids)
        return tago.tokens.rotate_many(rotations, journal=journal, settle=settle)

    def _limits(self) -> HardLimits:
        limits = HardLimits.for_plan("scale", self.minute)
        for route, limit in self.limits.items():
            limits = limits.override(route, limit)
        return limits

    def _devices(self) -> Iterator[DeviceCreate]:
        return (DeviceCreate(name=device_name(row)) for row in range(self.rows))


def device_name(row: int) -> str:
    """Return the name of the device that a row makes."""
    return f"sensor-{row:05}"


def new_name(row: int) -> str:
    """Return the name that a row gives its device."""
    return f"renamed-{row:05}"


# --- its lives ---------------------------------------------------------------------------------


@attrs.frozen
class Aim:
    """When to kill a program."""

    route: str | None
    """At a request to this route; None for as soon as it has begun."""
    count: int = 1
    """At which of them."""
    delay: float = 0.0
    """Seconds later."""
    most: int = sys.maxsize
    """So many rows all but done, and it is killed at once, whatever else it should have come to."""

    def is_reached(self, job: Job, sent: Sequence[str]) -> bool:
        """Return whether a program has come so far.

        Args:
            job: what it does.
            sent: the routes of its requests.
        """
        if self.route is None:
            return True
        return sent.count(self.route) >= self.count or sent.count(job.routes[-1]) >= self.most


@attrs.frozen
class Life:
    """One life of a program."""

    code: int
    """How it ended: its exit code, or minus the signal that killed it."""
    sent: tuple[str, ...]
    """The routes of the requests that have left, or were about to."""
    under_way: frozenset[str]
    """The routes of those that had not ended."""
    report: Mapping[str, Any]
    """What it had to say in the end; empty if it was killed."""

    @property
    def was_killed(self) -> bool:
        """Whether it did not end by itself."""
        return self.code == -signal.SIGKILL


class Program:
    """A program that can be killed and begun again; a context manager."""

    def __init__(self) -> None:
        """Prepare it; it is ready when it is entered."""
        self._server: subprocess.Popen[str] | None = None
        self._child = 0

    def __enter__(self) -> Self:
        self._server = start(PYTHON, "-m", __name__, stdin=subprocess.PIPE, stderr=None)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None, "entered before it is left"
        self._kill()
        # Closes its standard input, which ends it.
        self._server.communicate()

    def live(self, job: Job, aim: Aim | None = None) -> Life:
        """Let it work until it is killed, or to its end.

        Args:
            job: what it has to do.
            aim: when to kill it; None for never.
        """
        sent: list[str] = []
        under_way: Counter[str] = Counter()
        report: Mapping[str, Any] = {}
        for verb, what in self._tell_of(job):
            match verb:
                case "begun":
                    self._child = what
                case "sent":
                    sent.append(what)
                    under_way[what] += 1
                case "settled":
                    under_way[what] -= 1
                case "report":
                    report = what
                case "ended":
                    self._child = 0
                    return Life(what, tuple(sent), frozenset(+under_way), report)
            if aim is not None and aim.is_reached(job, sent):
                time.sleep(aim.delay)
                self._kill()
                aim = None
        raise RuntimeError("the program has ended, and did not say how")

    def _tell_of(self, job: Job) -> Iterable[tuple[str, Any]]:
        """Start a process, and yield its reports."""
        assert self._server is not None, "a program is entered before it lives"
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(orjson.dumps(attrs.asdict(job)).decode() + "\n")
        self._server.stdin.flush()
        return map(orjson.loads, self._server.stdout)

    def _kill(self) -> None:
        if self._child:
            os.kill(self._child, signal.SIGKILL)


# --- inside it ---------------------------------------------------------------------------------


def _serve() -> None:
    """Begin a life for each job that is asked for, one after the other."""
    for line in sys.stdin.buffer:
        child = os.fork()
        if not child:
            # Not by way of the parent's clean-up; an error has been printed before.
            os._exit(_exit_code(Job(**orjson.loads(line))))
        _, status = os.waitpid(child, 0)
        _tell("ended", os.waitstatus_to_exitcode(status))


def _exit_code(job: Job) -> int:
    _tell("begun", os.getpid())
    if job.file_size is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (job.file_size, job.file_size))
    try:
        asyncio.run(_work(job))
    except BaseException:  # noqa: BLE001  (printed: the caller that forked must not go on here)
        traceback.print_exc()
        return 1
    return 0


async def _work(job: Job) -> None:
    """Do the job, or what is left of it, and report each request."""

    def on_event(event: Event) -> None:
        if isinstance(event, Sent):
            _tell("sent", event.route)
        elif isinstance(event, Settled):
            _tell("settled", event.route)

    stopped = ""
    report = BulkReport(done=0, failed=0, in_doubt=0, pending=0, elapsed=0.0, failures=())
    async with job.client(on_event) as tago:
        try:
            report = await job.begin(tago)
        except BulkStoppedError as error:
            report, stopped = error.report, repr(error.reason)
        except JournalError as error:
            stopped = repr(error)
    counts = {
        name: getattr(report, name) for name in ("done", "failed", "in_doubt", "pending", "skipped")
    }
    _tell("report", {**counts, "stopped": stopped})


def _tell(verb: str, what: Any) -> None:
    # In one write, which a kill can't cut in two.
    os.write(sys.stdout.fileno(), orjson.dumps([verb, what]) + b"\n")


if __name__ == "__main__":
    _serve()
