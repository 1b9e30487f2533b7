"""Programs as people write them, and what type checkers find out about them.

``nox -s typing`` has mypy (strict) and pyright (strict, here) read this; nothing runs it.
"""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never, assert_type

from tagodev import (
    UNSET,
    Account,
    AccountPlan,
    AggregatePoint,
    ApplyStep,
    BulkReport,
    BulkRun,
    BulkStoppedError,
    Chunk,
    ChunkBackup,
    ConfigurationParameter,
    Connector,
    ConnectorCreate,
    ConnectorCreated,
    ConnectorEdit,
    Created,
    DataBackup,
    DataBatch,
    DataCreate,
    DataEdit,
    DataPoint,
    DataQuery,
    Device,
    DeviceChange,
    DeviceCreate,
    DeviceCreated,
    DeviceEdit,
    DeviceFilter,
    DeviceStatistic,
    DeviceToken,
    DeviceTokenCreate,
    Done,
    Failed,
    HardLimits,
    InDoubt,
    InputError,
    Network,
    NetworkCreate,
    NetworkCreated,
    NetworkEdit,
    NetworkToken,
    NetworkTokenCreate,
    NetworkTokenCreated,
    Outcome,
    ParameterChange,
    Pending,
    Profile,
    ProfileInfo,
    ProfileSummary,
    RateLimitedError,
    RedisLedger,
    RequestError,
    ResourceLimitError,
    RetryPolicy,
    Rotation,
    Secret,
    ServiceError,
    ServiceToken,
    ServiceTokenCreate,
    ServiceTokenCreated,
    SqliteLedger,
    Tag,
    TagChanges,
    Tago,
    TagoDevice,
    TagoError,
    TokenCreate,
    TokenCreated,
    TokenFilter,
    TokenInfo,
    Unset,
    WaitTooLongError,
)
from tagodev._limits.snapshot import ClockState, RouteState
from tagodev._resources.listing import Listing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tagodev.events import Event


# --- a client ----------------------------------------------------------------------------------


def heard(event: Event) -> None:
    """Hear what happens inside."""
    del event


async def settings() -> None:
    """Every kind of plan, ledger and token that a client takes."""
    Tago()
    Tago("p-...", region="eu-w1", plan="auto")
    Tago(Secret("p-..."), plan="free", pacing="steady", cold_start="next-window")
    Tago("p-...", plan="starter", ledger=SqliteLedger(Path("site.ledger"), processes=2))
    Tago("p-...", plan="scale", ledger=RedisLedger("redis://10.0.0.5/0"), share=0.5)
    Tago("p-...", plan=HardLimits.for_plan("scale").override("POST /device", 1200))
    Tago("p-...", api="http://127.0.0.1:8899", retry=RetryPolicy(attempts=2), on_event=heard)
    TagoDevice("8be7...", plan="scale", ssl=False)


async def entered(client: Tago, device: TagoDevice) -> None:
    """A client is entered as itself."""
    async with client as tago:
        assert_type(tago, Tago)
        assert_type(tago.base_url, str)
        assert_type(tago.limits.documented, HardLimits)
        assert_type(tago.limits.snapshot(), tuple[RouteState, ...])
        assert_type(tago.limits.clock(), ClockState | None)
    async with device as own:
        assert_type(own, TagoDevice)
        assert_type(await own.info(), Device)
        assert_type(await own.data.send(DataCreate("temperature", 21.5, unit="°C")), int)
        assert_type(await own.data.read(DataQuery(variables="temperature")), list[DataPoint])
        assert_type(await own.parameters.list(), list[ConfigurationParameter])


# --- one request -------------------------------------------------------------------------------


async def devices(tago: Tago) -> None:
    """What each call of ``tago.devices`` gives."""
    new = DeviceCreate(name="Cold room 3", tags=[Tag("site", "7")], active=True)
    created = await tago.devices.create(new)
    assert_type(created, DeviceCreated)
    assert_type(created.device_id, str)
    assert_type(created.token, Secret)
    assert_type(created.token.reveal(), str)

    device = await tago.devices.info(created.device_id)
    assert_type(device, Device)
    assert_type(device.tags, tuple[Tag, ...])
    assert_type(device.last_input, datetime | None)
    assert_type(await tago.devices.amount(device.id), int)
    assert_type(await tago.devices.statistics(device.id), list[DeviceStatistic])

    await tago.devices.edit(device.id, DeviceEdit(active=False, description=None))
    await tago.devices.delete(device.id)


async def options(tago: Tago) -> None:
    """What a call may say of itself."""
    await tago.devices.info("67e1...", priority="bulk")
    await tago.devices.info("67e1...", max_wait=2.0, timeout=None)
    tago.devices.list(priority="interactive", timeout=10)


