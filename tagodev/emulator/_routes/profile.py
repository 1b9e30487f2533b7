"""Routes of the profile: its info, limits and usage.

The figures of the monthly services are examples: the emulator does not meter them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.routing import PROFILE_ONLY, Call, Route
from tagodev.emulator._model.time import iso

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ACCOUNT_EMAIL", "PROFILE_NAME", "ROUTES", "check_profile"]

ACCOUNT_EMAIL: Final = "emulator@example.com"
PROFILE_NAME: Final = "Emulated Profile"

_ALLOCATION: Final[Mapping[str, int]] = {
    "analysis": 5,
    "data_records": 250_000,
    "email": 10,
    "file_storage": 132,
    "input": 350_000,
    "output": 342_153,
    "push_notification": 58,
    "run_users": 5,
    "sms": 60,
}
_NO_AMOUNTS: Final[Mapping[str, int]] = dict.fromkeys(
    (
        "action",
        "am",
        "analysis",
        "dashboard",
        "dashboard_shared",
        "dictionary",
        "run_users",
        "tcore",
        "tcore_cluster",
    ),
    0,
)


def check_profile(call: Call) -> None:
    """Check that the path names the token's profile, by its id or as ``current``.

    Raises:
        RefusedError: it names another one.
    """
    if call.path[0] not in {"current", call.store.profile}:
        raise RefusedError(404, "Profile Not Found")


def _addons(call: Call) -> dict[str, Any]:
    return {
        "control_tower": bool(call.options.device_rpm),
        "custom_dns": False,
        "mobile": False,
        "profile": call.store.profile,
        "updated_at": iso(call.store.founded),
    }


def _list(call: Call) -> list[dict[str, Any]]:
    return [{"id": call.store.profile, "name": PROFILE_NAME, "logo_url": None}]


def _info(call: Call) -> dict[str, Any]:
    check_profile(call)
    founded = iso(call.store.founded)
    return {
        "info": {
            "id": call.store.profile,
            "account": call.store.account,
            "name": PROFILE_NAME,
            "logo_url": None,
            "banner_url": None,
            "region": "us-e1",
            "rpm": None,
            "created_at": founded,
            "updated_at": founded,
        },
        "allocation": dict(_ALLOCATION),
        "addons": _addons(call),
        "account_plan": call.options.plan_name,
    }


def _summary(call: Call) -> dict[str, Any]:
    check_profile(call)
    store = call.store
    devices = len(store.devices)
    amount = {
        **_NO_AMOUNTS,
        "device": devices,
        "bucket": devices,
        "connectors": len(store.connectors),
        "networks": len(store.networks),
    }
    return {
        "limit": {**_ALLOCATION, "tcore": 10},
        "limit_used": dict.fromkeys(
            (*_ALLOCATION, "dashboard_output", "tcore", "tcore_cluster"), 0
        ),
        "amount": amount,
        "addons": _addons(call),
        "tago_run": None,
    }


ROUTES: Final = (
    Route("GET", "/profile", _list, open_to=PROFILE_ONLY),
    Route("GET", "/profile/:profile_id", _info, open_to=PROFILE_ONLY),
    Route("GET", "/profile/:profile_id/summary", _summary, open_to=PROFILE_ONLY),
)
