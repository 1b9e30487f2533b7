"""The quick way to a model: it reads what the careful way reads, and refuses what that refuses."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagodev._serialization.converter import _careful, _fast, to_wire
from tests.support.strategies import MODELS

EVERY = pytest.mark.parametrize("cls", MODELS, ids=lambda cls: cls.__name__)

#: Anything that JSON can say.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-1, 1) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


def read(converter: Any, value: Any, cls: type) -> Any:
    """Return what a converter makes of a value, or that it refuses it."""
    try:
        return converter.structure(value, cls)
    except Exception:  # noqa: BLE001  (whatever it is, it is a refusal)
        return "refused"


@EVERY
@settings(max_examples=50)
@given(data=st.data())
def test_both_ways_read_the_same(cls: type, data: st.DataObject) -> None:
    """A model's own wire form, with any field spoilt, is one model to both, or none."""
    wire = to_wire(data.draw(MODELS[cls]))
    if isinstance(wire, dict) and wire and data.draw(st.booleans()):
        wire = {**wire, data.draw(st.sampled_from(sorted(wire))): data.draw(JSON)}

    assert read(_careful, wire, cls) == read(_fast, wire, cls)


@EVERY
@settings(max_examples=50)
@given(value=JSON)
def test_both_ways_refuse_the_same(cls: type, value: Any) -> None:
    """Anything that is no model at all is none to both."""
    assert read(_careful, value, cls) == read(_fast, value, cls)


@EVERY
@settings(max_examples=5)
@given(data=st.data())
def test_what_was_read_is_frozen(cls: type, data: st.DataObject) -> None:
    """However it was put together, it is the model's own, and nothing of it changes."""
    made = read(_fast, to_wire(data.draw(MODELS[cls])), cls)

    assert type(made) is cls
    for field in attrs.fields(cls):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(made, field.name, None)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            delattr(made, field.name)
