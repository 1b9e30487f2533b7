"""The registry of operations: what each says of itself is complete and true."""

from __future__ import annotations

from importlib import import_module
from operator import attrgetter
from pkgutil import iter_modules
from typing import Any

import pytest

import tagodev._bulk.operations
from tagodev import Done, HardLimits, Tago
from tagodev._bulk.operations.base import Operation
from tagodev._bulk.operations.registry import OPERATIONS, operation_of

PACKAGE = tagodev._bulk.operations


def defined() -> dict[str, Any]:
    """Return every operation that a module of the package defines, by its name in journals."""
    modules = [
        import_module(f"{PACKAGE.__name__}.{one.name}") for one in iter_modules(PACKAGE.__path__)
    ]
    classes = {cls for module in modules for cls in vars(module).values() if isinstance(cls, type)}
    return {cls.kind: cls for cls in classes if issubclass(cls, Operation) and hasattr(cls, "kind")}


def test_every_operation_is_registered() -> None:
    """A journal of any operation can be resumed and reported."""
    assert defined() == dict(OPERATIONS)


@pytest.mark.parametrize("kind", OPERATIONS)
def test_an_operation_describes_itself(kind: str) -> None:
    """It has items of a class, a noun, an outcome of its own, and a route with a limit."""
    operation = OPERATIONS[kind]

    assert isinstance(operation.item_type, type)
    assert Operation.noun != operation.noun
    assert issubclass(operation.outcome, Done)
    assert Done is not operation.outcome
    method, _, path = operation.route.partition(" ")
    assert method in ("POST", "PUT", "DELETE")
    assert path.startswith("/")
    assert HardLimits.for_plan("scale").limit(operation.route) > 0


@pytest.mark.parametrize("kind", OPERATIONS)
async def test_its_method_starts_it(kind: str) -> None:
    """`Tago.resume` and the command line start a run by the method that the operation names."""
    async with Tago("p-1", api="http://127.0.0.1:1", plan="free", ledger=None) as tago:
        run = attrgetter(OPERATIONS[kind].method)(tago)([])

        assert type(run._operation) is OPERATIONS[kind]


def test_outcomes_belong_to_one_operation() -> None:
    """Results of two operations are never taken for each other."""
    assert len(OPERATIONS) == len({one.outcome for one in OPERATIONS.values()})


def test_results_with_tokens_are_known() -> None:
    """A warning precedes an export of tokens."""
    expected = {"apply_devices", "create_devices", "create_tokens", "rotate_tokens"}

    assert expected == {kind for kind, one in OPERATIONS.items() if one.has_tokens}


def test_an_unknown_operation_has_general_terms() -> None:
    """The journal of another version is reported in terms that fit any operation."""
    operation = operation_of("paint_devices")

    assert ("rows", "done", "", False) == (
        *(operation.noun, operation.outcome.status),
        *(operation.route, operation.has_tokens),
    )