async def lists(tago: Tago) -> None:
    """A list is iterated over, or collected."""
    wanted = DeviceFilter(tags=[Tag("client", "John")], active=True)
    listing = tago.devices.list(filter=wanted, fields=["name", "tags"], order_by="name,asc")
    assert_type(listing, Listing[Device])
    async for device in listing:
        assert_type(device, Device)
    async for page in listing.pages():
        assert_type(page, list[Device])
    assert_type([one.name async for one in tago.devices.list()], list[str])
    assert_type(await listing.first(), Device | None)
    assert_type(await listing.collect(10), list[Device])
    tokens = tago.tokens.list("67e1...", filter=TokenFilter(permission="write"))
    assert_type(tokens, Listing[DeviceToken])
    assert_type(await tokens.collect(), list[DeviceToken])
    assert_type(await tago.networks.list().collect(), list[Network])
    assert_type(await tago.connectors.list().collect(), list[Connector])


async def other_nouns(tago: Tago) -> None:
    """What the other resources give."""
    made = await tago.tokens.create("67e1...", TokenCreate("field", "write"))
    assert_type(made, TokenCreated)
    assert_type(made.token, Secret)
    assert_type(await tago.tokens.info(), TokenInfo)
    assert_type(await tago.tokens.resolve("0004A30B001C0530"), Secret)
    await tago.tokens.delete(made.token)

    assert_type(await tago.parameters.list("67e1...", sent=False), list[ConfigurationParameter])
    await tago.parameters.set("67e1...", [ConfigurationParameter("check_rate", "600")])

    assert_type(await tago.chunks.list("67e1..."), list[Chunk])
    assert_type(await tago.chunks.backup("67e1...", "c-1", "a.csv"), ChunkBackup)
    assert_type(await tago.tags.keys(), list[str])
    assert_type(await tago.networks.info("5fd1..."), Network)
    assert_type(await tago.connectors.info("5f5a..."), Connector)
    network = await tago.networks.create(NetworkCreate(name="Ours", device_parameters=[{}]))
    assert_type(network, NetworkCreated)
    await tago.networks.edit(network.network, NetworkEdit(description=None))
    connector = await tago.connectors.create(ConnectorCreate(name="Ours", networks=["5fd1..."]))
    assert_type(connector, ConnectorCreated)
    await tago.connectors.edit(connector.connector, ConnectorEdit(networks=("5fd1...",)))
    token = await tago.network_tokens.create("5fd1...", NetworkTokenCreate("server", "write"))
    assert_type(token, NetworkTokenCreated)
    assert_type(tago.network_tokens.list("5fd1..."), Listing[NetworkToken])
    authorization = await tago.service_tokens.create(ServiceTokenCreate("server"))
    assert_type(authorization, ServiceTokenCreated)
    await tago.service_tokens.edit(authorization.token, "1234")
    assert_type(await tago.service_tokens.list().first(), ServiceToken | None)
    assert_type(await tago.tokens.find("67e1...", "field"), DeviceToken)
    await tago.devices.send_downlink("67e1...", "01A0", port=2, confirmed=True)
    assert_type(await tago.profile.list(), list[ProfileInfo])
    assert_type(await tago.profile.info(), Profile)
    assert_type(await tago.profile.summary(), ProfileSummary)
    assert_type(await tago.account.info(), Account)
    assert_type(await tago.account.plan(), AccountPlan)


async def data(tago: Tago, points: AsyncIterator[DataCreate]) -> None:
    """What ``tago.data`` takes and gives."""
    query = DataQuery(variables=["temperature"], qty=10)
    assert_type(await tago.data.read("67e1...", query), list[DataPoint])
    assert_type(await tago.data.aggregate("67e1...", "avg", "hour", query), list[AggregatePoint])
    assert_type(await tago.data.count("67e1..."), int)
    assert_type(await tago.data.avg("67e1...", query), float | None)
    assert_type(await tago.data.sum("67e1...", query), float)
    async for point in tago.data.stream("67e1...", query):
        assert_type(point.value, str | int | float | bool | None)
    assert_type(await tago.data.send("67e1...", DataCreate("temperature", 21.5)), int)
    assert_type(await tago.data.send("67e1...", [DataCreate("door", value=True)]), int)
    assert_type(await tago.data.send("67e1...", points, token="8be7..."), int)
    assert_type(await tago.data.edit("67e1...", DataEdit("6a01...", 20.0)), int)
    assert_type(await tago.data.delete("67e1...", query), int)
    assert_type(await tago.data.backup("67e1...", "/a.csv"), DataBackup)


# --- many rows ---------------------------------------------------------------------------------


