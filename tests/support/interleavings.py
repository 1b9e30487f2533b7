"""Commands that are interleaved, killed and resumed at random: a state machine over real processes.

`steps_of` draws steps from a seed; `Scenario` carries them out with real ``tagodev`` processes
against two emulated profiles at one address, and keeps a model of what must hold. A step is one
action: start a command, kill one, edit a file, move a journal, let another user set a tag.

Steps depend on the seed alone, never on what the processes do: a step that does not apply just
then has no effect. So a failure can be replayed with its seed, apart from the timing of processes.
"""

from __future__ import annotations

import csv
import os
import random
import shutil
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self

import attrs

from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tests.cli.support import Command
from tests.support.forks import ForkServer
from tests.support.interleaving_checks import (
    Ended,
    FinalBatch,
    FinalList,
    Found,
    Observation,
    Removal,
    broken,
    broken_at_the_end,
    broken_command,
    row_name,
)
from tests.support.shared_address import FAULTS, MOMENTS, End, SharedAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

    from tests.support.forks import Forked
    from tests.support.shared_address import Moment, Sender

__all__ = ["WEIGHTS", "InterleavingError", "Scenario", "Services", "Step", "steps_of"]

PROFILES: Final = ("first", "second")
#: Rows of a list are numbered below this; a list begins with fewer of them.
_NUMBERS: Final = 14
_FIRST_ROWS: Final = 8
_FEWEST_ROWS: Final = 4
_BATCH_ROWS: Final = 8
_BATCHES: Final = 5
_SETTLE: Final = ("--settle", "0.4")
_PATIENCE: Final = 60.0
#: Commands that run at the same time.
_AT_ONCE: Final = 2

#: How often each step is drawn.
WEIGHTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "apply": 11,
        "plan": 2,
        "rival": 3,
        "kill": 13,
        "finish": 5,
        "edit": 24,
        "alarm": 18,
        "delete": 6,
        "fault": 6,
        "switch": 4,
        "move list": 2,
        "copy list": 2,
        "bulk": 4,
        "resume": 4,
        "move journal": 3,
        "lose the log": 2,
        "hard-link journal": 2,
        "copy journal": 2,
        "resume copy": 2,
        "wrong profile": 3,
    }
)


@attrs.frozen
class Step:
    """One action, before it is known what it applies to."""

    name: str
    choice: int
    """Which of those it may apply to."""
    number: int
    """How."""


def steps_of(seed: int, count: int) -> list[Step]:
    """Return the steps of a seed; more steps begin with the same ones.

    Args:
        seed: of the random sequence.
        count: how many.
    """
    chance = random.Random(seed)
    names, weights = list(WEIGHTS), list(WEIGHTS.values())
    return [
        Step(chance.choices(names, weights)[0], chance.randrange(1000), chance.randrange(1000))
        for _ in range(count)
    ]


class InterleavingError(AssertionError):
    """Something does not hold; the message has the seed, the steps and what is wrong."""


# --- the model -----------------------------------------------------------------------------------


@attrs.define(eq=False)
class _List:
    """A list of devices, which belongs to one profile at a time."""

    name: str
    home: Path
    """Where it is at first."""
    path: Path
    profile: str = PROFILES[0]
    rows: dict[str, dict[int, int]] = attrs.field(factory=dict)
    """A value for each row, by profile and number."""
    touched: list[str] = attrs.field(factory=list)
    """The profiles that it was applied to."""
    applied: set[str] = attrs.field(factory=set)
    """Those where the last apply has ended well."""
    known: bool = False
    """Whether it is as the last apply that has ended well has read it: then it can be moved."""
    moved: bool = False
    """Whether it was moved since the last apply that has ended well."""

    def names(self) -> frozenset[str]:
        return frozenset(row_name(self.profile, self.name, n) for n in self.rows[self.profile])

    def text(self) -> str:
        rows = sorted(self.rows[self.profile].items())
        lines = (f"{row_name(self.profile, self.name, n)},{value},{value}\n" for n, value in rows)
        return "".join(("name,tag.site,param.rate\n", *lines))

    def write(self) -> None:
        """Put a new file in its place, as editors do: a process reads the one or the other."""
        draft = self.path.with_suffix(".draft")
        draft.write_text(self.text(), encoding="utf-8")
        draft.replace(self.path)
        self.known = False


