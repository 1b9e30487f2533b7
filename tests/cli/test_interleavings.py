"""Commands interleaved at random, killed and resumed: nothing is doubled, lost or sent elsewhere.

The processes are real and so is the service; the steps come from seeds. ``TAGODEV_STEPS`` says how
many steps there are, in scenarios of 75 at most: 80 by default, 3,000 in ``nox -s crash``.
A failure prints its seed and the steps so far. To replay it, give ``TAGODEV_SEED`` and
``TAGODEV_STEPS`` as the failure says: then that is the only scenario, with so many steps.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
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
from tests.support.interleavings import (
    WEIGHTS,
    InterleavingError,
    Scenario,
    Services,
    Step,
    steps_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STEPS: Final = int(os.environ.get("TAGODEV_STEPS", "80"))
SEED: Final = os.environ.get("TAGODEV_SEED")
#: Scenarios that one test carries out at the same time: each mostly waits for its processes, and
#: pytest would give neighbours to the same worker.
AT_ONCE: Final = 2
#: Steps of a scenario: long enough for several kills of the same list, short enough to share out.
LENGTH: Final = max(1, min(75, STEPS // AT_ONCE))
#: Seed and number of steps of each scenario.
SCENARIOS: Final = (
    [(int(SEED), STEPS)]
    if SEED
    else [
        (seed, min(LENGTH, STEPS - begun))
        for seed, begun in enumerate(range(0, STEPS, LENGTH), start=1)
    ]
)
PAIRS: Final = [SCENARIOS[begun : begun + AT_ONCE] for begun in range(0, len(SCENARIOS), AT_ONCE)]
#: Sequences of steps that are tried beside the scenarios.
EXAMPLES: Final = examples(3)
#: Steps that need no second process.
SINGLE: Final = st.builds(
    Step,
    st.sampled_from(
        [
            *(name for name in WEIGHTS if name != "rival"),
            *3 * ("apply", "kill", "edit", "alarm", "bulk"),
        ]
    ),
    st.integers(0, 999),
    st.integers(0, 999),
)
#: Seconds that a step may take, on a slow machine that does other things too.
PATIENCE: Final = 8


def play(folder: Path, seed: int, steps: int) -> None:
    """Carry out the steps of a seed in a new folder."""
    folder.mkdir()
    with Scenario(folder, seed) as scenario:
        scenario.play(steps_of(seed, steps))


@pytest.mark.timeout(120 + PATIENCE * max(steps for _, steps in SCENARIOS))
@pytest.mark.parametrize(
    "scenarios", [pytest.param(pair, id=f"seed {pair[0][0]}") for pair in PAIRS]
)
def test_interleavings(tmp_path: Path, scenarios: list[tuple[int, int]]) -> None:
    """After each step, and after all was finished undisturbed, the invariants hold."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        plays = [
            pool.submit(play, tmp_path / f"seed-{seed}", seed, steps) for seed, steps in scenarios
        ]
    for one in plays:
        one.result()


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Give what scenarios stand on, one after the other."""
    with Services(tmp_path_factory.mktemp("printed")) as services:
        yield services


@pytest.mark.timeout(600)
def test_any_steps_one_at_a_time(
    tmp_path_factory: pytest.TempPathFactory, services: Services
) -> None:
    """The same holds for any short sequence without a second process, and a failure is shrunk."""

    @settings(max_examples=EXAMPLES, derandomize=True)
    @given(st.lists(SINGLE, min_size=12, max_size=20))
    def hold(steps: list[Step]) -> None:
        services.address.reset()
        with Scenario(tmp_path_factory.mktemp("steps"), 0, services) as scenario:
            scenario.play(steps, alone=True)

    hold()


# --- the driver itself ---------------------------------------------------------------------------

NAME: Final = row_name("first", "north", 1)
OTHER: Final = row_name("first", "north", 2)
MANAGER: Final = {"tagodev_managed": "devices#1a2b"}
GOOD: Final = Observation(
    devices={"first": [Found("a", NAME, {**MANAGER, "alarm": "7"})], "second": []},
    removals=[Removal(OTHER, "north", "apply", [frozenset({NAME})])],
    alarms={"a": "7", "gone": "8"},
)
REFUSED: Final = Ended(
    arguments="bulk resume site.journal",
    code=1,
    out="",
    err="site.journal is of the profile 5f. Use its token: --token",
    situations=("bulk, other profile",),
)
FINAL: Final = FinalList(profile="first", source="north", stem="devices", rows=frozenset({NAME}))
BATCH: Final = FinalBatch(
    profile="first",
    rows=frozenset({row_name("first", "batch1", 1)}),
    deleted=frozenset(),
    owners={row_name("first", "batch1", 1): row_name("first", "batch1", 1)},
)
HELD: Final = {
    "first": [Found("a", NAME, MANAGER), Found("b", row_name("first", "batch1", 1))],
    "second": [],
}


def test_nothing_is_wrong_with_a_good_observation() -> None:
    """A profile as it should be, a refusal that says why, and a good end pass every check."""
    assert [] == [
        *broken(GOOD),
        *broken_command(REFUSED),
        *broken_at_the_end(HELD, [FINAL], [BATCH]),
    ]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"devices": {"first": [], "second": [Found("b", NAME)]}}, "1. "),
        ({"devices": {"first": [Found("b", NAME), Found("c", NAME)]}}, "2. "),
        ({"removals": [Removal(NAME, "north", "apply", [frozenset({NAME})])]}, "3. "),
        ({"removals": [Removal(OTHER, "south", "apply", [frozenset()])]}, "3. "),
        ({"devices": {"first": [Found("a", NAME, MANAGER)]}}, "4. "),
        ({"devices": {"first": [Found("a", NAME, {"alarm": "6"})]}}, "4. "),
    ],
)
def test_a_doctored_observation(change: dict[str, Any], wrong: str) -> None:
    """Each of the first four invariants fails on its own breach, and no other does."""
    found = list(broken(attrs.evolve(GOOD, **change)))

    assert [wrong] == [text[: len(wrong)] for text in found]


def test_a_row_that_an_edit_has_removed_may_be_deleted() -> None:
    """A file may be read before or after an edit: one version without the row is enough."""
    removal = Removal(NAME, "north", "apply", [frozenset({NAME}), frozenset()])

    assert [] == list(broken(attrs.evolve(GOOD, removals=[removal])))


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"code": 0}, "expected an exit code"),
        ({"creations": 1}, "requests that create"),
        ({"err": f"{REFUSED.err}\nTraceback (most recent call last):"}, "traceback"),
        ({"err": f"{REFUSED.err} {{'id': 5}}"}, "Python"),
        ({"err": f"{REFUSED.err} <tagodev._client.Tago object>"}, "Python"),
        ({"out": "whole=False"}, "Python"),
        ({"out": "token-1-of-first"}, "holds a token"),
        ({"err": "This journal is of another profile"}, "how to go on"),
        ({"err": "This can't be done. Use --token"}, "matches none"),
    ],
)
def test_a_doctored_command(change: dict[str, Any], wrong: str) -> None:
    """Each part of the fifth invariant fails on its own breach, and no other does."""
    (found,) = broken_command(attrs.evolve(REFUSED, **change))

    assert wrong in found


def test_a_command_may_do_what_any_of_its_situations_allows() -> None:
    """A list that was edited while another process works on it: refused for either, or done."""
    situations = ("apply", "apply, two processes", "apply, list edited meanwhile")
    for code in (0, 1, 2, 6):
        ended = attrs.evolve(REFUSED, situations=situations, code=code)
        assert [] == list(broken_command(ended))


@pytest.mark.parametrize(
    ("devices", "wrong"),
    [
        ([], "is missing"),
        ([Found("a", NAME, MANAGER), Found("c", OTHER, MANAGER)], "does not name it"),
        ([Found("a", NAME)], "is managed as"),
        (
            [
                Found("a", NAME, MANAGER),
                Found("c", row_name("first", "south", 1), MANAGER),
            ],
            "share the manager",
        ),
    ],
)
def test_a_doctored_end_of_lists(devices: list[Found], wrong: str) -> None:
    """The sixth invariant fails on a missing, a superfluous, and a wrongly managed device."""
    south = FinalList(
        profile="first",
        source="south",
        stem="devices",
        rows=frozenset({row_name("first", "south", 1)}),
    )
    lists = [FINAL, south] if wrong.startswith("share") else [FINAL]
    (found,) = broken_at_the_end({"first": devices, "second": []}, lists, [])

    assert wrong in found


def test_a_doctored_end_of_several_managers() -> None:
    """The sixth invariant fails on a list whose devices have different managers."""
    final = attrs.evolve(FINAL, rows=frozenset({NAME, OTHER}))
    devices = [Found("a", NAME, MANAGER), Found("b", OTHER, {"tagodev_managed": "devices#3c4d"})]
    (found,) = broken_at_the_end({"first": devices, "second": []}, [final], [])

    assert "several managers" in found


@pytest.mark.parametrize(
    ("devices", "owners", "wrong"),
    [
        ([], BATCH.owners, "exists 0 times"),
        (HELD["first"] + HELD["first"][1:], BATCH.owners, "exists 2 times"),
        (HELD["first"], {}, "opens nothing"),
        (HELD["first"], {row_name("first", "batch1", 1): NAME}, f"opens {NAME}"),
    ],
)
def test_a_doctored_end_of_a_run(devices: list[Found], owners: dict[str, str], wrong: str) -> None:
    """The sixth invariant fails on a row without its one device, or without its token."""
    batch = attrs.evolve(BATCH, owners=owners)
    (found,) = broken_at_the_end({"first": devices, "second": []}, [], [batch])

    assert wrong in found


def test_steps_come_from_the_seed_alone() -> None:
    """The same seed gives the same steps, more of them begin alike, and every kind is drawn."""
    steps = steps_of(1, 500)

    assert steps[:40] == steps_of(1, 40)
    assert steps[:40] != steps_of(2, 40)
    assert set(WEIGHTS) == {step.name for step in steps}


def test_a_failure_says_how_to_replay_it(tmp_path: Path) -> None:
    """A device in the wrong profile fails the step after which it is found, with seed and steps."""
    with Scenario(tmp_path, seed=7) as scenario:
        scenario.play([Step("edit", 0, 3)])
        scenario.create_in("second", NAME)
        with pytest.raises(InterleavingError) as caught:
            scenario.play([Step("edit", 1, 3), Step("edit", 2, 3)])

    message = str(caught.value)
    assert f"1. {NAME} was created in the profile second" in message
    assert "edit 1 3: south has the rows" in message
    assert "TAGODEV_SEED=7 TAGODEV_STEPS=2" in message
