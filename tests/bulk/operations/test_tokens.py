"""Making tokens and replacing them: no device is ever without one, and none gets two."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import pytest

from tagodev import (
    AmbiguousMatchError,
    DeviceCreate,
    DeviceTokenCreate,
    Failed,
    InDoubt,
    InputError,
    JournalError,
    NotFoundError,
    Rotated,
    Rotation,
    Secret,
    TokenCreate,
    TokenIssued,
)
from tagodev._bulk.journal.entry import EntryState
from tagodev._bulk.journal.store import Journal
from tagodev._bulk.journal.writer import JournalWriter
from tests.bulk.journals import a_place
from tests.bulk.virtual import run_virtually
from tests.bulk.wired import FIRST_CONTACT, Client, Delivery, Life, Wire, World, in_turn, live
from tests.bulk.working import collected
from tests.support.clients import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tagodev import BulkRun
    from tagodev._transport import Request

#: A request may leave, arrive and be answered, and be written down, for each of its steps.
MOST_STEPS: Final = 60
TROUBLES: Final = [delivery for delivery in Delivery if delivery is not Delivery.FINE]


class Watched(World):
    """The service, with a count of the tokens of each device at every moment."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.fewest: dict[str, int] = {}
        self.old: dict[str, str] = {}
        self.most_new = 0

    def arrive(self, request: Request) -> Any:
        """Do what a request asks for, and count."""
        answer = super().arrive(request)
        for device in self.store.devices.values():
            if device.id in self.old:
                count = len(device.tokens)
                self.fewest[device.id] = min(self.fewest.get(device.id, count), count)
                self.most_new = max(self.most_new, count - (self.old[device.id] in device.tokens))
        return answer

    async def stocked(self, number: int, *, serial: bool = False) -> list[str]:
        """Make devices, begin to watch them, and return their ids."""
        with Client(Wire(self)) as client:
            for n in range(number):
                spec = DeviceCreate(name=f"d{n}")
                if serial:
                    spec = DeviceCreate(name=f"d{n}", serie_number=f"s-{n}")
                made = await client.devices.create(spec)
                self.old[made.device_id] = made.token.reveal()
        return list(self.old)

    def tokens(self, device_id: str) -> list[str]:
        """Return the tokens of a device, in the order of their making."""
        return list(self.store.devices[device_id].tokens)


def rotating(ids: list[str], **options: Any) -> Callable[[Client, Path], BulkRun[Any]]:
    """Return what begins to replace the tokens of devices."""
    return lambda client, journal: client.tokens.rotate_many(
        map(Rotation, ids), journal=journal, **options
    )


def issuing(ids: list[str]) -> Callable[[Client, Path], BulkRun[Any]]:
    """Return what begins to make a token for each device."""
    orders = [DeviceTokenCreate(device_id, TokenCreate("field", "write")) for device_id in ids]
    return lambda client, journal: client.tokens.create_many(orders, journal=journal)


def results(life: Life) -> dict[int, str]:
    """Return the token that each row has given."""
    return {
        outcome.index: outcome.result.token.reveal()
        for outcome in life.outcomes
        if isinstance(outcome, (Rotated, TokenIssued))
    }


def known(journal: Path) -> dict[int, str]:
    """Return the token that a journal has of each row."""
    with Journal.read(journal) as read:
        found = {}
        for entry in read.rows():
            assert entry.state is EntryState.DONE
            assert entry.result is not None
            found[entry.number] = entry.result.split(b'"token":"')[1].split(b'"')[0].decode()
        return found


# --- replacing ---------------------------------------------------------------------------------


def check_rotated(world: Watched, ids: list[str], tokens: dict[int, str]) -> None:
    """Make sure that each device has one token, which is new and known."""
    assert {n: [tokens[n]] for n in range(len(ids))} == {
        n: world.tokens(one) for n, one in enumerate(ids)
    }
    assert not set(tokens.values()) & set(world.old.values())
    assert 1 == world.most_new


@pytest.mark.parametrize("serial", [False, True])
@pytest.mark.parametrize("delivery", Delivery)
def test_replaced_whatever_becomes_of_a_request(delivery: Delivery, serial: bool) -> None:
    """Each of the requests in turn: in the end there is one token, and never was there none."""

    async def scenario(place: Path, spoilt: int) -> None:
        world = Watched()
        ids = await world.stocked(1, serial=serial)
        deliveries = in_turn(*[Delivery.FINE] * spoilt, delivery)
        life = await live(world, rotating(ids, allow_gap=serial), place, delivery=deliveries)
        assert life.stopped is None
        assert [0] == list(results(life))
        check_rotated(world, ids, results(life))
        assert results(life) == known(life.journal)
        assert (0 if serial else 1) == min(world.fewest.values())

    for spoilt in range(4):
        with a_place() as place:
            run_virtually(scenario(place, spoilt))


