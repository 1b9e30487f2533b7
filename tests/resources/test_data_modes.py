"""Every way to ask for data, by the device's id and by its own token, against a plain reckoning."""

from __future__ import annotations

import operator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, get_args

import pytest

from tagodev import DataCreate, DataQuery, DeviceCreate, Location, TagoDevice
from tagodev._models.data_query import Aggregation, Comparison, Interval, PointMode
from tagodev.emulator import Emulator
from tests.support.clients import PLENTY, client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

START: Final = datetime(2026, 3, 1, tzinfo=UTC)
HERE: Final = Location(35.5, -78.25)
WAYS: Final = pytest.mark.parametrize("way", ["by id", "own token"])


def at(days: float, value: Any, **fields: Any) -> DataCreate:
    """Return a register of one variable."""
    return DataCreate("t", value, time=START + timedelta(days=days), **fields)


#: In the order of their arrival, which is not that of their time. All but one have a value.
POINTS: Final = (
    at(3, 7, group="g2"),
    at(0, 5, location=HERE),
    DataCreate("t", time=START + timedelta(days=9)),
    at(8, "text", group="g2"),
    at(5, -2.5, location=HERE),
    at(4, 7),
)
VALUED: Final = sorted((one for one in POINTS if one.value), key=operator.attrgetter("time"))
PLACED: Final = [one for one in VALUED if one.location]
NUMBERS: Final = [one for one in VALUED if isinstance(one.value, (int, float))]
OF_MODE: Final[dict[str, DataCreate]] = {
    "last_item": POINTS[2],
    "first_item": VALUED[0],
    "last_value": VALUED[-1],
    "first_value": VALUED[0],
    "last_location": PLACED[-1],
    "first_location": PLACED[0],
    "last_insert": POINTS[-1],
    "first_insert": POINTS[0],
    "min": POINTS[4],
    "max": POINTS[0],
}
SPAN: Final = DataQuery(
    variables="T", start_date=START, end_date=START + timedelta(days=20), qty=100
)


@asynccontextmanager
async def asked(way: str) -> AsyncIterator[Callable[..., Any]]:
    """Give what makes a call for data of a device that holds the registers."""
    async with Emulator() as emulator, client(emulator.url, token=emulator.token) as tago:
        made = await tago.devices.create(DeviceCreate(name="x"))
        for one in POINTS:
            await tago.data.send(made.device_id, one, token=made.token)
        await tago.data.send(made.device_id, DataCreate("other", 1e6), token=made.token)
        if way == "by id":
            yield lambda name, *args, **given: getattr(tago.data, name)(
                made.device_id, *args, **given
            )
            return
        async with TagoDevice(made.token, api=tago.base_url, plan=PLENTY) as device:
            yield lambda name, *args, **given: getattr(device.data, name)(*args, **given)


@WAYS
async def test_every_mode_that_gives_registers(way: str) -> None:
    """One register of the variable, by its time, its arrival, or what it holds."""
    assert OF_MODE.keys() == set(get_args(PointMode))
    async with asked(way) as ask:
        for mode, expected in OF_MODE.items():
            (point,) = await ask("read", DataQuery(variables="t", start_date=START), mode=mode)
            assert (mode, expected.time) == (mode, point.time)


@WAYS
async def test_every_comparison(way: str) -> None:
    """Numbers compare as numbers; text and what has no value are none."""
    compare: dict[str, Callable[[Any, Any], bool]] = {
        **{name: getattr(operator, name) for name in ("gt", "lt", "eq", "ne")},
        "gte": operator.ge,
        "lte": operator.le,
    }
    assert compare.keys() == set(get_args(Comparison))
    async with asked(way) as ask:
        for name, holds in compare.items():
            found = await ask("conditional", name, 5, SPAN)
            expected = [one.time for one in NUMBERS if holds(one.value, 5)][::-1]
            assert (name, expected) == (name, [point.time for point in found])


@WAYS
async def test_every_aggregation(way: str) -> None:
    """Each interval comes to what its numbers come to; one without any is left out."""
    ways: dict[str, Callable[[list[Any]], float]] = {
        "avg": lambda values: sum(values) / len(values),
        "sum": sum,
        "min": min,
        "max": max,
    }
    begins: dict[str, Callable[[datetime], datetime]] = {
        "minute": lambda time: time,
        "hour": lambda time: time,
        "day": lambda time: time,
        "month": partial(datetime.replace, day=1),
        "quarter": partial(datetime.replace, day=1, month=1),
        "year": partial(datetime.replace, day=1, month=1),
    }
    assert ways.keys() == set(get_args(Aggregation))
    assert begins.keys() == set(get_args(Interval))
    async with asked(way) as ask:
        for function, amount in ways.items():
            for interval, begin in begins.items():
                spans: dict[datetime, list[Any]] = {}
                for one in NUMBERS:
                    assert isinstance(one.time, datetime)
                    spans.setdefault(begin(one.time), []).append(one.value)
                found = await ask("aggregate", function, interval, SPAN)
                assert {time: amount(values) for time, values in spans.items()} == {
                    point.time: pytest.approx(point.value) for point in found
                }


@WAYS
async def test_every_number(way: str) -> None:
    """How many there are, and what they come to."""
    values: list[Any] = [one.value for one in NUMBERS]
    async with asked(way) as ask:
        assert len(POINTS) == await ask("count", SPAN)
        assert len(POINTS) + 1 == await ask("count")
        assert sum(values) == await ask("sum", SPAN)
        assert sum(values) / len(values) == await ask("avg", SPAN)


@WAYS
async def test_every_condition(way: str) -> None:
    """Variables, groups, values, ids, spans, order, how many and from which on."""
    moments = sorted((one.time for one in POINTS), key=str)
    async with asked(way) as ask:

        async def times(**conditions: Any) -> list[Any]:
            query = DataQuery(**{"variables": ["t"], "qty": 100, **conditions})
            return [point.time for point in await ask("read", query)]

        assert moments[::-1] == await times()
        assert moments == await times(ordination="ascending")
        assert moments[1:3] == await times(ordination="ascending", skip=1, qty=2)
        assert [POINTS[3].time, POINTS[0].time] == await times(groups="g2")
        assert [POINTS[5].time, POINTS[0].time] == await times(values=7)
        assert [POINTS[3].time] == await times(values=["text", "none"])
        assert moments[2:4][::-1] == await times(start_date=moments[2], end_date=moments[3])
        assert [POINTS[0].time] == await times(start_date="2026-03-04", end_date="2026-03-04")
        ids = [point.id for point in await ask("read", DataQuery(qty=2))]
        assert 2 == len(await ask("read", DataQuery(ids=ids)))
        (point,) = await ask("read", DataQuery(ids=ids[:1], details=True))
        assert point.created_at is not None
        assert len(POINTS) + 1 == len([point async for point in ask("stream", page_size=2)])
