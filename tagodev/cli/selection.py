"""Doing something to all devices that a filter lets through: shown first, and asked about.

The run has a journal, so that it can be gone on with after whatever ends it.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import attrs
from cyclopts import Group, Parameter

from tagodev.cli.common import Exit, complain, print_line, say
from tagodev.cli.showing import clean, print_data
from tagodev.errors import AuthenticationError, InputError, PermissionDeniedError, TagoError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from tagodev import Device, Tago
    from tagodev.bulk.operations import Operation
    from tagodev.cli.service import ServiceOptions

__all__ = [
    "ByFilterOptions",
    "Task",
    "YesOption",
    "check_chosen",
    "confirmed",
    "do_each",
    "plural",
]

_GROUP: Final = Group("By filter", sort_key=3)
#: Devices that are shown before it is asked whether to go on.
_SHOWN: Final = 10

YesOption: TypeAlias = Annotated[
    bool, Parameter(name=("--yes", "-y"), negative="", help="Don't ask for a confirmation.")
]


@Parameter(name="*", group=_GROUP)
@attrs.frozen(kw_only=True)
class ByFilterOptions:
    """How a run over all devices of a filter goes about it."""

    dry_run: Annotated[
        bool, Parameter(negative="", help="Show every device that is meant, and do nothing.")
    ] = False
    journal: Annotated[
        Path | None,
        Parameter(
            help="File in which the run is written down, for: tagodev bulk resume JOURNAL; "
            "default: a new one, here."
        ),
    ] = None
    out: Annotated[
        Path | None, Parameter(help="Where results go; default: beside the journal.")
    ] = None

    def places(self, what: str) -> tuple[Path, Path]:
        """Return where journal and results go.

        Args:
            what: what is done, for the name of a new journal.
        """
        journal = self.journal
        if journal is None:
            stem = f"tagodev-{what}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
            names = (
                Path(f"{stem}{more}.journal") for more in ("", *map("-{}".format, range(2, 99)))
            )
            journal = next(name for name in names if not name.exists())
        return journal, self.out or journal.with_suffix(".results.csv")


def plural(count: int, noun: str) -> str:
    """Return a number of things: ``1 device``, ``312 devices``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def check_chosen(names: Sequence[str], *, filtered: bool) -> None:
    """Refuse a command that names no device, or names some and gives a filter too.

    Args:
        names: the devices that are named.
        filtered: whether a filter is given.

    Raises:
        InputError: which of the two.
    """
    if names and filtered:
        raise InputError("give devices, or a filter, not both", path="DEVICE")
    if not names and not filtered:
        raise InputError(
            "which devices? Give ids or names, or a filter",
            path="DEVICE",
            hint="All there are: --name '*'",
        )


def confirmed(question: str, answer: str) -> bool:
    """Ask somebody at the terminal, and return whether the answer is the one that goes on.

    Args:
        question: what to ask.
        answer: what must be typed.

    Raises:
        InputError: nobody is there to ask.
    """
    if not sys.stdin.isatty():
        raise InputError("nobody can be asked here: give it to go on without", path="--yes")
    sys.stderr.write(f"{question} ")
    sys.stderr.flush()
    given = sys.stdin.readline()
    if not given.endswith("\n"):
        say("")
    if given.strip().casefold() == answer:
        return True
    say("Nothing was done")
    return False


def do_each(
    service: ServiceOptions,
    devices: Sequence[Device],
    done: str,
    work: Callable[[Tago, Device], Awaitable[bool]],
    *,
    json: bool,
) -> int:
    """Do something to a few devices, one after the other, and tell what became of each.

    Args:
        service: where.
        devices: which.
        done: what a device is then: ``deleted``.
        work: does it, and returns whether there was anything to do.
        json: whether to print one JSON object.

    Raises:
        TagoError: it was one device alone, and it failed.
    """
    told: dict[str, list[dict[str, str]]] = {done: [], "unchanged": [], "failed": []}

    async def all_of_them(tago: Tago) -> None:
        for device in devices:
            known = {"id": device.id, "name": device.name}
            try:
                told[done if await work(tago, device) else "unchanged"].append(known)
            except (AuthenticationError, PermissionDeniedError):
                raise
            except TagoError as error:
                if len(devices) == 1:
                    raise
                complain(error)
                told["failed"].append({**known, "error": str(error)})

    service.ask(all_of_them)
    if json:
        print_data(told)
    else:
        for status in (done, "unchanged"):
            for one in told[status]:
                print_line(f"{status} {one['id']}  {clean(one['name'])}")
    return Exit.PARTIAL if told["failed"] else Exit.OK


@attrs.frozen(kw_only=True)
class Task:
    """Something to be done to each of some devices, by a run with a journal."""

    verb: str
    """What is done, in a word, also in the journal's name: ``delete``."""
    warning: str
    """What to know before it is done, in one sentence."""
    operation: type[Operation[Any]]
    """What is done with each row."""
    rows: Sequence[tuple[Device, Any]]
    """The devices, and what the run is given for each."""
    options: Mapping[str, Any] = attrs.field(factory=dict)
    """How it is done, as a journal keeps it."""
    noun: str = "device"
    """What there is one of in each row."""
    left_out: int = 0
    """Devices that were meant, and left out for a reason that was told."""

    def carry_out(
        self, service: ServiceOptions, by_filter: ByFilterOptions, *, yes: bool, json: bool
    ) -> int:
        """Show what is meant, ask, and do it.

        Args:
            service: where.
            by_filter: how.
            yes: whether not to ask.
            json: whether to print one JSON object in the end.
        """
        done = Exit.PARTIAL if self.left_out else Exit.OK
        if not self.rows:
            say(f"Nothing to {self.verb}")
            return done
        self._show(everything=by_filter.dry_run)
        if by_filter.dry_run:
            return Exit.OK
        if not (yes or self._is_meant()):
            return Exit.GENERAL
        return self._run(service, by_filter, json=json) or done

    def _show(self, *, everything: bool) -> None:
        shown = self.rows if everything else self.rows[:_SHOWN]
        say(f"To {self.verb}: {plural(len(self.rows), self.noun)}")
        for device, _ in shown:
            say(f"  {device.id}  {clean(device.name)}")
        if len(shown) < len(self.rows):
            say(f"  ... and {len(self.rows) - len(shown)} more (--dry-run shows all)")

    def _is_meant(self) -> bool:
        say(self.warning)
        many = str(len(self.rows))
        return confirmed(f"Type their number, {many}, to go on:", many)

    def _run(self, service: ServiceOptions, by_filter: ByFilterOptions, *, json: bool) -> int:
        from tagodev.cli import journalled
        from tagodev.cli.jobs import Entry, Job

        journal, out = by_filter.places(self.verb)
        job: Job[Any] = Job(
            operation=self.operation,
            rows=len(self.rows),
            entries=(
                Entry(number, device.name, item, device.id)
                for number, (device, item) in enumerate(self.rows, 1)
            ),
            options=self.options,
        )
        say(f"Written down in {journal}")
        return journalled.begin(
            job, journal, service.client(), out, run={}, remember=service.remember(), json=json
        )
