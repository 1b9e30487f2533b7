"""Bodies of successful answers in their variants."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev.emulator._http.answers import AnswerWriter
from tagodev.emulator._routes import ROUTES

DATES = st.sampled_from(["2026-11-30T13:44:33.120Z", "1970-01-01T00:00:00.000Z"])
TEXTS = st.text() | st.sampled_from(["", "0", "12", "-1", "0012", "9" * 15, "9" * 16, "1.5"])
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e6, 1e6) | TEXTS
TAGS = st.lists(st.fixed_dictionaries({"key": TEXTS, "value": TEXTS}))
#: Fields that the emulator itself writes, and others.
OBJECTS = st.builds(
    lambda dated, more: {**more, **dated},
    st.fixed_dictionaries(
        {},
        optional={
            "tags": TAGS,
            "created_at": DATES,
            "updated_at": DATES,
            "last_input": st.none() | DATES,
            "expire_time": st.none() | DATES,
            "bucket": SCALARS,
        },
    ),
    st.dictionaries(st.sampled_from(["id", "name", "value", "amount", "rpm"]), SCALARS),
)
RESULTS = SCALARS | OBJECTS | st.lists(OBJECTS) | st.lists(TEXTS)


def plain(value: Any) -> Any:
    """Return what a tolerant reader makes of a value: texts, and no dates, nulls or additions."""
    if isinstance(value, dict):
        kept = value.keys() - {
            *("comment", "created_at", "updated_at", "last_input", "expire_time", "bucket"),
        }
        return {name: plain(value[name]) for name in kept}
    if isinstance(value, list):
        items = [plain(item) for item in value if item not in (None, "")]
        return [item for item in items if item != {"key": "odd", "value": ""}]
    return "" if value is None else value if isinstance(value, bool) else str(value)


@given(RESULTS)
def test_without_variants_an_answer_is_what_it_is(result: Any) -> None:
    """The result is in the envelope."""
    body = AnswerWriter(()).write("GET /device", result)
    assert {"status": True, "result": result} == orjson.loads(body)


@given(RESULTS)
def test_odd_values_mean_the_same(result: Any) -> None:
    """Another form loses nothing, and a strict parser refuses every object."""
    body = AnswerWriter({"odd-values"}).write("GET /device", result)

    assert plain(result) == plain(json.loads(body)["result"])
    if b'"comment"' in body:
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(body)
    assert body.isascii()


@given(OBJECTS)
def test_odd_values_are_odd(result: dict[str, Any]) -> None:
    """Every field that has another form has it."""
    read = json.loads(AnswerWriter({"odd-values"}).write("GET /device", result))["result"]

    assert "\ud800" == read["comment"]
    for name, value in result.items():
        if name == "bucket":
            assert read[name] is None
        elif name == "tags":
            assert read[name][0] is None
            assert len(read[name]) > 1
        elif name in {"created_at", "updated_at", "expire_time"}:
            assert value != read[name]
        elif isinstance(value, int | float) and not isinstance(value, bool):
            assert isinstance(read[name], str)


@pytest.mark.parametrize(("value", "kind"), [(1, int), ("1", str), ("", str), (0.5, float)])
def test_values_of_data_keep_their_types(value: Any, kind: type) -> None:
    """With data, the type of a value is part of its meaning."""
    point = {"variable": "v", "value": value, "time": "2026-11-30T13:44:33.120Z"}
    (read,) = json.loads(AnswerWriter({"odd-values"}).write("GET /data", [point]))["result"]
    assert type(read["value"]) is kind


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.key)
@pytest.mark.parametrize("result", ["Successfully Updated", "3 Data Removed", {"id": "0"}, 3, []])
def test_only_confirmations_are_omitted(route: Any, result: Any) -> None:
    """A result that says more than that it is done stays; so does any that was asked for."""
    writer = AnswerWriter({"no-result", "odd-values"})
    first, second = (json.loads(writer.write(route.key, result)) for _ in range(2))

    if result == "Successfully Updated" and route.method != "GET":
        assert {"status": True} == first
        assert {"status": True, "message": result} == second
    else:
        assert {"status", "result"} == first.keys() == second.keys()
