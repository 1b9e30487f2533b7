"""What must hold while commands are interleaved, killed and resumed.

The expectations are one table, `EXPECTED`; the invariants are functions of what was observed.
Nothing here runs a command, so that each check can be tested with a doctored observation.
"""

from __future__ import annotations

import re
from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = [
    "EXPECTED",
    "Ended",
    "Expectation",
    "FinalBatch",
    "FinalList",
    "Found",
    "Observation",
    "Removal",
    "broken",
    "broken_at_the_end",
    "broken_command",
    "row_name",
]

#: Separates profile, list and number in the name of a device.
_SEPARATOR: Final = "."
#: The tag by which a list manages its devices.
MANAGER_TAG: Final = "tagodev_managed"


def row_name(profile: str, source: str, number: int) -> str:
    """Return the name of the device of a row: it says for which profile it was asked.

    Args:
        profile: the profile.
        source: the list, or the batch.
        number: the row.
    """
    return _SEPARATOR.join((profile, source, f"{number:03}"))


# --- expectations --------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Expectation:
    """What a command may do in a situation."""

    codes: frozenset[int]
    """The exit codes that it may end with."""
    says: str = ""
    """What standard error must match when the command is refused; ``{path}`` stands for the path
    that the message must name."""
    creates: bool = True
    """Whether it may send a request that creates a device."""


def _ends(*codes: int, says: str = "", creates: bool = True) -> Expectation:
    return Expectation(codes=frozenset(codes), says=says, creates=creates)


_IN_USE: Final = r"in use by another process \(process \d+ on \S+, since "

#: By situation. Exit codes: 0 done, 1 refused or stopped, 2 wrong use or file, 4 service, 6 some
#: steps failed, 10 there are changes.
EXPECTED: Final[Mapping[str, Expectation]] = MappingProxyType(
    {
        "apply": _ends(0),
        # Rows may be blocked by, or steps may fail on, what others do meanwhile.
        "apply, list edited meanwhile": _ends(0, 1, 2, 6),
        "apply, devices deleted meanwhile": _ends(0, 1, 4, 6),
        "apply, faults": _ends(0, 1, 4, 6),
        # Two processes: either may be the first; the other is refused unless the first has ended.
        "apply, two processes": _ends(0, 1, says=_IN_USE),
        "apply, list in use": _ends(1, says=_IN_USE, creates=False),
        "apply, copied list": _ends(1, 2, says="--name", creates=False),
        "plan": _ends(0, 10, creates=False),
        "plan, others at work": _ends(0, 1, 6, 10, creates=False),
        "plan, all applied": _ends(0, creates=False),
        "bulk": _ends(0),
        "bulk, devices deleted meanwhile": _ends(0, 1, 4, 6),
        "bulk, faults": _ends(0, 1, 4, 6),
        # The first has not made the journal yet.
        "bulk, two processes": _ends(0, 1, says=f"{_IN_USE}|no such journal"),
        "bulk, journal in use": _ends(1, says=_IN_USE, creates=False),
        "bulk, no journal yet": _ends(1, says="journal", creates=False),
        "bulk, other profile": _ends(1, says="profile", creates=False),
        "bulk, outdated copy": _ends(1, says="{path}", creates=False),
        "bulk, without its log": _ends(1, says="-wal", creates=False),
    }
)


@attrs.frozen(kw_only=True)
class Ended:
    """A command that has ended by itself."""

    arguments: str
    code: int
    out: str
    err: str
    situations: Sequence[str]
    """Keys of `EXPECTED`: it may do what any of them allows."""
    path: str = ""
    """The path that a refusal must name."""
    writes: int = 0
    """Requests that change something."""
    creations: int = 0
    """Requests that create a device."""


#: What no output may hold: tracebacks, and Python's way to write values.
_PYTHON: Final = re.compile(r"Traceback|\{'|<tagodev|<_|=(False|True|None)\b|\b[A-Z]\w+Error\(")
#: The tokens of profiles: `tests.support.shared_address`.
_TOKEN: Final = re.compile(r"token-\d+-of-")
#: How to go on: an option, a command, a variable, a path, or what to wait for.
_HINT: Final = re.compile(
    r"--[a-z]|\btagodev [a-z]|\bTAGO(IO|DEV)_[A-Z]|[\w.-]*/[\w./-]+|-wal\b|same command|Re-run|Wait"
)
#: Nothing is refused: done, or a plan with changes.
_FINE: Final = frozenset({0, 10})


