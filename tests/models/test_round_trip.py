"""What goes out comes back: for every model, whatever it holds."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import attrs
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tagodev._models
from tagodev import UNSET
from tagodev._device_fields import DeviceField
from tagodev._models.data import Affected, Total
from tagodev._models.fields import Answer
from tagodev._serialization.converter import from_wire, to_json, to_wire
from tests.support.examples import examples
from tests.support.strategies import MODELS

EVERY = pytest.mark.parametrize("cls", MODELS, ids=lambda cls: cls.__name__)


#: Bases of models, and the table of fields.
NO_MODELS = {Answer, DeviceField}
#: What stands for a plain number of the service's in an answer, and is never written.
NUMBERS = {Affected, Total}


def test_every_model_has_a_strategy() -> None:
    """A model that is added to any module of models is exported, and tested here too."""
    modules = [
        import_module(f"tagodev._models.{one.name}")
        for one in iter_modules(tagodev._models.__path__)
    ]
    written = {
        cls
        for module in modules
        for cls in vars(module).values()
        if isinstance(cls, type) and attrs.has(cls) and cls.__module__ == module.__name__
    }
    exported = {getattr(tagodev._models, name) for name in tagodev._models.__all__}

    written = {cls for cls in written - NO_MODELS if not cls.__name__.startswith("_")}

    assert written == set(MODELS) | NUMBERS
    assert {cls for cls in exported if attrs.has(cls)} == set(MODELS)


@EVERY
@given(data=st.data())
def test_round_trip(cls: type, data: st.DataObject) -> None:
    """Reading what was written gives the same model, through plain data and through bytes."""
    model = data.draw(MODELS[cls])

    assert model == from_wire(to_wire(model), cls)
    assert model == from_wire(orjson.loads(to_json(model)), cls)


@EVERY
@given(data=st.data())
def test_unset_is_never_on_the_wire(cls: type, data: st.DataObject) -> None:
    """A field is on the wire exactly if it is set; null stands for None and nothing else."""
    model: Any = data.draw(MODELS[cls])
    wire = to_wire(model)

    for field in attrs.fields(cls):
        value = getattr(model, field.name)
        if field.name != "extra":
            assert (value is not UNSET) == (field.name in wire)
            assert (value is None) == (wire.get(field.name, "") is None)


@EVERY
@settings(max_examples=examples(5))
@given(data=st.data())
def test_models_are_values(cls: type, data: st.DataObject) -> None:
    """A model is frozen and slotted, and equal to its copy."""
    model: Any = data.draw(MODELS[cls])
    name = attrs.fields(cls)[0].name

    assert model == attrs.evolve(model)
    assert not hasattr(model, "__dict__")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(model, name, getattr(model, name))
