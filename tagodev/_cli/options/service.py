"""Options for the service, the token, the profile and the rate limits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, TypeVar

import attrs
from cyclopts import Group, Parameter

import tagodev
from tagodev._cli.config.settings import RequestedSettings, Settings, find_settings
from tagodev._cli.options.ledger import LedgerOption, find_ledger
from tagodev.errors import ConfigurationError, InputError, JournalError
from tagodev.hard_limits import HardLimits, Plan

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tagodev._bulk.journal.entry import JournalInfo
    from tagodev._client import Tago

__all__ = ["SERVICE_GROUP", "PlanOption", "RememberedOptions", "ServiceOptions", "hard_limits"]

T = TypeVar("T")

#: Shown last in a command's help.
SERVICE_GROUP: Final = Group("Service", sort_key=9)
PlanOption: TypeAlias = Literal["auto", "free", "starter", "scale"]
_ProfileOption: TypeAlias = Annotated[
    str | None,
    Parameter(
        help="Named profile with token, address and rate plan (tagodev config) "
        "[env: TAGODEV_PROFILE].",
    ),
]
_TokenOption: TypeAlias = Annotated[
    str | None,
    Parameter(
        help="Token. Other users can see command lines, so prefer the environment or a profile "
        "[env: TAGOIO_TOKEN].",
        show_default=False,
    ),
]


def hard_limits(plan: Plan, minute: float) -> HardLimits:
    """Return the limits of a rate plan.

    Raises:
        InputError: ``--minute`` is out of bounds.
    """
    try:
        return HardLimits.for_plan(plan, minute)
    except ValueError as error:
        raise InputError(str(error), path="--minute") from None


@Parameter(name="*", group=SERVICE_GROUP)
@attrs.frozen(kw_only=True)
class ServiceOptions:
    """Options for the service, the token, the profile and the rate limits."""

    api: str | None = None
    """Address of the service, for TagoDeploy or an emulator [env: TAGOIO_API]."""
    region: str | None = None
    """Region: us-e1 (default) or eu-w1."""
    token: _TokenOption = None
    profile: _ProfileOption = None
    plan: Annotated[PlanOption | None, Parameter(env_var="TAGODEV_PLAN")] = None
    """Rate plan whose limits apply; auto detects it. Default: the profile's, or auto."""
    minute: float = 60.0
    """Seconds per window: 60 on TagoIO, shorter only with an emulator."""
    concurrency: int = 32
    """Maximum requests in flight, 1 to 1000."""
    ledger: LedgerOption = None

    def settings(self) -> Settings:
        """Return token, address and rate plan, with their sources.

        Raises:
            ConfigurationError: a profile does not exist or can't be read.
        """
        return find_settings(
            RequestedSettings(
                token=self.token, api=self.api, region=self.region, profile=self.profile
            )
        )

    def client(self) -> Tago:
        """Return a client for these options, not yet open.

        Raises:
            ConfigurationError: there is no token, or an option is invalid.
            InputError: an option is out of bounds.
        """
        # Checked here so that the error has the option's name.
        hard_limits("free", self.minute)
        settings = self.settings()
        if settings.token is None:
            raise ConfigurationError(
                "No token",
                hint="Set TAGOIO_TOKEN, or save one in a profile: tagodev config set NAME",
            )
        return tagodev.Tago(
            settings.token,
            region=settings.region,
            api=settings.api,
            plan=self.plan or settings.plan or "auto",
            minute=self.minute,
            concurrency=self.concurrency,
            ledger=find_ledger(self.ledger),
        )

    def run(self, work: Callable[[Tago], Awaitable[T]]) -> T:
        """Run an async function with an open client and return its result.

        Args:
            work: the function, called with the client.

        Raises:
            TagoError: a request failed.
        """
        import asyncio

        async def main() -> T:
            async with self.client() as tago:
                return await work(tago)

        return asyncio.run(main())

    def remember(self) -> dict[str, Any]:
        """Return the options to save in a journal, without the token.

        A ledger's URL is left out too, as it can contain a password.
        """
        ledger = self.ledger
        if ledger is not None and ledger != "none":
            ledger = None if "://" in ledger else str(Path(ledger).expanduser().absolute())
        return {
            "ledger": ledger,
            "plan": self.plan,
            "minute": self.minute,
            "concurrency": self.concurrency,
            "profile": self.profile,
        }


@Parameter(name="*", group=SERVICE_GROUP)
@attrs.frozen(kw_only=True)
class RememberedOptions:
    """Service options of a command that resumes a journal; they override the saved ones."""

    api: str | None = None
    """Address of the service; default: that of the token [env: TAGOIO_API]."""
    token: _TokenOption = None
    profile: _ProfileOption = None
    plan: PlanOption | None = None
    """Rate plan whose limits apply; default: the journal's."""
    minute: float | None = None
    """Seconds per window; default: the journal's."""
    concurrency: int | None = None
    """Maximum requests in flight; default: the journal's."""
    ledger: LedgerOption = None

    def client(self, info: JournalInfo) -> Tago:
        """Return a client to resume a journal with, not yet open.

        Args:
            info: the journal's metadata.

        Raises:
            ConfigurationError: there is no token, or it is for another service.
            JournalError: the saved options are invalid.
        """
        known = {**_DEFAULTS.remember(), **info.keywords}
        given = {name: value for name, value in attrs.asdict(self).items() if value is not None}
        names = attrs.fields_dict(ServiceOptions)
        chosen = {name: value for name, value in (known | given).items() if name in names}
        try:
            options = ServiceOptions(**chosen)
            tago = options.client()
        except (TypeError, InputError) as error:
            # A journal can be edited or written by another program.
            raise JournalError(f"its saved options are invalid: {error}") from None
        if tago.base_url != info.service and self.api is None:
            raise ConfigurationError(
                f"The journal is for {info.service}, but the token is for {tago.base_url} "
                f"({options.settings().address_source}); a token is sent only to its own service",
                hint=f"If the token is for {info.service}, re-run with --api {info.service}",
            )
        return tago


_DEFAULTS = ServiceOptions()