async def runs(tago: Tago, specs: AsyncIterator[DeviceCreate]) -> None:
    """A run is awaited for its report; its rows come from anything that can be iterated over."""
    report = await tago.devices.create_many(specs, journal=Path("site-7.journal"), ordered=True)
    assert_type(report, BulkReport)
    assert_type(report.done, int)
    assert_type(report.failures, tuple[Failed | InDoubt, ...])
    assert_type(report.stopped, TagoError | None)

    batch = DataBatch("67e1...", [DataCreate("temperature", 21.5)])
    begun = (
        tago.devices.create_many((DeviceCreate(name=f"d{n}") for n in range(3)), on_error="stop"),
        tago.devices.edit_many(
            [
                DeviceChange(
                    "67e1...",
                    DeviceEdit(active=False),
                    tags=TagChanges(set=[Tag("site", "7")], remove=["room"]),
                )
            ]
        ),
        tago.devices.delete_many({"67e1..."}, max_failures=3),
        tago.devices.apply_many(None, journal="a.journal"),
        tago.tokens.create_many([DeviceTokenCreate("67e1...", TokenCreate("field"))]),
        tago.tokens.rotate_many([Rotation("67e1...")], allow_gap=True),
        tago.parameters.set_many([ParameterChange("67e1...", [ConfigurationParameter("a", "b")])]),
        tago.data.send_many([batch]),
        tago.resume("site-7.journal", patience=60.0),
    )
    assert_type(
        begun,
        tuple[
            BulkRun[DeviceCreate],
            BulkRun[DeviceChange],
            BulkRun[str],
            BulkRun[ApplyStep],
            BulkRun[DeviceTokenCreate],
            BulkRun[Rotation],
            BulkRun[ParameterChange],
            BulkRun[DataBatch],
            BulkRun[Any],
        ],
    )


async def watched(tago: Tago, specs: Sequence[DeviceCreate]) -> BulkReport:
    """A run is entered as itself, and gives its outcomes, of which there are four kinds."""
    async with tago.devices.create_many(specs, settle=10) as run:
        assert_type(run.report, BulkReport)
        async for outcome in run:
            assert_type(outcome, Done | Failed | InDoubt | Pending)
            told(outcome)
        run.stop(InputError("enough", path="specs"))
        return run.report


def told(outcome: Outcome) -> str:
    """Tell of an outcome; a checker sees that no kind is left out."""
    match outcome:
        case Created():
            assert_type(outcome.item, DeviceCreate)
            assert_type(outcome.adopted, bool)
            return outcome.result.device_id
        case Done():
            return str(outcome.attempts)
        case Failed() | InDoubt():
            assert_type(outcome.error, TagoError)
            return str(outcome.error)
        case Pending():
            return str(outcome.index)
        case _:
            assert_never(outcome)


# --- failures ----------------------------------------------------------------------------------


async def failures(tago: Tago) -> None:
    """What each error knows."""
    try:
        await tago.devices.create(DeviceCreate(name="Cold room 3"), max_wait=1)
    except WaitTooLongError as error:
        assert_type(error.max_wait, float)
        assert_type(error.least, float | None)
    except ResourceLimitError as error:
        assert_type(error.resource, str)
    except RateLimitedError as error:
        assert_type(error.status, int)
    except ServiceError as error:
        assert_type(error.service_message, str)
    except RequestError as error:
        assert_type(error.may_have_acted, bool)
        assert_type(error.attempts, int)
    except InputError as error:
        assert_type(error.line, int | None)
    except BulkStoppedError as error:
        assert_type(error.report, BulkReport)
        assert_type(error.reason, TagoError)
    except TagoError as error:
        assert_type(error.message, str)
        assert_type(error.hint, str)


def left_out(edit: DeviceEdit) -> str | None:
    """What is left out is no text, and checkers insist on a look."""
    assert_type(edit.name, str | Unset)
    if edit.name is UNSET:
        return None
    assert_type(edit.name, str)
    return edit.name


# --- what is refused ---------------------------------------------------------------------------
# Both checkers say so when one of these is no mistake any more.


async def mistakes(tago: Tago, specs: list[DeviceCreate]) -> None:
    """What a checker finds before the program runs."""
    Tago("p-...", plan="gold")  # type: ignore[arg-type]
    Tago("p-...", pacing="fast")  # type: ignore[arg-type]
    HardLimits.for_plan("auto")  # type: ignore[arg-type]
    DeviceCreate("Cold room 3", "5fd1...")  # type: ignore[call-arg]
    DeviceCreate(name=3)  # type: ignore[arg-type]
    await tago.devices.info("67e1...", priority="urgent")  # type: ignore[arg-type]
    await tago.devices.info("67e1...", wait=3)  # type: ignore[call-arg]
    await tago.devices.create_many(specs, identity="colour")  # type: ignore[arg-type]
    await tago.devices.create_many([Tag("a", "b")])  # type: ignore[list-item]
    await tago.devices.delete_many(specs)  # type: ignore[arg-type]
    await tago.devices.create_many(specs, on_error="ignore")  # type: ignore[arg-type]
    tago.devices.list()[0]  # type: ignore[index]
    for _ in tago.devices.list():  # type: ignore[attr-defined]
        pass
    (await tago.devices.info("67e1...")).name = "other"  # type: ignore[misc]
    (await tago.devices.info("67e1...")).colour  # type: ignore[attr-defined]
