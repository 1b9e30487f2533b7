"""What the service is documented to answer is read, and nothing of it is lost."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import attrs
import orjson
import pytest

from tagodev import Profile, ProfileSummary, SoftLimits
from tagodev._serialization.converter import _ALIASES, from_wire, to_json, to_wire
from tests.support.documented import DOCUMENTED, PROFILE, SUMMARY
from tests.support.strategies import MODELS

EVERY = pytest.mark.parametrize(("cls", "answer"), DOCUMENTED.values(), ids=DOCUMENTED)
NEWS: dict[str, Any] = {"x_new": None, "x_newer": {"a": [1, {"b": "c"}]}, "extra": 5}


def objects(value: Any) -> list[dict[str, Any]]:
    """Return every object in an answer that is not a plain pair of key and value."""
    found: list[dict[str, Any]] = []
    if isinstance(value, dict):
        if value.keys() != {"key", "value"}:
            found.append(value)
        found += [one for inner in value.values() for one in objects(inner)]
    if isinstance(value, list):
        found += [one for inner in value for one in objects(inner)]
    return found


def missing(expected: Any, actual: Any, path: str = "") -> list[str]:
    """Return the paths at which an answer says something that is not written again."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return [
            lost
            for key, value in expected.items()
            for lost in missing(value, actual.get(key, "left out"), f"{path}.{key}")
        ]
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        pairs = enumerate(zip(expected, actual, strict=True))
        return [lost for n, (one, other) in pairs for lost in missing(one, other, f"{path}[{n}]")]
    return [] if expected == actual else [path]


def parts(hint: Any) -> set[type]:
    """Return the models that an annotation is made of, and theirs."""
    if isinstance(hint, type) and attrs.has(hint):
        fields = get_type_hints(hint).values()
        return {hint, *(part for field in fields for part in parts(field))}
    return {part for arg in get_args(hint) for part in parts(arg)}


def test_every_model_that_is_read_has_an_answer() -> None:
    """A model that keeps what it does not know is shown an answer below, itself or as a part."""
    shown = {part for cls, _ in DOCUMENTED.values() for part in parts(cls)}

    assert {cls for cls in MODELS if "extra" in attrs.fields_dict(cls)} <= shown


@EVERY
def test_nothing_is_lost(cls: type, answer: dict[str, Any]) -> None:
    """What was read is written again as it came."""
    assert [] == missing(answer, to_wire(from_wire(answer, cls)))


@EVERY
def test_what_is_documented_is_known_or_kept(cls: type, answer: dict[str, Any]) -> None:
    """Reading what was written gives the same model."""
    model: Any = from_wire(answer, cls)

    assert model == from_wire(orjson.loads(to_json(model)), cls)


@EVERY
def test_news_are_kept_wherever_they_stand(cls: type, answer: dict[str, Any]) -> None:
    """A field that nobody knows yet comes through in every object of the answer."""
    answer = orjson.loads(orjson.dumps(answer))
    for one in objects(answer):
        one.update(NEWS)
    wire = to_wire(from_wire(answer, cls))

    assert NEWS.items() <= wire.items()
    assert [] == missing(answer, wire)


@EVERY
def test_news_are_not_shown(cls: type, answer: dict[str, Any]) -> None:
    """What nobody knows may be a secret."""
    assert "hush-hush" not in repr(from_wire({**answer, "x_new": "hush-hush"}, cls))


@pytest.mark.parametrize(
    ("cls", "other", "name"),
    [(cls, other, name) for cls, names in _ALIASES.items() for other, name in names.items()],
)
def test_other_names_are_folded(cls: type, other: str, name: str) -> None:
    """Where sources disagree on a name, both are read as the one."""
    answer = next(
        answer for known, answer in DOCUMENTED.values() if known is cls and name in answer
    )
    renamed = {other if key == name else key: value for key, value in answer.items()}

    assert from_wire(answer, cls) == from_wire(renamed, cls)
    assert other not in to_wire(from_wire(renamed, cls))


def test_a_profile_says_what_its_limits_follow_from() -> None:
    """The plan is the owner's, soft limits are the profile's, add-ons its own."""
    profile = from_wire(PROFILE, Profile)

    assert "starter" == profile.plan
    assert profile.control_tower is True
    assert SoftLimits(data_input=98283293, data_output=10) == profile.rpm
    assert (350000, 132) == (profile.allocation.input, profile.allocation.file_storage)


def test_a_profile_may_say_less() -> None:
    """What it is must be there; that is all."""
    profile = from_wire({"info": {"id": "61fac4d9a5c9f40012a5ff92"}}, Profile)

    assert (None, None, False) == (profile.plan, profile.rpm, profile.control_tower)


def test_a_summary_counts_devices() -> None:
    """How many devices there are is what a plan's cap is held against."""
    summary = from_wire(SUMMARY, ProfileSummary)

    assert 79 == summary.devices
    assert (43463, 49.89) == (summary.limit_used.input, summary.limit_used.file_storage)
    assert 65 == summary.limit_used.extra["dashboard_output"]
    assert from_wire({}, ProfileSummary).devices is None
