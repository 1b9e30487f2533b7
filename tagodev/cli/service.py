"""The options that say which service a command talks to, as whom, and within which limits."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import attrs
from cyclopts import Parameter

from tagodev.client import Tago
from tagodev.errors import InputError
from tagodev.hard_limits import HardLimits, Plan

__all__ = ["PlanOption", "ServiceOptions", "hard_limits"]

PlanOption: TypeAlias = Literal["auto", "free", "starter", "scale"]


def hard_limits(plan: Plan, minute: float) -> HardLimits:
    """Return a plan's limits, or say which option is out of bounds.

    Raises:
        InputError: the minute is.
    """
    try:
        return HardLimits.for_plan(plan, minute)
    except ValueError as error:
        raise InputError(str(error), path="--minute") from None


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class ServiceOptions:
    """Which service to talk to, as whom, and whose limits to keep."""

    api: Annotated[
        str | None,
        Parameter(help="Address of the service, for TagoDeploy or an emulator [env: TAGOIO_API]."),
    ] = None
    region: Annotated[str | None, Parameter(help="us-e1 (default) or eu-w1.")] = None
    token: Annotated[
        str | None,
        Parameter(
            help="Token of the profile. Others on this machine can see it in the list of "
            "processes: the environment is safer [env: TAGOIO_TOKEN].",
            show_default=False,
        ),
    ] = None
    plan: Annotated[
        PlanOption,
        Parameter(
            env_var="TAGODEV_PLAN",
            help="Whose limits to keep; auto asks the service.",
        ),
    ] = "auto"
    minute: Annotated[
        float,
        Parameter(help="Seconds of a window: 60 on TagoIO, shorter only with an emulator."),
    ] = 60.0
    concurrency: Annotated[int, Parameter(help="Requests in flight at once, 1 to 1000.")] = 32

    def client(self) -> Tago:
        """Return the client that the options describe, not yet opened.

        Raises:
            ConfigurationError: they don't describe any.
            InputError: an option is out of bounds.
        """
        # Refused here, where the option's name is known.
        hard_limits("free", self.minute)
        return Tago(
            self.token,
            region=self.region,
            api=self.api,
            plan=self.plan,
            minute=self.minute,
            concurrency=self.concurrency,
        )
