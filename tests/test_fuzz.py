"""Whatever the service answers, a call gives a value or a `TagoError`, and shows no token.

Real answers of the emulator to every call are spoilt by a seeded mutator, hundreds for each, and
put in the place of what the transport would have brought; `tests/support/examples.py` makes more.
Everything above it is real, waits and retries included, in a loop whose clock jumps.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from tagodev import RetryPolicy, TagoError
from tagodev._plan_detection import detect_plan
from tagodev._transport import Answer
from tagodev.emulator import Emulator, EmulatorOptions
from tests.limits.jumping import run_virtually
from tests.support.calls import CALLS, Stock, acting, methods, stocked
from tests.support.clients import TOKEN
from tests.support.examples import examples
from tests.support.exchanges import exchanging, recording
from tests.support.mutations import Mutator
from tests.support.strategies import json_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagodev._transport import Request
    from tests.support.calls import Actors, Call

ANALYSIS_TOKEN: Final = "a-7d4f7c66-5a3e-4d0b-8a51-0f2b9a6c3d18"
NETWORK_TOKEN: Final = "n-0c5b64bd-8e2a-4a53-9d21-5f31a3a0b8e4"
DEVICE_TOKEN: Final = "5d0e0f5e-3f0c-4f3c-8a3f-6b7d1c2e9a10"
TOKENS: Final = {
    "profile": TOKEN,
    "analysis": ANALYSIS_TOKEN,
    "network": NETWORK_TOKEN,
    "device": DEVICE_TOKEN,
}
SECRETS: Final = tuple(TOKENS.values())
#: Answers that each call is given; 100,000 in all where there are five times as many examples.
ANSWERS: Final = examples(300)

#: What can't be called without more, and where it is tested instead.
ELSEWHERE: Final = {
    "tago.resume": "begins a run from a journal: the runs themselves are here",
    "tago.settle": "the same, and looks only",
    "tago.target": "takes any answer for an unknown profile: tests/test_session.py",
}


def _plan(actors: Actors, _: Stock) -> Any:
    """Ask for the plan, as a client does that opens with ``plan="auto"``."""
    return detect_plan(actors.tago._session)


EVERY: Final[Mapping[str, Call]] = {**CALLS, "opening": _plan}


def test_every_method_is_fuzzed() -> None:
    """A new method is put into the table of calls."""
    assert {*methods()} == {*ELSEWHERE, *(name.split()[0] for name in CALLS)}


@pytest.fixture(scope="module")
def answers() -> dict[str, list[Answer]]:
    """Give what the emulator answered, route by route, when every call was made once."""
    found: defaultdict[str, dict[tuple[int, int], Answer]] = defaultdict(dict)

    async def record() -> None:
        async with Emulator(EmulatorOptions(unlimited=True, seed=1)) as emulator:
            for call in EVERY.values():
                emulator.reset()
                async with stocked(emulator.url, emulator.tokens_by_kind) as (actors, stock):
                    with recording() as recorded:
                        await call(actors, stock)
                for request, answer in recorded:
                    # Bodies of one length tell the same, with other ids.
                    alike = (answer.status, len(answer.body))
                    found[request.route.name][alike] = answer

    asyncio.run(record())
    return {route: [*different.values()] for route, different in found.items()}


async def value_or_error(call: Call, actors: Actors) -> None:
    """Make a call; whatever it gives or raises on purpose can be shown without a token."""
    try:
        value = await call(actors, Stock())
    except TagoError as error:
        shown = f"{error} {error!r}"
        assert not any(secret in shown for secret in SECRETS), shown
    else:
        repr(value)


@pytest.mark.parametrize("name", EVERY)
def test_spoilt_answers(name: str, answers: dict[str, list[Answer]]) -> None:
    """Real answers with something wrong in them, hundreds for each call."""
    rng = random.Random(name)
    mutator = Mutator(rng, SECRETS)
    given = 0

    async def exchange(request: Request) -> Answer:
        nonlocal given
        given += 1
        return mutator.spoil(rng.choice(answers[request.route.name]))

    async def calls() -> None:
        async with acting("http://127.0.0.1:9", TOKENS, retry=RetryPolicy()) as actors:
            while given < ANSWERS:
                await value_or_error(EVERY[name], actors)

    with exchanging(exchange):
        run_virtually(calls())


bodies = st.binary(max_size=200) | json_values.map(orjson.dumps)
envelopes = st.fixed_dictionaries(
    {"status": st.booleans() | json_values, "result": json_values},
    optional={"message": json_values, "field_errors": json_values},
).map(orjson.dumps)
headers = st.dictionaries(
    st.sampled_from(["Date", "Retry-After", "Content-Type"]),
    st.text(max_size=30) | st.integers().map(str),
)
any_answers = st.builds(
    lambda status, body, fields: Answer(status, body, CIMultiDict(fields)),
    st.sampled_from([200, 201, 400, 401, 404, 429, 500]) | st.integers(0, 999),
    bodies | envelopes,
    headers,
)


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=examples(10))
@given(st.lists(any_answers, min_size=1, max_size=4))
def test_any_answers(name: str, script: list[Answer]) -> None:
    """Any bytes, any JSON, any status and any headers, the last of them for ever."""

    async def exchange(_: Request) -> Answer:
        return script.pop(0) if len(script) > 1 else script[0]

    async def call() -> None:
        async with acting("http://127.0.0.1:9", TOKENS, retry=RetryPolicy()) as actors:
            await value_or_error(EVERY[name], actors)

    with exchanging(exchange):
        run_virtually(call())