@pytest.mark.parametrize("serial", [False, True])
@pytest.mark.parametrize(
    "deliveries", [(), (Delivery.LOST,) * 3, (Delivery.LATE, Delivery.GATEWAY)]
)
def test_replaced_whenever_it_is_killed(deliveries: tuple[Delivery, ...], serial: bool) -> None:
    """At each of its steps, and resumed: one token a device, which is known, and never none."""

    async def scenario(place: Path, kill_at: int) -> bool:
        world = Watched()
        ids = await world.stocked(2, serial=serial)
        begin = rotating(ids, allow_gap=serial)
        spoiling = in_turn(*deliveries)
        life = await live(world, begin, place, delivery=spoiling, kill_at=kill_at)
        killed = life.killed
        if killed:
            life = await live(world, begin, life.journal, delivery=spoiling)
        assert life.stopped is None
        check_rotated(world, ids, known(life.journal))
        assert serial or 1 == min(world.fewest.values())
        return killed

    kills = 0
    for kill_at in range(MOST_STEPS):
        with a_place() as place:
            if not run_virtually(scenario(place, kill_at)):
                break
        kills += 1
    # Six requests, each of which leaves, arrives, is answered and is written down.
    assert 18 < kills < MOST_STEPS


def test_killed_twice() -> None:
    """The second life is killed as well, at each of its steps."""

    async def scenario(place: Path, first: int, second: int) -> None:
        world = Watched()
        ids = await world.stocked(1)
        begin = rotating(ids)
        life = await live(world, begin, place, kill_at=first)
        if life.killed:
            life = await live(world, begin, life.journal, kill_at=second)
        if life.killed:
            life = await live(world, begin, life.journal)
        check_rotated(world, ids, known(life.journal))
        assert 1 == min(world.fewest.values())

    for first in range(5, 16, 2):
        for second in range(1, 16, 3):
            with a_place() as place:
                run_virtually(scenario(place, first, second))


def test_a_serial_number_is_not_given_up_without_leave(tmp_path: Path) -> None:
    """A gap without a token needs `allow_gap`."""

    async def scenario() -> None:
        world = Watched()
        ids = await world.stocked(1, serial=True)
        life = await live(world, rotating(ids), tmp_path / "x")
        (failed,) = life.outcomes
        assert isinstance(failed, Failed)
        assert isinstance(failed.error, InputError)
        assert "serie_number" == failed.error.path
        assert list(world.old.values()) == world.tokens(ids[0])
        assert {"GET /device/token/:device_id"} == {*world.seen} - {*FIRST_CONTACT, "POST /device"}

        life = await live(world, rotating(ids, allow_gap=True), tmp_path / "y")
        check_rotated(world, ids, results(life))
        (token,) = world.store.devices[ids[0]].tokens.values()
        assert ("s-0", "Default", "full") == (token.serial, token.name, token.permission)

    run_virtually(scenario())


def test_a_new_token_is_like_the_old_one(tmp_path: Path) -> None:
    """The one that was named goes, its name and permission stay, and so do the others."""

    async def scenario() -> None:
        world = Watched()
        (device_id,) = await world.stocked(1)
        with Client(Wire(world)) as client:
            old = await client.tokens.create(device_id, TokenCreate("field", "write"))
            other = await client.tokens.create(device_id, TokenCreate("field", "read"))
            report = await client.tokens.rotate_many(
                [Rotation(device_id, old.token)], journal=tmp_path / "x"
            )
        assert (1, 0) == (report.done, report.failed)
        tokens = world.store.devices[device_id].tokens
        assert old.token.reveal() not in tokens
        assert other.token.reveal() in tokens
        assert world.old[device_id] in tokens
        *_, new = tokens.values()
        assert ("field", "write") == (new.name, new.permission)
        assert {0: new.text} == known(tmp_path / "x")

    run_virtually(scenario())


@pytest.mark.parametrize("tokens", [0, 2])
def test_a_token_that_is_not_named_is_the_only_one(tmp_path: Path, tokens: int) -> None:
    """With several no one knows which is meant; with none there is nothing to replace."""

    async def scenario() -> None:
        world = Watched()
        (device_id,) = await world.stocked(1)
        with Client(Wire(world)) as client:
            if tokens:
                await client.tokens.create(device_id, TokenCreate("field"))
            else:
                await client.tokens.delete(world.old.pop(device_id))
        before = world.tokens(device_id)
        life = await live(world, rotating([device_id]), tmp_path / "x")
        (failed,) = life.outcomes
        assert isinstance(failed, Failed)
        assert f"has {tokens} tokens" in str(failed.error)
        assert before == world.tokens(device_id)

    run_virtually(scenario())