@attrs.define(eq=False)
class _Batch:
    """A list that ``bulk create`` makes devices of, with a journal."""

    name: str
    profile: str
    folder: Path
    journal: Path
    begun: bool = False
    """Whether it has sent rows, so that there must be a journal."""
    progress: int = 0
    """How many commands have sent rows."""
    finished: bool = False
    copied: int = -1
    """The progress when the journal was copied; -1 without a copy."""

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}.csv"

    @property
    def results(self) -> Path:
        return self.folder / f"{self.name}.results.csv"

    @property
    def copy(self) -> Path:
        return self.folder / f"{self.name}.copy.journal"

    @property
    def log(self) -> Path:
        return _log_of(self.journal)

    @property
    def is_open(self) -> bool:
        """Whether the journal was not closed, and part of it is in its log."""
        return self.log.exists() and self.log.stat().st_size > 0

    def names(self) -> frozenset[str]:
        return frozenset(row_name(self.profile, self.name, n) for n in range(_BATCH_ROWS))


@attrs.define(eq=False)
class _Running:
    """A command that was started."""

    number: int
    arguments: tuple[str, ...]
    process: Forked
    sender: Sender
    source: _List | _Batch
    situations: list[str]
    """What holds for it, by the keys of `EXPECTED`."""
    versions: list[frozenset[str]]
    """All names in lists and batches, as it started and after each edit since."""
    path: str = ""
    must_be_refused: bool = False

    def expect(self, situation: str) -> None:
        """Note what must happen, whatever else does."""
        self.situations = [situation]
        self.must_be_refused = True

    def disturb(self, what: str) -> None:
        """Note what happens meanwhile."""
        kind = self.situations[0].partition(",")[0]
        if not self.must_be_refused and kind != "plan":
            self.situations.append(f"{kind}, {what}")


# --- carrying steps out --------------------------------------------------------------------------


class Services:
    """Two profiles at one address, and a server of processes; a context manager.

    Args:
        folder: an empty one, for what processes print.
    """

    def __init__(self, folder: Path) -> None:
        self._stack = ExitStack()
        self._folder: Final = folder
        self.address: SharedAddress
        self.forks: ForkServer

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            # Nothing is refused for its number: what is tested here is not the limits.
            emulators = {
                profile: stack.enter_context(
                    EmulatorProcess(EmulatorOptions(unlimited=True, seed=number))
                )
                for number, profile in enumerate(PROFILES, 1)
            }
            self.address = stack.enter_context(SharedAddress(emulators))
            self.forks = stack.enter_context(ForkServer())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()


