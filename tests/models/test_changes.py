"""Rows of bulk runs: what they refuse, before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from tagodev import (
    ApplyStep,
    ConfigurationParameter,
    DataBatch,
    DataCreate,
    DeviceCreate,
    DeviceEdit,
    InputError,
    ParameterChange,
    Rotation,
    Secret,
)

POINT = DataCreate("temperature", 21.5)
PARAMETER = ConfigurationParameter("check_rate", "600")


@pytest.mark.parametrize(
    ("path", "points"),
    [("points", []), ("points", [POINT] * 1001), ("points[1]", [POINT, {"variable": "x"}])],
)
def test_a_batch_is_of_registers(path: str, points: Any) -> None:
    """It holds 1 to 1,000 registers, and nothing else; which one is wrong is said."""
    with pytest.raises(InputError) as caught:
        DataBatch("67e1", points)

    assert path == caught.value.path


def test_batches_take_any_iterable() -> None:
    """Registers may come from a generator, up to a thousand of them."""
    assert (POINT, POINT) == DataBatch("67e1", (POINT for _ in range(2))).points
    assert 1000 == len(DataBatch("67e1", [POINT] * 1000).points)


def test_a_rotation_keeps_its_token_to_itself() -> None:
    """A token may be given as text, and is not shown."""
    rotation = Rotation("67e1", "8be70d95-0dbc-4e16-89b6-b23b077d05e5")

    assert isinstance(rotation.token, Secret)
    assert "0dbc" not in repr(rotation)
    assert Rotation("67e1").token is None


def test_parameters_are_kept_in_order() -> None:
    """Any iterable of parameters becomes a tuple."""
    assert (PARAMETER,) == ParameterChange("67e1", iter([PARAMETER])).parameters


@pytest.mark.parametrize(
    ("path", "step"),
    [
        # Neither a device to be made nor one that is there; or both.
        ("device_id", {}),
        ("device_id", {"create": DeviceCreate(name="x"), "device_id": "67e1"}),
        # Nothing to do with a device; or to change what is to go.
        ("delete", {"device_id": "67e1"}),
        ("delete", {"device_id": "67e1", "delete": True, "edit": DeviceEdit(active=False)}),
        ("delete", {"device_id": "67e1", "delete": True, "parameters": (PARAMETER,)}),
    ],
)
def test_a_step_does_one_thing(path: str, step: dict[str, Any]) -> None:
    """A device is made, changed or deleted."""
    with pytest.raises(InputError) as caught:
        ApplyStep(**step)

    assert path == caught.value.path


@pytest.mark.parametrize(
    ("action", "step"),
    [
        ("create", {"create": DeviceCreate(name="x")}),
        ("change", {"device_id": "67e1", "edit": DeviceEdit(active=False)}),
        ("change", {"device_id": "67e1", "parameters": (PARAMETER,)}),
        ("delete", {"device_id": "67e1", "delete": True}),
    ],
)
def test_what_a_step_does(action: str, step: dict[str, Any]) -> None:
    """Each step says what it does."""
    assert action == ApplyStep(**step).action
