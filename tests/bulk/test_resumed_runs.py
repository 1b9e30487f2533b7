"""A bulk run in as many lives as it takes: each row is done once, whatever happens to it.

The service outlives the programs.
It may act and lose its answer, act late, and show in its lists only after a while what was made.
A program may be killed at any of its steps; the next process finds its journal as it stands on the
disk.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tagodev import Created, DeviceCreate, DeviceCreated, HardLimits, InterruptedRunError
from tagodev._bulk.journal.entry import EntryState
from tagodev._bulk.journal.store import Journal
from tagodev._serialization.converter import from_json
from tests.bulk.journals import MEMORY
from tests.bulk.virtual import VirtualLoop, wall_clock
from tests.bulk.wired import Client, Delivery, Life, Wire, World, in_turn, live
from tests.support.clients import TOKEN

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tagodev import BulkRun
    from tagodev._bulk.operations.identity import Identity

T = TypeVar("T")

#: Few enough that many a life begins in a minute whose limit its predecessor has used up.
LIMITS: Final = HardLimits.for_plan("free").override("POST /device", 5)

deliveries = st.lists(st.sampled_from([Delivery.FINE, Delivery.FINE, *Delivery]), max_size=16)


class Lives(RuleBasedStateMachine):
    """A run that makes devices, and is begun again and again."""

    def __init__(self) -> None:
        super().__init__()
        self._ending = ExitStack()
        memory = MEMORY if MEMORY.is_dir() else None
        self._folder = Path(self._ending.enter_context(tempfile.TemporaryDirectory(dir=memory)))
        self._loop = VirtualLoop()
        self._ending.callback(self._loop.close)
        self._ending.enter_context(wall_clock(self._loop))
        self._journal = self._folder / "x"
        self._world: World | None = None
        self._others: set[str] = set()

    @initialize(
        rows=st.integers(1, 9),
        concurrency=st.integers(1, 4),
        identity=st.sampled_from(["tag", "tag", "name", "serial"]),
        late=st.sampled_from([0.5, 4.5]),
        lag=st.sampled_from([0.0, 2.0, 9.5]),
    )
    def begin(
        self, rows: int, concurrency: int, identity: Identity, late: float, lag: float
    ) -> None:
        """Choose what is to be done, and how the service behaves."""
        self._items = [
            DeviceCreate(name=f"sensor-{n}", serie_number=f"serial-{n}") for n in range(rows)
        ]
        self._concurrency = concurrency
        self._identity: Identity = identity

        async def make() -> World:
            return World(
                late=late, lag=lag, plan="free", max_devices=100, limits={"POST /device": 5}
            )

        self._world = self._run(make())

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Let time pass for as long as it takes."""
        return self._loop.run_until_complete(coroutine)

    def _live(self, troubles: list[Delivery], *, alone: bool = False, **options: Any) -> Life:
        """Live a life, with or without the input, and leave a journal to the next one."""
        assert self._world is not None

        def begin(client: Client, journal: Path) -> BulkRun[Any]:
            run = client.devices.create_many(
                None if alone and journal.exists() else iter(self._items),
                identity=self._identity,
                journal=journal,
                ordered=options.pop("ordered", False),
            )
            stop = options.pop("stop", None)
            if stop is not None:
                self._loop.call_later(stop, run.stop, InterruptedRunError("enough"))
            return run

        life = self._run(
            live(
                self._world,
                begin,
                self._journal,
                delivery=in_turn(*troubles),
                kill_at=options.pop("kill_at", None),
                concurrency=self._concurrency,
                limits=LIMITS,
            )
        )
        self._journal = life.journal
        return life

    # --- what may happen ---------------------------------------------------------------------

    @rule(troubles=deliveries, kill_at=st.integers(0, 60), alone=st.booleans())
    def is_killed(self, troubles: list[Delivery], kill_at: int, alone: bool) -> None:
        """Die at any step, or come to the end before it."""
        self._live(troubles, alone=alone, kill_at=kill_at)

    @rule(troubles=deliveries, seconds=st.sampled_from([0.0, 0.12, 0.3, 5.0, 15.0, 25.0]))
    def is_stopped(self, troubles: list[Delivery], seconds: float) -> None:
        """Be asked to stop: what is on its way is waited for, and every row's state is reported."""
        life = self._live(troubles, stop=seconds)

        assert life.stopped is None or isinstance(life.stopped.reason, InterruptedRunError)
        self._check_told(life)

    @rule(troubles=deliveries, alone=st.booleans(), ordered=st.booleans())
    def lives_on(self, troubles: list[Delivery], alone: bool, ordered: bool) -> None:
        """Come to the end, with some trouble."""
        life = self._live(troubles, alone=alone, ordered=ordered)

        assert life.stopped is None
        assert {Created} >= {type(outcome) for outcome in life.outcomes}
        rows = self._check_told(life)
        assert not ordered or rows == sorted(rows)

    @rule(seconds=st.sampled_from([1.0, 7.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        """Wait before the next process starts."""
        self._run(asyncio.sleep(seconds))

    @precondition(lambda self: self._identity != "name")
    @rule(row=st.integers(0, 8))
    def somebody_else_makes_one_of_the_same_name(self, row: int) -> None:
        """Names need not be unique where devices are known by something else."""
        assert self._world is not None
        world = self._world

        async def make() -> None:
            with Client(Wire(world), limits=LIMITS) as client:
                made = await client.devices.create(DeviceCreate(name=f"sensor-{row}"))
                self._others.add(made.device_id)

        self._run(make())

    # --- what must be true -------------------------------------------------------------------

    @staticmethod
    def _check_told(life: Life) -> list[int]:
        rows = [outcome.index for outcome in life.outcomes]
        assert len(rows) == len(set(rows))
        return rows

    @invariant()
    def no_row_is_done_twice(self) -> None:
        """Neither now nor when what is still on its way has arrived."""
        if self._world is not None:
            assert 1 >= max(Counter(self._names()).values(), default=0)

    def _names(self) -> list[str]:
        assert self._world is not None
        devices = self._world.store.devices.values()
        return sorted(device.name for device in devices if device.id not in self._others)

    def teardown(self) -> None:
        """Live to the end without trouble: each row has its one device, and its token is known."""
        try:
            if self._world is not None:
                self._check_end(self._world)
        finally:
            self._ending.close()

    def _check_end(self, world: World) -> None:
        assert self._live([]).stopped is None
        self._run(asyncio.sleep(100))
        devices = world.store.devices
        wanted = [item.name for item in self._items]

        assert wanted == self._names()
        with Journal.read(self._journal) as journal:
            assert journal.whole
            assert {EntryState.DONE: len(wanted)} == journal.counts()
            for name, entry in zip(wanted, journal.rows(), strict=True):
                made = from_json(entry.result or b"", DeviceCreated)
                assert name == devices[made.device_id].name
                assert [made.token.reveal()] == list(devices[made.device_id].tokens)
        # Others are counted in the same windows.
        assert self._others or 0 == world.service.stats()["rejected"]
        for file in self._folder.iterdir():
            assert TOKEN.removeprefix("p-").encode() not in file.read_bytes()


Lives.TestCase.settings = settings(max_examples=60, stateful_step_count=8)
TestLives = Lives.TestCase
