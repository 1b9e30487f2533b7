"""Where the token, the address and the plan come from, when a command is not told them.

The order: the option ``--token``, the profile that ``--profile`` names, ``TAGOIO_TOKEN``, the
profile of ``TAGODEV_PROFILE``, the default profile, and last the files of TagoIO's own command
line.
What is typed goes before what some shell has exported: devices of another profile than the one
that was named must not be deleted.

A token goes only to the service that it was kept for: the address is that of the profile that the
token came from, unless an option says otherwise.
``TAGOIO_API`` counts for tokens that come without an address of their own.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from tagodev.cli.config.file import Profiles, config_path
from tagodev.cli.config.system_keyring import recall
from tagodev.cli.config.tagoio_cli import Environments
from tagodev.errors import ConfigurationError
from tagodev.secrets import Secret

if TYPE_CHECKING:
    from tagodev.hard_limits import Plan

__all__ = ["RequestedSettings", "Settings", "find_settings"]


@attrs.frozen(kw_only=True)
class Settings:
    """Which service, as whom, and within whose limits; and who said so."""

    token: Secret | None = None
    """The account's token; None where there is none."""
    source: str = ""
    """Where the token came from, as a person reads it; empty where there is none."""
    api: str | None = None
    """Address of the service; None for TagoIO's own."""
    region: str | None = None
    """Region of the service; None for the usual one."""
    address_source: str = "the default"
    """Where address or region came from."""
    plan: Plan | None = None
    """Whose limits to keep, where a profile says it."""


@attrs.frozen(kw_only=True)
class RequestedSettings:
    """What the options said."""

    token: str | None = None
    """The token."""
    api: str | None = None
    """Address of the service."""
    region: str | None = None
    """Region of the service."""
    profile: str | None = None
    """Name of a profile."""


def find_settings(asked: RequestedSettings) -> Settings:
    """Return what to work with.

    Args:
        asked: what the options said.

    Raises:
        ConfigurationError: an option is empty, a profile is not there or can't be read.
    """
    found = _with_token(asked)
    if asked.api is not None or asked.region is not None:
        option = "--api" if asked.api is not None else "--region"
        return attrs.evolve(
            found, api=asked.api, region=asked.region, address_source=f"the option {option}"
        )
    from_environment = os.environ.get("TAGOIO_API")
    if from_environment and found.api is None and found.region is None:
        return attrs.evolve(found, api=from_environment, address_source="TAGOIO_API")
    return found


def _with_token(asked: RequestedSettings) -> Settings:
    if asked.token is not None:
        if not asked.token.strip():
            # An empty variable on a command line must not lead to another account.
            raise ConfigurationError("No token: --token is empty")
        return Settings(token=Secret(asked.token), source="the option --token")
    if not asked.profile and (token := os.environ.get("TAGOIO_TOKEN")):
        return Settings(token=Secret(token), source="TAGOIO_TOKEN")
    kept = Profiles.read(config_path())
    known = Environments.find(Path.cwd())
    if profile := asked.profile or os.environ.get("TAGODEV_PROFILE"):
        return _named(profile, kept, known)
    if kept.default is not None:
        return _of_profile(kept.default, kept)
    if known is not None and known.default is not None:
        return _of_environment(known.default, known)
    return Settings()


def _named(name: str, kept: Profiles, known: Environments | None) -> Settings:
    if name in kept.named:
        return _of_profile(name, kept)
    if known is not None and name in known.names:
        return _of_environment(name, known)
    names = sorted({*kept.named, *(known.names if known is not None else ())})
    raise ConfigurationError(
        f"There is no profile {name!r}",
        hint=f"Known: {', '.join(names)}" if names else "Make one: tagodev config set NAME",
    )


def _of_profile(name: str, kept: Profiles) -> Settings:
    profile = kept.named[name]
    where = "the system's keyring" if profile.keyring else str(kept.path)
    token = profile.token
    if token is None and profile.keyring:
        token = recall(name)
    told = f"the profile {name} ({where})"
    has_address = profile.api is not None or profile.region is not None
    return Settings(
        token=token,
        source=told if token else "",
        api=profile.api,
        region=profile.region,
        address_source=told if has_address else "the default",
        plan=profile.plan,
    )


def _of_environment(name: str, known: Environments) -> Settings:
    environment = known.environment(name)
    told = f"tagoio's environment {name} ({environment.lock})"
    return Settings(
        token=environment.token,
        source=told if environment.token else "",
        api=environment.api,
        # Its own default, said here so that TAGOIO_API does not lead its token elsewhere.
        region="us-e1" if environment.api is None else None,
        address_source=told,
    )