def broken_command(ended: Ended) -> Iterator[str]:
    """Yield what is wrong with how a command ended.

    Args:
        ended: the command.
    """
    expected = [EXPECTED[situation] for situation in ended.situations]
    codes = frozenset().union(*(one.codes for one in expected))
    what = f"tagodev {ended.arguments} ({'; '.join(ended.situations)}; exit code {ended.code})"
    if ended.code not in codes:
        yield f"{what}: expected an exit code of {sorted(codes)}"
    if ended.creations and not all(one.creates for one in expected):
        yield f"{what}: it sent {ended.creations} requests that create a device"
    said = f"{ended.out}\n{ended.err}"
    if _PYTHON.search(said):
        yield f"{what}: its output holds Python's values or a traceback"
    if _TOKEN.search(said):
        yield f"{what}: its output holds a token"
    # Messages are wrapped for the terminal.
    text = " ".join(ended.err.split())
    if ended.code not in _FINE and not ended.writes and not _HINT.search(text):
        yield f"{what}: standard error does not say how to go on"
    reasons = [
        one.says.replace("{path}", re.escape(ended.path))
        for one in expected
        if ended.code in one.codes - _FINE
    ]
    if reasons and not any(re.search(reason, text) for reason in reasons):
        yield f"{what}: standard error matches none of {reasons}"


# --- invariants ----------------------------------------------------------------------------------


@attrs.frozen
class Found:
    """A device that a profile holds."""

    device_id: str
    name: str
    tags: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Removal:
    """A device that a command has deleted."""

    name: str
    source: str
    """The list, or the batch, that the command was about."""
    command: str
    versions: Sequence[frozenset[str]]
    """The names in the lists and batches as the command started, and after each edit since."""


@attrs.frozen(kw_only=True)
class Observation:
    """What there is after a step."""

    devices: Mapping[str, Sequence[Found]]
    """By profile."""
    removals: Sequence[Removal] = ()
    """Deletions by commands since the last look."""
    alarms: Mapping[str, str] = attrs.field(factory=dict)
    """The tag ``alarm`` that another user has set last, by device id."""


def broken(observation: Observation) -> Iterator[str]:
    """Yield what is wrong with what the profiles hold.

    Args:
        observation: what there is.
    """
    for profile, devices in observation.devices.items():
        for device in devices:
            if device.name.partition(_SEPARATOR)[0] != profile:
                yield f"1. {device.name} was created in the profile {profile}"
            alarm = observation.alarms.get(device.device_id)
            if alarm is not None and device.tags.get("alarm") != alarm:
                found = device.tags.get("alarm", "none")
                yield f"4. {device.name} has lost the tag alarm={alarm}: there is {found}"
        for name, count in Counter(device.name for device in devices).items():
            if count > 1:
                yield f"2. {name} exists {count} times"
    for removal in observation.removals:
        if removal.name.split(_SEPARATOR)[1] != removal.source:
            yield f"3. {removal.name} was deleted by {removal.command}, which is about other rows"
        elif all(removal.name in names for names in removal.versions):
            yield f"3. {removal.name} was deleted by {removal.command}, and its file names it"


# --- the end -------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class FinalList:
    """A list after its last apply to a profile."""

    profile: str
    source: str
    """The list."""
    stem: str
    """The name of its file, without suffix: its manager's name begins with it."""
    rows: frozenset[str]
    """The names in the file."""


@attrs.frozen(kw_only=True)
class FinalBatch:
    """A bulk run that is finished."""

    profile: str
    rows: frozenset[str]
    """The names in the file."""
    deleted: frozenset[str]
    """Names of the devices that another user has deleted."""
    owners: Mapping[str, str]
    """The name of the device that the token of each row opens, by the row's name."""


def broken_at_the_end(
    devices: Mapping[str, Sequence[Found]],
    lists: Sequence[FinalList],
    batches: Sequence[FinalBatch],
) -> Iterator[str]:
    """Yield what is wrong after everything was finished undisturbed.

    Args:
        devices: what the profiles hold.
        lists: lists, after their last applies.
        batches: bulk runs.
    """
    managers: dict[str, str] = {}
    for one in lists:
        yield from _broken_list(one, devices[one.profile], managers)
    for batch in batches:
        yield from _broken_batch(batch, devices[batch.profile])


def _broken_list(
    one: FinalList, devices: Sequence[Found], managers: dict[str, str]
) -> Iterator[str]:
    prefix = _SEPARATOR.join((one.profile, one.source, ""))
    held = {found.name: found for found in devices if found.name.startswith(prefix)}
    for name in sorted(one.rows - held.keys()):
        yield f"6. {name} is missing"
    for name in sorted(held.keys() - one.rows):
        yield f"6. {name} exists, and the file does not name it"
    found_managers = sorted({found.tags.get(MANAGER_TAG, "") for found in held.values()})
    for manager in found_managers:
        if not manager.startswith(one.stem):
            yield f"6. {one.source} is managed as {manager!r} in {one.profile}"
        if managers.setdefault(manager, one.source) != one.source:
            yield f"6. {one.source} and {managers[manager]} share the manager {manager!r}"
    if len(found_managers) > 1:
        yield f"6. {one.source} has several managers in {one.profile}: {found_managers}"


def _broken_batch(batch: FinalBatch, devices: Sequence[Found]) -> Iterator[str]:
    counts = Counter(found.name for found in devices)
    for name in sorted(batch.rows):
        if counts[name] != 1 and not (counts[name] == 0 and name in batch.deleted):
            yield f"6. {name} of a finished run exists {counts[name]} times"
        owner = batch.owners.get(name, "")
        if owner != name and name not in batch.deleted:
            yield f"6. the token of {name} in the results opens {owner or 'nothing'}"
