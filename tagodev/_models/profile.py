"""Models for profiles and accounts: plans, limits and usage."""

from __future__ import annotations

from datetime import datetime

import attrs

from tagodev._models.fields import Answer, SoftLimits

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
class ServiceAmounts(Answer):
    """Amounts per service, allowed or used; None if the service does not report one.

    Source of the units: "Services Overview" of the TagoIO documentation.
    """

    input: float | None = None
    """Data Input: variables sent per month."""
    output: float | None = None
    """Data Output: variables read per month."""
    data_records: float | None = None
    """Data Storage: variables stored at any time."""
    file_storage: float | None = None
    """File Storage: megabytes stored at any time."""
    analysis: float | None = None
    """Analysis: running time of scripts per month."""
    push_notification: float | None = None
    """Push Notifications: messages per month."""
    email: float | None = None
    """E-mail: messages per month."""
    sms: float | None = None
    """SMS: messages per month."""
    run_users: float | None = None
    """Users of TagoRUN at any time."""


@attrs.frozen(kw_only=True)
class ResourceAmounts(Answer):
    """Number of each resource in a profile; None if the service does not report one."""

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


@attrs.frozen(kw_only=True)
class AddOns(Answer):
    """Add-ons of a profile; None if the service does not report one."""

    control_tower: bool | None = None
    """Soft limits and statistics per device."""
    custom_dns: bool | None = None
    """A custom domain for TagoRUN."""
    mobile: bool | None = None
    """A custom mobile application."""


@attrs.frozen(kw_only=True)
class ProfileInfo(Answer):
    """General information on a profile."""

    id: str
    """24 hex digits."""
    name: str | None = None
    """Its name."""
    account: str | None = None
    """Id of the account that owns it and whose plan applies."""
    region: str | None = None
    """Its region, as the service names it."""
    rpm: SoftLimits | None = None
    """Its soft limits; None without Control Tower."""
    logo_url: str | None = None
    """URL of its logo."""
    banner_url: str | None = None
    """URL of its banner."""
    created_at: datetime | None = None
    """Time of creation, UTC."""
    updated_at: datetime | None = None
    """Time of the last change, UTC."""


@attrs.frozen(kw_only=True)
class Profile(Answer):
    """A profile with its plan, its services and its add-ons."""

    info: ProfileInfo
    """General information."""
    account_plan: str | None = None
    """The plan of the account that owns it; same as `plan`."""
    allocation: ServiceAmounts = attrs.field(factory=ServiceAmounts)
    """Amounts allocated to it."""
    addons: AddOns = attrs.field(factory=AddOns)
    """Its add-ons."""

    @property
    def plan(self) -> str | None:
        """The plan whose limits apply: ``free``, ``starter``, ``scale``, or a custom plan."""
        return self.account_plan

    @property
    def rpm(self) -> SoftLimits | None:
        """Its soft limits; None without Control Tower."""
        return self.info.rpm

    @property
    def control_tower(self) -> bool:
        """Whether it has Control Tower: soft limits and statistics per device."""
        return bool(self.addons.control_tower)


@attrs.frozen(kw_only=True)
class ProfileSummary(Answer):
    """Limits, usage and resources of a profile."""

    limit: ServiceAmounts = attrs.field(factory=ServiceAmounts)
    """Limit of each service."""
    limit_used: ServiceAmounts = attrs.field(factory=ServiceAmounts)
    """Usage of each service, now or this month."""
    amount: ResourceAmounts = attrs.field(factory=ResourceAmounts)
    """Number of each resource."""
    addons: AddOns = attrs.field(factory=AddOns)
    """Its add-ons."""
    tago_run: str | None = None
    """URL of its TagoRUN."""

    @property
    def devices(self) -> int | None:
        """Number of devices; None if the service does not report it."""
        return self.amount.device


@attrs.frozen(kw_only=True)
class AccountPlan(Answer):
    """The plan of an account."""

    plan: str
    """``free``, ``starter``, ``scale``, or a custom plan."""
    price: float | None = None
    """Its price."""
    next_plan: str | None = None
    """The plan that follows it."""
    end_date: datetime | None = None
    """End, UTC; None if it has no end."""
    created_at: datetime | None = None
    """Start, UTC."""


@attrs.frozen(kw_only=True)
class Account(Answer):
    """An account, which owns profiles and pays for their plan."""

    id: str
    """24 hex digits."""
    name: str | None = None
    """Its name."""
    plan: str | None = None
    """``free``, ``starter``, ``scale``, or a custom plan."""
    type: str | None = None
    """``user``, or another type that the service defines."""
    company: str | None = None
    """Name of the company."""
    email: str | None = attrs.field(default=None, repr=False)
    """E-mail address."""
    timezone: str | None = None
    """Time zone for display: ``America/Sao_Paulo``."""
    language: str | None = None
    """Language for display."""
    active: bool | None = None
    """Whether it is active."""
    blocked: bool | None = None
    """Whether the service has blocked it."""
    last_login: datetime | None = None
    """Time of the last login, UTC."""
    created_at: datetime | None = None
    """Time of creation, UTC."""
    updated_at: datetime | None = None
    """Time of the last change, UTC."""
