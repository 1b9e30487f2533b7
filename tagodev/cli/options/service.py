"""The options that say which service a command talks to, as whom, and within which limits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, TypeVar

import attrs
from cyclopts import Group, Parameter

import tagodev
from tagodev.cli.config.settings import RequestedSettings, Settings, find_settings
from tagodev.cli.options.ledger import LedgerOption, find_ledger
from tagodev.errors import ConfigurationError, InputError, JournalError
from tagodev.hard_limits import HardLimits, Plan

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tagodev.bulk.journal.entry import JournalInfo
    from tagodev.client import Tago

__all__ = ["SERVICE_GROUP", "PlanOption", "RememberedOptions", "ServiceOptions", "hard_limits"]

T = TypeVar("T")

#: Where these options stand in a command's help: last.
SERVICE_GROUP: Final = Group("Service", sort_key=9)
PlanOption: TypeAlias = Literal["auto", "free", "starter", "scale"]
#: The named profile, wherever a command takes it.
_ProfileOption: TypeAlias = Annotated[
    str | None,
    Parameter(
        help="Profile whose token, address and plan are used (tagodev config) "
        "[env: TAGODEV_PROFILE].",
    ),
]
#: The account's token, wherever a command takes it.
_TokenOption: TypeAlias = Annotated[
    str | None,
    Parameter(
        help="Token of the profile. Others on this machine can see it in the list of "
        "processes: the environment is safer [env: TAGOIO_TOKEN].",
        show_default=False,
    ),
]


def hard_limits(plan: Plan, minute: float) -> HardLimits:
    """Return a plan's limits, or say which option is out of bounds.

    Raises:
        InputError: the minute is.
    """
    try:
        return HardLimits.for_plan(plan, minute)
    except ValueError as error:
        raise InputError(str(error), path="--minute") from None


@Parameter(name="*", group=SERVICE_GROUP)
@attrs.frozen(kw_only=True)
class ServiceOptions:
    """Which service to talk to, as whom, and whose limits to keep."""

    api: Annotated[
        str | None,
        Parameter(help="Address of the service, for TagoDeploy or an emulator [env: TAGOIO_API]."),
    ] = None
    region: Annotated[str | None, Parameter(help="us-e1 (default) or eu-w1.")] = None
    token: _TokenOption = None
    profile: _ProfileOption = None
    plan: Annotated[
        PlanOption | None,
        Parameter(
            env_var="TAGODEV_PLAN",
            help="Whose limits to keep; auto asks the service, and is the default where the "
            "profile does not say it.",
        ),
    ] = None
    minute: Annotated[
        float,
        Parameter(help="Seconds of a window: 60 on TagoIO, shorter only with an emulator."),
    ] = 60.0
    concurrency: Annotated[int, Parameter(help="Requests in flight at once, 1 to 1000.")] = 32
    ledger: LedgerOption = None

    def settings(self) -> Settings:
        """Return token, address and plan, and where each came from.

        Raises:
            ConfigurationError: a profile is not there, or can't be read.
        """
        return find_settings(
            RequestedSettings(
                token=self.token, api=self.api, region=self.region, profile=self.profile
            )
        )

    def client(self) -> Tago:
        """Return the client that the options describe, not yet opened.

        Raises:
            ConfigurationError: they don't describe any.
            InputError: an option is out of bounds.
        """
        # Refused here, where the option's name is known.
        hard_limits("free", self.minute)
        settings = self.settings()
        if settings.token is None:
            raise ConfigurationError(
                "No token",
                hint="Set TAGOIO_TOKEN, or keep one in a profile: tagodev config set NAME",
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

    def ask(self, work: Callable[[Tago], Awaitable[T]]) -> T:
        """Open the client, do something with it, and return what came of it.

        Args:
            work: what to do.

        Raises:
            TagoError: it can't be done.
        """
        import asyncio

        async def inside() -> T:
            async with self.client() as tago:
                return await work(tago)

        return asyncio.run(inside())

    def remember(self) -> dict[str, Any]:
        """Return what whoever goes on needs to know; never the token, nor an address that has one.

        A password may stand in the address of a ledger's server.
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
    """Options that a journal remembers, unless they are given anew."""

    api: Annotated[
        str | None,
        Parameter(help="Address of the service; default: that of the token [env: TAGOIO_API]."),
    ] = None
    token: _TokenOption = None
    profile: _ProfileOption = None
    plan: Annotated[
        PlanOption | None, Parameter(help="Whose limits to keep; default: the journal's.")
    ] = None
    minute: Annotated[
        float | None, Parameter(help="Seconds of a window; default: the journal's.")
    ] = None
    concurrency: Annotated[
        int | None, Parameter(help="Requests in flight at once; default: the journal's.")
    ] = None
    ledger: LedgerOption = None

    def client(self, info: JournalInfo) -> Tago:
        """Return the client that goes on with a journal, not yet opened.

        Args:
            info: what the journal is about.

        Raises:
            ConfigurationError: the options don't describe any.
            InputError: an option is out of bounds.
        """
        known = {**_DEFAULTS.remember(), **info.keywords}
        given = {name: value for name, value in attrs.asdict(self).items() if value is not None}
        names = attrs.fields_dict(ServiceOptions)
        chosen = {name: value for name, value in (known | given).items() if name in names}
        try:
            options = ServiceOptions(**chosen)
            tago = options.client()
        except (TypeError, InputError) as error:
            # A journal may come from elsewhere, and hold anything.
            raise JournalError(f"its settings can't be used: {error}") from None
        if tago.base_url != info.service and self.api is None:
            raise ConfigurationError(
                f"The journal was begun at {info.service}, but the token is for {tago.base_url} "
                f"({options.settings().address_source}); a token goes only to its own service",
                hint=f"If the token belongs to {info.service}: re-run with --api {info.service}",
            )
        return tago


_DEFAULTS = ServiceOptions()