class Scenario:
    """Two profiles at one address, lists and batches in a folder, and commands; a context manager.

    Args:
        folder: an empty folder.
        seed: of the steps, for the message of a failure; 0 if they come from elsewhere.
        services: what it stands on, as new; None for some of its own.
    """

    def __init__(self, folder: Path, seed: int, services: Services | None = None) -> None:
        self.folder: Final = folder
        self.seed: Final = seed
        self.history: list[str] = []
        """What each step has done."""
        self.steps = 0
        """How many steps were carried out."""
        self.commands = 0
        """How many processes were started."""
        self._stack = ExitStack()
        self._lists = [
            self._new_list("north", folder / "north" / "devices.csv"),
            self._new_list("south", folder / "south" / "devices.csv"),
            self._new_list("site", folder / "site.csv"),
        ]
        self._batches: list[_Batch] = []
        self._running: list[_Running] = []
        self._ended: list[Ended] = []
        self._alarms: dict[str, str] = {}
        self._deleted: set[str] = set()
        self._seen = 0
        self._files: dict[Sender, _Running] = {}
        self._services = services
        self._address: SharedAddress
        self._forks: ForkServer

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            services = self._services
            if services is None:
                services = stack.enter_context(Services(self.folder / "printed"))
            self._address, self._forks = services.address, services.forks
            stack.callback(self._kill_all)
            self._stack = stack.pop_all()
        for place in ("elsewhere", "batches", "links"):
            (self.folder / place).mkdir()
        for source in self._lists:
            source.write()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def play(self, steps: Sequence[Step], *, alone: bool = False) -> None:
        """Carry steps out, look after each whether the invariants hold, and finish everything.

        Args:
            steps: what to do.
            alone: whether a step ends before the next one begins.

        Raises:
            InterleavingError: something does not hold.
        """
        for step in steps:
            self.history.append(f"{step.name} {step.choice} {step.number}:")
            _ACTIONS[step.name](self, step)
            while alone and self._running:
                self._finish_one(self._running[0])
            self._check()
            self.steps += 1
        self.history.append("the end:")
        self._finish_everything()

    def _say(self, text: str) -> None:
        self.history[-1] += f" {text};"

    # --- steps: lists -----------------------------------------------------------------------------

    def _apply(self, step: Step) -> None:
        source = self._lists[step.choice % len(self._lists)]
        first = next((one for one in self._running if one.source is source), None)
        if first is None:
            self._start_apply(source, step.number)
        else:
            self._second(first, step.number)

    def _start_apply(self, source: _List, number: int) -> _Running:
        prune = number % 3 > 0
        holding = number % 4 == 0
        options = ("--prune", "--max-delete", "100%") if prune else ()
        if source.profile not in source.touched:
            source.touched.append(source.profile)
        source.applied.discard(source.profile)
        place, path = self._way_to(source.path, number // 10)
        arguments = ("apply", path, "--yes", *_SETTLE, *options)
        return self._start(source, arguments, "apply", place=place, holding=holding)

    def _plan(self, step: Step) -> None:
        source = self._lists[step.choice % len(self._lists)]
        other = step.number % 4 == 0
        profile = _other(source.profile) if other else source.profile
        situation = "plan, others at work" if self._running else "plan"
        place, path = self._way_to(source.path, step.number // 10)
        self._make_room()
        running = self._start(
            source, ("plan", path, "--prune"), situation, place=place, profile=profile
        )
        self._finish_one(running)

    def _rival(self, step: Step) -> None:
        """Start a second process on what a first one works on, and wait for it."""
        first = next((one for one in self._running if one.sender.holding), None)
        if first is None and self._running:
            first = self._running[step.choice % len(self._running)]
        if first is None:
            source = self._lists[step.choice % len(self._lists)]
            first = self._start_apply(source, 20 * step.number)
        self._second(first, step.number)

    def _second(self, first: _Running, number: int) -> None:
        self._wait_for_work(first)
        in_use = first.sender.held > 0
        if isinstance(first.source, _List):
            applied = set(first.source.applied)
            # It is not held itself.
            second = self._start_apply(first.source, number * 20 + 1 + number % 3)
            first.source.applied = applied
        else:
            second = self._start_resume(first.source, number * 20 + 1)
        second.disturb("two processes")
        first.disturb("two processes")
        self._wait(second)
        if in_use and self._is_held(first):
            kind = "apply, list" if isinstance(first.source, _List) else "bulk, journal"
            second.expect(f"{kind} in use")
        self._close(second)

    def _wait_for_work(self, running: _Running) -> None:
        """Wait until a request of a command is held, if it is to be held, or it has ended."""
        deadline = time.monotonic() + _PATIENCE
        while running.sender.holding and not running.sender.held:
            if running.process.poll() is not None:
                return
            assert time.monotonic() < deadline, "the command neither ends nor sends requests"
            time.sleep(0.005)

    def _come_in_between(self, step: Step) -> None:
        """Wait until a command that is to be held has begun to work, every other time."""
        if step.number // 2 % 2:
            for running in self._running:
                self._wait_for_work(running)

    @staticmethod
    def _is_held(running: _Running) -> bool:
        """Return whether a command is in the middle of its work."""
        return running.sender.held > 0 and running.process.poll() is None

    def _edit(self, step: Step) -> None:
        self._come_in_between(step)
        source = self._lists[step.choice % len(self._lists)]
        if source.moved:
            # Moved and changed, it would be another list: it is changed after the next apply.
            return
        rows = source.rows[source.profile]
        for change in range(1 + step.number % 3):
            self._edit_row(rows, step.number // 3 + 7 * change)
        source.write()
        self._note_versions(source)
        self._say(f"{source.name} has the rows {sorted(rows)}")

    @staticmethod
    def _edit_row(rows: dict[int, int], number: int) -> None:
        """Add a row, also one that was removed before, remove one, or change one."""
        missing = [n for n in range(_NUMBERS) if n not in rows]
        if number % 3 == 0 and missing:
            rows[missing[number // 3 % len(missing)]] = number
        elif number % 3 == 1 and len(rows) > _FEWEST_ROWS:
            del rows[sorted(rows)[number // 3 % len(rows)]]
        else:
            rows[sorted(rows)[number // 3 % len(rows)]] = number

    def _note_versions(self, source: _List) -> None:
        for running in self._running:
            running.versions.append(self._names())
            if running.source is source:
                running.disturb("list edited meanwhile")

    def _switch(self, step: Step) -> None:
        """Rewrite a list for the other profile, and use that profile's token from now on."""
        source = self._lists[step.choice % len(self._lists)]
        self._finish_all_of(source)
        if source.moved:
            return
        self._move_to_profile(source, _other(source.profile))

    def _move_to_profile(self, source: _List, profile: str) -> None:
        source.profile = profile
        source.write()
        self._note_versions(source)
        self._say(f"{source.name} is for the profile {profile}")

    def _move_list(self, step: Step) -> None:
        source = self._lists[step.choice % len(self._lists)]
        self._finish_all_of(source)
        if not source.known:
            self._make_room()
            self._finish_one(self._start_apply(source, 3))
        if not source.known:
            return
        moved = self.folder / "elsewhere" / source.name / source.home.name
        target = moved if source.path == source.home else source.home
        target.parent.mkdir(exist_ok=True)
        source.path.rename(target)
        source.path = target
        source.moved = True
        self._say(f"{source.name} is at {self._short(target)}")

    def _copy_list(self, step: Step) -> None:
        """Apply a copy of a list that is in use where it was: it must be refused."""
        source = self._lists[step.choice % len(self._lists)]
        if source.profile not in source.applied:
            return
        self._finish_all_of(source)
        copy = self.folder / "elsewhere" / "copy" / source.path.name
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(source.path, copy)
        self._make_room()
        running = self._start(
            source, ("apply", str(copy), "--yes", *_SETTLE), "apply", place=self.folder
        )
        running.expect("apply, copied list")
        self._finish_one(running)
        copy.unlink()

    # --- steps: bulk ------------------------------------------------------------------------------

    def _bulk(self, step: Step) -> None:
        """Begin a bulk run, or repeat the command of one."""
        if len(self._batches) < _BATCHES and (step.choice % 2 or not self._batches):
            batch = self._new_batch(PROFILES[step.number % 2])
        else:
            batch = self._batches[step.choice % len(self._batches)]
        if any(one.source is batch for one in self._running):
            return
        self._start_bulk(batch, step.number)

    def _start_bulk(self, batch: _Batch, number: int) -> _Running:
        place, journal = self._way_to(batch.journal, number // 10)
        arguments = ("bulk", "create", str(batch.file), "--journal", journal, *_SETTLE)
        out = ("--out", str(batch.results))
        return self._start(batch, (*arguments, *out), "bulk", place=place, holding=number % 4 == 0)

    def _start_resume(self, batch: _Batch, number: int, profile: str = "") -> _Running:
        place, journal = self._way_to(batch.journal, number // 10)
        return self._start(
            batch,
            ("bulk", "resume", journal, *_SETTLE, "--out", str(batch.results)),
            "bulk",
            place=place,
            profile=profile,
            holding=number % 4 == 0,
        )

    def _resume(self, step: Step) -> None:
        batch = self._batch_at_rest(step)
        if batch is None:
            return
        if batch.begun:
            self._start_resume(batch, step.number)
        elif not batch.journal.exists():
            self._resume_refused(batch, batch.journal, "bulk, no journal yet")

    def _move_journal(self, step: Step) -> None:
        """Move a journal with the files that belong to it."""
        batch = self._batch_at_rest(step)
        if batch is None or not batch.journal.exists():
            return
        home = batch.folder / f"{batch.name}.journal"
        moved = self.folder / "elsewhere" / f"{batch.name}-moved.journal"
        target = moved if batch.journal == home else home
        _move(batch.journal, target)
        batch.journal = target
        self._say(f"{batch.name} has its journal at {self._short(target)}")

    def _lose_log(self, step: Step) -> None:
        """Move a journal away from its log: it must be refused; then move it back."""
        batch = self._cut_off(step)
        if batch is None or not batch.is_open:
            return
        away = self.folder / "elsewhere" / f"{batch.name}-alone.journal"
        batch.journal.rename(away)
        self._resume_refused(batch, away, "bulk, without its log")
        _remove_beside(away)
        away.rename(batch.journal)

    def _hard_link(self, step: Step) -> None:
        """Reach a journal by a hard link, which SQLite would give a log of its own."""
        working = [one.source for one in self._running if isinstance(one.source, _Batch)]
        batch = working[0] if working else self._cut_off(step)
        if batch is None or not batch.journal.exists():
            return
        link = self.folder / "elsewhere" / f"{batch.name}-linked.journal"
        link.hardlink_to(batch.journal)
        first = next((one for one in self._running if one.source is batch), None)
        if first is None:
            situation = "bulk, without its log" if batch.is_open else "bulk"
            self._resume_refused(batch, link, situation)
        else:
            self._wait_for_work(first)
            in_use = first.sender.held > 0
            running = self._start_at(batch, link)
            running.disturb("two processes")
            first.disturb("two processes")
            self._wait(running)
            if in_use and self._is_held(first):
                running.expect("bulk, journal in use")
            self._close(running)
        _remove_beside(link)
        link.unlink(missing_ok=True)

    def _copy_journal(self, step: Step) -> None:
        batch = self._cut_off(step)
        if batch is None or batch.copied >= 0:
            return
        for suffix in _BESIDE:
            file = Path(f"{batch.journal}{suffix}")
            if file.exists():
                shutil.copy(file, f"{batch.copy}{suffix}")
        batch.copied = batch.progress
        self._say(f"copied the journal of {batch.name}")

    def _resume_copy(self, step: Step) -> None:
        """Resume a copy after the run has progressed: it must be refused."""
        copied = [batch for batch in self._at_rest() if batch.copied >= 0]
        if not copied:
            return
        batch = copied[step.choice % len(copied)]
        if batch.copied == batch.progress:
            self._make_room()
            self._finish_one(self._start_resume(batch, 1))
        if batch.copied == batch.progress:
            return
        self._resume_refused(batch, batch.copy, "bulk, outdated copy")
        _remove_beside(batch.copy)
        batch.copy.unlink(missing_ok=True)
        batch.copied = -1

    def _wrong_profile(self, step: Step) -> None:
        batch = self._cut_off(step) if step.number % 2 else self._batch_at_rest(step)
        if batch is None or not batch.begun:
            return
        profile = _other(batch.profile)
        self._resume_refused(batch, batch.journal, "bulk, other profile", profile)

    def _resume_refused(
        self, batch: _Batch, journal: Path, situation: str, profile: str = ""
    ) -> None:
        running = self._start_at(batch, journal, profile)
        running.expect(situation)
        running.path = str(batch.journal)
        self._finish_one(running)

    def _start_at(self, batch: _Batch, journal: Path, profile: str = "") -> _Running:
        self._make_room()
        # Elsewhere: results of another journal are never replaced, and that would be refused first.
        out = journal.with_suffix(".results.csv")
        out.unlink(missing_ok=True)
        arguments = ("bulk", "resume", str(journal), *_SETTLE, "--out", str(out))
        return self._start(batch, arguments, "bulk", profile=profile)

    def _batch_at_rest(self, step: Step) -> _Batch | None:
        """Return a batch that no process works on."""
        batches = self._at_rest()
        return batches[step.choice % len(batches)] if batches else None

    def _at_rest(self) -> list[_Batch]:
        working = [one.source for one in self._running]
        return [batch for batch in self._batches if batch not in working]

    def _cut_off(self, step: Step) -> _Batch | None:
        """Return a batch whose run was killed in the middle; if there is none, begin and kill one.

        Returns:
            The batch; None if there are too many, or the run was too fast to be killed.
        """
        batches = [one for one in self._at_rest() if one.begun and not one.finished]
        if batches:
            return batches[step.choice % len(batches)]
        if len(self._batches) >= _BATCHES:
            return None
        batch = self._new_batch(PROFILES[step.number % 2])
        self._make_room()
        self._kill_after(
            self._start_bulk(batch, 1), MOMENTS[step.choice % 3], writes=1 + step.number % 4
        )
        return batch if batch.begun and not batch.finished else None

    # --- steps: others ----------------------------------------------------------------------------

    def _alarm(self, step: Step) -> None:
        """Let another user set the tag ``alarm`` of a device."""
        self._come_in_between(step)
        chosen = self._device(step)
        if chosen is None:
            return
        profile, device = chosen
        value = str(step.number)
        if self._address.set_tag(profile, device.device_id, "alarm", value):
            self._alarms[device.device_id] = value
            self._say(f"{device.name} has alarm={value}")

    def _delete(self, step: Step) -> None:
        """Let another user delete a device."""
        self._come_in_between(step)
        chosen = self._device(step)
        if chosen is None:
            return
        profile, device = chosen
        self._address.delete(profile, device.device_id)
        self._deleted.add(device.name)
        for running in self._running:
            if running.sender.profile == profile:
                running.disturb("devices deleted meanwhile")
        self._say(f"{device.name} is deleted")

    def _fault(self, step: Step) -> None:
        method = ("POST", "POST", "DELETE")[step.choice % 3]
        fault = FAULTS[step.number % len(FAULTS)]
        times = 1 + step.number // len(FAULTS) % 3
        self._address.fail(method, fault, times)
        self._say(f"{times} x {method} {fault}")

    def _device(self, step: Step) -> tuple[str, Found] | None:
        held = [one.sender.profile for one in self._running if one.sender.held]
        profile = held[0] if held else PROFILES[step.number % len(PROFILES)]
        devices = sorted(self._devices(profile), key=lambda one: one.name)
        # Rather one of those that a command is about to change.
        busy = [
            f".{one.source.name}."
            for one in self._running
            if one.sender.held and one.sender.profile == profile
        ]
        devices = [one for one in devices if any(part in one.name for part in busy)] or devices
        return (profile, devices[step.choice % len(devices)]) if devices else None

    # --- processes --------------------------------------------------------------------------------

    def _kill(self, step: Step) -> None:
        """Kill a command, one that is started for it if none is running."""
        if not self._running:
            self._start_something(step)
        running = self._running[step.choice % len(self._running)]
        more = step.number // 3
        moment = MOMENTS[step.choice // 3 % len(MOMENTS)]
        if step.number % 3:
            self._kill_after(running, moment, writes=more % 5)
        else:
            self._kill_after(running, moment, requests=more % 18)

    def _start_something(self, step: Step) -> None:
        unfinished = [batch for batch in self._batches if batch.begun and not batch.finished]
        if unfinished and step.choice % 4 == 0:
            self._start_resume(unfinished[step.number % len(unfinished)], 1)
        else:
            self._start_apply(self._lists[step.choice % len(self._lists)], step.number * 2 + 1)

    def _kill_after(
        self, running: _Running, moment: Moment, *, writes: int = 0, requests: int = 0
    ) -> None:
        """Kill a command at the so manieth request from now on, unless it ends before."""
        sender = running.sender
        kill = running.process.kill
        sender.end = End(kill, sender.writes + writes, sender.requests + requests, moment)
        self._address.release(sender)
        if running.process.wait(_PATIENCE) != -signal.SIGKILL:
            self._close(running)
            return
        self._say(f"killed {running.number} after {sender.requests} requests, {moment}")
        running.process.communicate(timeout=_PATIENCE)
        self._put_away(running)

    def _finish(self, step: Step) -> None:
        if self._running:
            self._finish_one(self._running[step.choice % len(self._running)])

    def _finish_all_of(self, source: _List) -> None:
        for running in [one for one in self._running if one.source is source]:
            self._finish_one(running)

    def _make_room(self) -> None:
        while len(self._running) >= _AT_ONCE:
            self._finish_one(self._running[0])

    def _finish_one(self, running: _Running) -> None:
        self._address.release(running.sender)
        self._wait(running)
        self._close(running)

    def _wait(self, running: _Running) -> None:
        running.process.wait(_PATIENCE)

    def _close(self, running: _Running) -> None:
        """Take in how a command has ended by itself."""
        out, err = running.process.communicate(timeout=_PATIENCE)
        code = running.process.wait(_PATIENCE)
        sender = running.sender
        if sender.faults:
            running.disturb("faults")
        ended = Ended(
            arguments=" ".join(running.arguments),
            code=code,
            out=out,
            err=err,
            situations=tuple(running.situations),
            path=running.path,
            writes=sender.writes,
            creations=sender.creations,
        )
        self._ended.append(ended)
        self._say(f"{running.number} ended with {code} ({'; '.join(running.situations)})")
        if isinstance(running.source, _List) and (code, running.arguments[0]) == (0, "apply"):
            running.source.applied.add(sender.profile)
            running.source.moved = False
            running.source.known |= len(running.versions) == 1
        if isinstance(running.source, _Batch) and not (code or running.must_be_refused):
            running.source.finished = True
        self._put_away(running)

    def _put_away(self, running: _Running) -> None:
        self._address.dismiss(running.sender)
        if running in self._running:
            self._running.remove(running)
        source = running.source
        if isinstance(source, _Batch) and running.sender.creations and not running.must_be_refused:
            source.begun = True
            source.progress += 1

    def _start(
        self,
        source: _List | _Batch,
        arguments: tuple[str, ...],
        situation: str,
        *,
        place: Path | None = None,
        profile: str = "",
        holding: bool = False,
    ) -> _Running:
        sender = self._address.admit(profile or source.profile, holding=holding)
        state = self.folder / ".state"
        command = Command(
            place or self.folder,
            self._address.url,
            sender.token,
            {
                "TAGODEV_STATE": str(state),
                # Nothing is counted: so many commands a minute would wait for GET /profile/current.
                "TAGODEV_LEDGER": "none",
                "TAGODEV_CONFIG": str(self.folder / ".config.toml"),
            },
        )
        self.commands += 1
        running = _Running(
            number=self.commands,
            arguments=arguments,
            process=self._forks.start(command.folder, command.variables(), arguments),
            sender=sender,
            source=source,
            situations=[situation],
            versions=[self._names()],
        )
        self._running.append(running)
        self._files[sender] = running
        shown = " ".join(arguments).replace(f"{self.folder}/", "")
        held = ", held" if holding else ""
        self._say(f"started {running.number} as {sender.profile}{held}: {shown}")
        return running

    def _kill_all(self) -> None:
        for running in self._running:
            running.process.kill()
            running.process.communicate(timeout=_PATIENCE)

    # --- what holds -------------------------------------------------------------------------------

    def _devices(self, profile: str) -> list[Found]:
        return [
            Found(one["id"], one["name"], {tag["key"]: tag["value"] for tag in one["tags"]})
            for one in self._address.devices(profile)
        ]

    def _names(self) -> frozenset[str]:
        sources: tuple[_List | _Batch, ...] = (*self._lists, *self._batches)
        return frozenset(name for source in sources for name in source.names())

    def _check(self) -> None:
        deletions = self._address.deletions[self._seen :]
        self._seen += len(deletions)
        removals = [
            Removal(
                self._address.names.get(one.device_id, one.device_id),
                self._files[one.sender].source.name,
                " ".join(self._files[one.sender].arguments),
                self._files[one.sender].versions,
            )
            for one in deletions
        ]
        devices = {profile: self._devices(profile) for profile in PROFILES}
        ended, self._ended = self._ended, []
        self.report(
            [
                *broken(Observation(devices=devices, removals=removals, alarms=self._alarms)),
                *(f"5. {text}\n{one.err}" for one in ended for text in broken_command(one)),
            ]
        )

    def create_in(self, profile: str, name: str) -> None:
        """Create a device that no command has created, to see that it is noticed.

        Args:
            profile: where.
            name: of the device.
        """
        self._address.create(profile, name)

    def report(self, wrong: Sequence[str]) -> None:
        """Fail if anything is wrong.

        Args:
            wrong: what is wrong.

        Raises:
            InterleavingError: something is.
        """
        if not wrong:
            return
        steps = "\n".join(f"  {n}. {text}" for n, text in enumerate(self.history, 1))
        found = "\n".join(wrong)
        replay = f"To replay: TAGODEV_SEED={self.seed} TAGODEV_STEPS={self.steps + 1}"
        raise InterleavingError(
            f"{found}\n\nSteps:\n{steps}" + (f"\n\n{replay}" if self.seed else "")
        )

    def _finish_everything(self) -> None:
        """Finish all commands, apply every list to every profile it was for, and compare."""
        self._address.heal()
        while self._running:
            self._finish_one(self._running[0])
        self._check()
        finals = list(self._applied_lists())
        batches = [self._finished(batch) for batch in self._batches]
        self._check()
        devices = {profile: self._devices(profile) for profile in PROFILES}
        self.report(list(broken_at_the_end(devices, finals, batches)))

    def _applied_lists(self) -> Iterator[FinalList]:
        for source in self._lists:
            present = source.profile
            if source.moved:
                self._finish_one(self._start_apply(source, 1))
            for profile in sorted(source.touched, key=present.__eq__):
                if profile != source.profile:
                    self._move_to_profile(source, profile)
                # With --prune, and not held.
                self._finish_one(self._start_apply(source, 1))
                yield FinalList(
                    profile=profile,
                    source=source.name,
                    stem=source.home.stem,
                    rows=source.names(),
                )
            if source.touched:
                self._nothing_left(source)

    def _nothing_left(self, source: _List) -> None:
        arguments = ("plan", str(source.path), "--prune")
        self._finish_one(self._start(source, arguments, "plan, all applied"))

    def _finished(self, batch: _Batch) -> FinalBatch:
        running = (
            self._start_resume(batch, 1) if batch.journal.exists() else self._start_bulk(batch, 1)
        )
        if self._deleted & batch.names():
            running.disturb("devices deleted meanwhile")
        self._finish_one(running)
        with batch.results.open(newline="", encoding="utf-8") as file:
            tokens = {row["name"]: row["token"] for row in csv.DictReader(file)}
        owners = {
            name: self._address.owner(batch.profile, token)
            for name, token in tokens.items()
            if token
        }
        return FinalBatch(
            profile=batch.profile,
            rows=batch.names(),
            deleted=frozenset(self._deleted),
            owners=owners,
        )

    # --- files ------------------------------------------------------------------------------------

    def _new_list(self, name: str, path: Path) -> _List:
        path.parent.mkdir(exist_ok=True)
        rows = {profile: dict.fromkeys(range(_FIRST_ROWS), 0) for profile in PROFILES}
        return _List(name, path, path, rows=rows)

    def _new_batch(self, profile: str) -> _Batch:
        folder = self.folder / "batches"
        name = f"batch{len(self._batches) + 1}"
        batch = _Batch(name, profile, folder, folder / f"{name}.journal")
        batch.file.write_text("\n".join(("name", *sorted(batch.names()), "")), encoding="utf-8")
        self._batches.append(batch)
        for running in self._running:
            running.versions.append(self._names())
        return batch

    def _way_to(self, path: Path, number: int) -> tuple[Path, str]:
        """Return a folder to start a command in, and a path from there to a file."""
        match number % 4:
            case 0:
                return path.parent, path.name
            case 1:
                return self.folder / "links", os.path.relpath(path, self.folder / "links")
            case 2 if path.exists():
                # Each time anew: the file may have moved since.
                link = self.folder / "links" / self._short(path)
                link.parent.mkdir(exist_ok=True, parents=True)
                link.unlink(missing_ok=True)
                link.symlink_to(path)
                return self.folder, str(link)
        return self.folder / "batches", str(path)

    def _short(self, path: Path) -> str:
        return str(path.relative_to(self.folder))


#: What belongs to a journal: itself, its log, and what SQLite and the lock keep beside it.
_BESIDE: Final = ("", "-wal", "-shm", ".lock")


def _log_of(journal: Path) -> Path:
    return Path(f"{journal}-wal")


def _move(journal: Path, target: Path) -> None:
    for suffix in _BESIDE:
        file = Path(f"{journal}{suffix}")
        if file.exists():
            file.rename(f"{target}{suffix}")


def _remove_beside(journal: Path) -> None:
    for suffix in _BESIDE[1:]:
        Path(f"{journal}{suffix}").unlink(missing_ok=True)


def _other(profile: str) -> str:
    return PROFILES[1 - PROFILES.index(profile)]


_ACTIONS: Final[Mapping[str, Callable[[Scenario, Step], None]]] = MappingProxyType(
    {
        "apply": Scenario._apply,
        "plan": Scenario._plan,
        "rival": Scenario._rival,
        "kill": Scenario._kill,
        "finish": Scenario._finish,
        "edit": Scenario._edit,
        "alarm": Scenario._alarm,
        "delete": Scenario._delete,
        "fault": Scenario._fault,
        "switch": Scenario._switch,
        "move list": Scenario._move_list,
        "copy list": Scenario._copy_list,
        "bulk": Scenario._bulk,
        "resume": Scenario._resume,
        "move journal": Scenario._move_journal,
        "lose the log": Scenario._lose_log,
        "hard-link journal": Scenario._hard_link,
        "copy journal": Scenario._copy_journal,
        "resume copy": Scenario._resume_copy,
        "wrong profile": Scenario._wrong_profile,
    }
)