@pytest.mark.parametrize("empty", ["", Secret("")])
def test_an_empty_cell_never_replaces_a_live_token(empty: Any) -> None:
    """A row that names no token by mistake is refused before anything is sent."""
    with pytest.raises(InputError, match="empty"):
        Rotation("67e1a2b3c4d5e6f708192a3b", empty)


def test_a_token_that_is_not_there_is_not_replaced(tmp_path: Path) -> None:
    """It may have been replaced before; the error does not show it."""
    gone = "8be70d95-0dbc-4e16-89b6-b23b077d05e5"

    async def scenario() -> None:
        world = Watched()
        (device_id,) = await world.stocked(1)
        with Client(Wire(world)) as client:
            run = client.tokens.rotate_many([Rotation(device_id, gone)], journal=tmp_path / "x")
            report = await run
        (failed,) = report.failures
        assert isinstance(failed.error, NotFoundError)
        assert gone not in str(failed.error)
        assert list(world.old.values()) == world.tokens(device_id)

    run_virtually(scenario())


def test_without_a_journal_a_replacement_is_done_too() -> None:
    """Without a journal the run can't be resumed, but all steps are done."""

    async def scenario() -> None:
        world = Watched()
        ids = await world.stocked(3)
        with Client(Wire(world)) as client:
            report = await client.tokens.rotate_many(map(Rotation, ids))
        assert 3 == report.done
        assert 1 == world.most_new == min(world.fewest.values())
        assert [1, 1, 1] == [len(world.tokens(one)) for one in ids]

    run_virtually(scenario())


# --- making ------------------------------------------------------------------------------------


def check_issued(world: Watched, ids: list[str], tokens: dict[int, str]) -> None:
    """Make sure that each device has its old token and a new one, which is known."""
    assert {n: [world.old[one], tokens[n]] for n, one in enumerate(ids)} == {
        n: world.tokens(one) for n, one in enumerate(ids)
    }


@pytest.mark.parametrize("delivery", TROUBLES)
def test_made_whatever_becomes_of_a_request(delivery: Delivery) -> None:
    """Each of the requests in turn: one token a row, and it is known."""

    async def scenario(place: Path, spoilt: int) -> None:
        world = Watched()
        ids = await world.stocked(1)
        life = await live(
            world,
            issuing(ids),
            place,
            delivery=in_turn(*[Delivery.FINE] * spoilt, delivery, delivery),
        )
        assert life.stopped is None
        check_issued(world, ids, results(life))
        assert results(life) == known(life.journal)

    for spoilt in range(3):
        with a_place() as place:
            run_virtually(scenario(place, spoilt))


@pytest.mark.parametrize("deliveries", [(), (Delivery.LOST,) * 3])
def test_made_whenever_it_is_killed(deliveries: tuple[Delivery, ...]) -> None:
    """At each of its steps, and resumed."""

    async def scenario(place: Path, kill_at: int) -> bool:
        world = Watched()
        ids = await world.stocked(2)
        spoiling = in_turn(*deliveries)
        life = await live(world, issuing(ids), place, delivery=spoiling, kill_at=kill_at)
        killed = life.killed
        if killed:
            life = await live(world, issuing(ids), life.journal, delivery=spoiling)
        assert life.stopped is None
        check_issued(world, ids, known(life.journal))
        return killed

    kills = 0
    for kill_at in range(MOST_STEPS):
        with a_place() as place:
            if not run_virtually(scenario(place, kill_at)):
                break
        kills += 1
    assert 12 < kills < MOST_STEPS


def test_tokens_of_the_same_name_that_were_there_before(tmp_path: Path) -> None:
    """They are not taken for the row's own."""

    async def scenario() -> None:
        world = Watched()
        (device_id,) = await world.stocked(1)
        with Client(Wire(world)) as client:
            before = await client.tokens.create(device_id, TokenCreate("field", "write"))
        deliveries = in_turn(Delivery.LOST, route="POST /device/token")
        life = await live(world, issuing([device_id]), tmp_path / "x", delivery=deliveries)
        assert 3 == len(world.tokens(device_id))
        assert {0: world.tokens(device_id)[2]} == results(life)
        assert before.token.reveal() == world.tokens(device_id)[1]

    run_virtually(scenario())


