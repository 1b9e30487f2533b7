"""The official Python SDK, unchanged, finds the service it knows."""

from __future__ import annotations

import warnings
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tagodev.emulator import EmulatorOptions, EmulatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

with warnings.catch_warnings():
    # Whatever the SDK and its dependencies deprecate while they are imported.
    warnings.simplefilter("ignore")
    from tagoio_sdk import Resources
    from tagoio_sdk.infrastructure.api_request import TagoIORequestError

NETWORK, CONNECTOR = "5bbd0d144051a50034cd19fb", "5f5a8f3351d4db99c40dece5"

# The SDK opens a session for each request and leaves closing it to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def resources(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give the SDK's entry point, led to an emulator by its own environment variable."""
    with EmulatorProcess(EmulatorOptions(plan="starter")) as emulator:
        monkeypatch.setenv("TAGOIO_API", emulator.url)
        yield Resources({"token": emulator.token, "region": "env"})


def create(resources: Any, name: str, **fields: Any) -> dict[str, str]:
    """Create a mutable device."""
    created: dict[str, str] = resources.devices.create(
        {"name": name, "type": "mutable", "network": NETWORK, "connector": CONNECTOR, **fields}
    )
    return created


def test_device_lives_and_dies(resources: Any) -> None:
    """Create, list with filters, info, edit and delete answer as the SDK expects."""
    created = create(resources, "Sensor one", tags=[{"key": "site", "value": "north"}])
    create(resources, "Sensor two")
    device_id = created["device_id"]

    found = resources.devices.listDevice(
        {
            "fields": ["id", "active", "created_at"],
            "filter": {"name": "Sensor*", "tags": [{"key": "site", "value": "north"}]},
            "orderBy": ["created_at", "desc"],
            "amount": 10,
        }
    )
    assert [(device_id, "Sensor one", True)] == [(d["id"], d["name"], d["active"]) for d in found]
    assert isinstance(found[0]["created_at"], datetime)
    assert 2 == len(resources.devices.listDevice({"filter": {"active": True}}))

    assert "Successfully Updated" == resources.devices.edit(device_id, {"active": False})
    info = resources.devices.info(device_id)
    assert (False, "mutable", NETWORK) == (info["active"], info["type"], info["network"])
    assert [] == resources.devices.paramList(device_id)

    assert "Successfully Removed" == resources.devices.delete(device_id)
    with pytest.raises(TagoIORequestError, match="Device Not Found"):
        resources.devices.info(device_id)


def test_tokens_come_and_go(resources: Any) -> None:
    """Token create, list and delete answer as the SDK expects."""
    created = create(resources, "Sensor")
    token = resources.devices.tokenCreate(
        created["device_id"], {"name": "field", "permission": "read", "expire_time": "1 day"}
    )
    assert isinstance(token["expire_date"], datetime)

    listed = resources.devices.tokenList(created["device_id"])
    assert [("field", "read"), ("Default", "full")] == [
        (item["name"], item["permission"]) for item in listed
    ]
    assert "Token Successfully Removed" == resources.devices.tokenDelete(token["token"])
    assert ["Default"] == [
        item["name"] for item in resources.devices.tokenList(created["device_id"])
    ]


def test_refusals_reach_the_caller(resources: Any) -> None:
    """The SDK raises its own error with the service's message."""
    with pytest.raises(TagoIORequestError, match="name is required"):
        resources.devices.create({"type": "mutable"})
    stranger = Resources({"token": "unknown", "region": "env"})
    with pytest.raises(TagoIORequestError, match="Invalid token"):
        stranger.devices.listDevice()


def test_plan_is_found(resources: Any) -> None:
    """The profile tells the plan where the SDK's users look for it."""
    assert "starter" == resources.profile.info("current")["account_plan"]
