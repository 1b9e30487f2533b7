"""Profiles and accounts: what a plan allows, and how much of it is used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from tagodev.models.fields import SoftLimits

__all__ = [
    "Account",
    "AccountPlan",
    "AddOns",
    "Profile",
    "ProfileInfo",
    "ProfileSummary",
    "ResourceAmounts",
    "ServiceAmounts",
]


@attrs.frozen(kw_only=True)
class ServiceAmounts:
    """How much of each service: allowed, or used.

    None where the service says nothing of it.
    Source of the units: "Services Overview" of the TagoIO documentation.
    """

    input: float | None = None
    """Data Input: variables sent, a month."""
    output: float | None = None
    """Data Output: variables read, a month."""
    data_records: float | None = None
    """Data Storage: variables kept, at any time."""
    file_storage: float | None = None
    """File Storage: megabytes kept, at any time."""
    analysis: float | None = None
    """Analysis: running time of scripts, a month."""
    push_notification: float | None = None
    """Push Notifications: messages, a month."""
    email: float | None = None
    """E-mail: messages, a month."""
    sms: float | None = None
    """SMS: messages, a month."""
    run_users: float | None = None
    """Users of TagoRUN, at any time."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""


@attrs.frozen(kw_only=True)
class ResourceAmounts:
    """How many of each resource a profile has; None where the service says nothing of it."""

    device: int | None = None
    """Devices."""
    bucket: int | None = None
    """Buckets."""
    connectors: int | None = None
    """Connectors of its own."""
    networks: int | None = None
    """Networks of its own."""
    dashboard: int | None = None
    """Dashboards."""
    analysis: int | None = None
    """Analyses."""
    action: int | None = None
    """Actions."""
    dictionary: int | None = None
    """Dictionaries."""
    run_users: int | None = None
    """Users of TagoRUN."""
    am: int | None = None
    """Access policies."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""


@attrs.frozen(kw_only=True)
class AddOns:
    """What a profile has besides its plan; None where the service says nothing of it."""

    control_tower: bool | None = None
    """Whether soft limits and statistics of each device are there."""
    custom_dns: bool | None = None
    """Whether TagoRUN has a domain of its own."""
    mobile: bool | None = None
    """Whether there is a mobile application of its own."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""


@attrs.frozen(kw_only=True)
class ProfileInfo:
    """What a profile is."""

    id: str
    """24 hex digits."""
    name: str | None = None
    """As given."""
    account: str | None = None
    """Id of the account that owns it, whose plan it is on."""
    region: str | None = None
    """Where it lies, in the service's words."""
    rpm: SoftLimits | None = None
    """Its soft limits; None without Control Tower."""
    logo_url: str | None = None
    """Address of its logo."""
    banner_url: str | None = None
    """Address of its banner."""
    created_at: datetime | None = None
    """When it was made, UTC."""
    updated_at: datetime | None = None
    """When it was last changed, UTC."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""


@attrs.frozen(kw_only=True)
class Profile:
    """A profile with its plan, its services and its add-ons."""

    info: ProfileInfo
    """What it is."""
    account_plan: str | None = None
    """The plan of the account that owns it: `plan` says the same."""
    allocation: ServiceAmounts = attrs.field(factory=ServiceAmounts)
    """How much of each service is allocated to it."""
    addons: AddOns = attrs.field(factory=AddOns)
    """What it has besides its plan."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""

    @property
    def plan(self) -> str | None:
        """The plan whose limits hold: ``free``, ``starter``, ``scale``, or one of its own."""
        return self.account_plan

    @property
    def rpm(self) -> SoftLimits | None:
        """Its soft limits; None without Control Tower."""
        return self.info.rpm

    @property
    def control_tower(self) -> bool:
        """Whether soft limits and statistics of each device are there."""
        return bool(self.addons.control_tower)


@attrs.frozen(kw_only=True)
class ProfileSummary:
    """How much of what a profile may use and have is used and there."""

    limit: ServiceAmounts = attrs.field(factory=ServiceAmounts)
    """How much of each service it may use."""
    limit_used: ServiceAmounts = attrs.field(factory=ServiceAmounts)
    """How much of each service it uses, or has used this month."""
    amount: ResourceAmounts = attrs.field(factory=ResourceAmounts)
    """How many of each resource it has."""
    addons: AddOns = attrs.field(factory=AddOns)
    """What it has besides its plan."""
    tago_run: str | None = None
    """Address of its TagoRUN."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""

    @property
    def devices(self) -> int | None:
        """How many devices it has; None if the service does not say it."""
        return self.amount.device


@attrs.frozen(kw_only=True)
class AccountPlan:
    """The plan of an account."""

    plan: str
    """``free``, ``starter``, ``scale``, or one of its own."""
    price: float | None = None
    """What it costs."""
    next_plan: str | None = None
    """The plan that follows it."""
    end_date: datetime | None = None
    """When it ends, UTC; None if it goes on."""
    created_at: datetime | None = None
    """When it began, UTC."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""


@attrs.frozen(kw_only=True)
class Account:
    """An account: who owns profiles and pays for their plan."""

    id: str
    """24 hex digits."""
    name: str | None = None
    """As given."""
    plan: str | None = None
    """``free``, ``starter``, ``scale``, or one of its own."""
    type: str | None = None
    """``user``, or what else the service knows."""
    company: str | None = None
    """Whose it is."""
    email: str | None = attrs.field(default=None, repr=False)
    """Whom to write to."""
    timezone: str | None = None
    """The zone in which dates are shown: ``America/Sao_Paulo``."""
    language: str | None = None
    """The language in which texts are shown."""
    active: bool | None = None
    """Whether it may be used."""
    blocked: bool | None = None
    """Whether the service has shut it."""
    last_login: datetime | None = None
    """When somebody last came in, UTC."""
    created_at: datetime | None = None
    """When it was made, UTC."""
    updated_at: datetime | None = None
    """When it was last changed, UTC."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""