def test_two_new_tokens_of_the_same_name_are_told(tmp_path: Path) -> None:
    """Another user has made one meanwhile: none is chosen, and neither is shown."""

    async def scenario() -> None:
        world = Watched()
        (device_id,) = await world.stocked(1)
        deliveries = in_turn(Delivery.LOST, route="POST /device/token")
        task = asyncio.create_task(
            live(world, issuing([device_id]), tmp_path / "x", delivery=deliveries)
        )
        await asyncio.sleep(3)
        with Client(Wire(world)) as client:
            await client.tokens.create(device_id, TokenCreate("field", "write"))
        life = await task
        (doubt,) = life.outcomes
        assert isinstance(doubt, InDoubt)
        assert isinstance(doubt.error, AmbiguousMatchError)
        assert 2 == len(doubt.error.candidates)
        for token in world.tokens(device_id):
            assert token not in repr(doubt)
            assert token not in str(doubt.error)
        assert 3 == len(world.tokens(device_id))

    run_virtually(scenario())


def test_equal_orders_make_a_token_each(tmp_path: Path) -> None:
    """Two rows for one device and name whose answers are lost do not adopt the same token."""

    async def scenario() -> None:
        world = Watched()
        (device_id,) = await world.stocked(1)
        deliveries = in_turn(
            Delivery.LOST, Delivery.LATE, Delivery.NEVER, route="POST /device/token"
        )
        life = await live(world, issuing([device_id] * 3), tmp_path / "x", delivery=deliveries)
        assert world.tokens(device_id)[1:] == [token for _, token in sorted(results(life).items())]
        assert 4 == len(world.tokens(device_id))

    run_virtually(scenario())


@pytest.mark.parametrize("delivery", Delivery)
def test_a_token_is_replaced_once(tmp_path: Path, delivery: Delivery) -> None:
    """The second row that names it is refused: it would leave a live token that no one knows."""

    async def scenario() -> None:
        world = Watched()
        (device_id,) = await world.stocked(1)
        rotation = Rotation(device_id, world.old[device_id])

        def begin(client: Client, journal: Path) -> BulkRun[Any]:
            return client.tokens.rotate_many([rotation, rotation], journal=journal)

        deliveries = in_turn(delivery, route="POST /device/token")
        life = await live(world, begin, tmp_path / "x", delivery=deliveries)
        (failed,) = (outcome for outcome in life.outcomes if isinstance(outcome, Failed))
        assert 1 == failed.index
        assert world.old[device_id] not in str(failed.error)
        assert {0: world.tokens(device_id)[0]} == results(life)
        assert 1 == len(world.tokens(device_id))

    run_virtually(scenario())


def test_without_a_journal_a_token_is_replaced_once() -> None:
    """The rows of one device follow each other, and the second finds its token gone."""

    async def scenario() -> None:
        world = Watched()
        (device_id,) = await world.stocked(1)
        rotation = Rotation(device_id, world.old[device_id])
        with Client(Wire(world)) as client:
            outcomes, _ = await collected(client.tokens.rotate_many([rotation, rotation]))
        assert [Rotated, Failed] == [type(outcome) for outcome in outcomes]
        assert 1 == len(world.tokens(device_id))

    run_virtually(scenario())


@pytest.mark.parametrize("serial", [False, True])
def test_a_new_token_that_can_not_be_written_down_is_in_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serial: bool
) -> None:
    """The disk is full once the token is made: its row is in doubt, and the next run finds it."""
    kept: list[int] = []
    keep = JournalWriter.progress

    async def keep_once(recorder: JournalWriter, number: int, progress: bytes) -> None:
        kept.append(number)
        if len(kept) == 2:
            raise JournalError("database or disk is full")
        await keep(recorder, number, progress)

    async def scenario() -> None:
        world = Watched()
        ids = await world.stocked(1, serial=serial)
        begin = rotating(ids, allow_gap=serial)
        monkeypatch.setattr(JournalWriter, "progress", keep_once)
        full = await live(world, begin, tmp_path / "x")
        assert [InDoubt] == [type(outcome) for outcome in full.outcomes]
        assert full.stopped is not None
        # Nothing goes that is not known to be replaced.
        assert (1 if serial else 2) == len(world.tokens(ids[0]))
        life = await live(world, begin, tmp_path / "x")
        assert life.stopped is None
        check_rotated(world, ids, results(life))

    run_virtually(scenario())


# --- quiet -------------------------------------------------------------------------------------


def test_the_profiles_token_is_in_no_file(tmp_path: Path) -> None:
    """Those of the devices are, and no one else may read them."""

    async def scenario() -> None:
        world = Watched()
        ids = await world.stocked(4)
        deliveries = in_turn(Delivery.FINE, Delivery.LOST, Delivery.LOST, Delivery.LOST)
        life = await live(world, rotating(ids), tmp_path / "x", delivery=deliveries, kill_at=25)
        assert life.killed
        await live(world, rotating(ids), life.journal)

    run_virtually(scenario())
    files = [file for file in tmp_path.iterdir() if file.is_file()]

    assert 2 <= len(files)
    for file in files:
        assert TOKEN.encode() not in file.read_bytes()
        assert TOKEN.removeprefix("p-").encode() not in file.read_bytes()
