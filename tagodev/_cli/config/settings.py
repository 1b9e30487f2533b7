"""Resolution of token, address and rate plan from options, environment and files.

Order of precedence: the option ``--token``, the profile of ``--profile``, ``TAGOIO_TOKEN``, the
profile of ``TAGODEV_PROFILE``, the default profile, the files of TagoIO's official tool.
Options take precedence over exported variables, so that ``--profile`` never acts on another
profile.

A token is sent only to the service that it was saved for: the address comes from the same profile
as the token, unless an option sets it.
``TAGOIO_API`` applies to tokens without an address of their own.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from tagodev._cli.config.file import Profiles, config_path
from tagodev._cli.config.system_keyring import load
from tagodev._cli.config.tagoio_cli import Environments
from tagodev._secrets import Secret
from tagodev.errors import ConfigurationError

if TYPE_CHECKING:
    from tagodev.hard_limits import Plan

__all__ = ["RequestedSettings", "Settings", "find_settings"]


@attrs.frozen(kw_only=True)
class Settings:
    """Token, service and rate plan in use, and their sources."""

    token: Secret | None = None
    """The account's token; None if there is none."""
    source: str = ""
    """Source of the token, for display; empty without a token."""
    api: str | None = None
    """Address of the service; None for TagoIO's own."""
    region: str | None = None
    """Region of the service; None for the default."""
    address_source: str = "the default"
    """Source of the address or region, for display."""
    plan: Plan | None = None
    """The rate plan, if the profile has one."""


@attrs.frozen(kw_only=True)
class RequestedSettings:
    """Values of the command-line options; None for an option that is not given."""

    token: str | None = None
    """The token."""
    api: str | None = None
    """Address of the service."""
    region: str | None = None
    """Region of the service."""
    profile: str | None = None
    """Name of a profile."""


def find_settings(options: RequestedSettings) -> Settings:
    """Resolve the settings.

    Args:
        options: the values of the command-line options.

    Raises:
        ConfigurationError: an option is empty, or a profile does not exist or can't be read.
    """
    found = _with_token(options)
    if options.api is not None or options.region is not None:
        option = "--api" if options.api is not None else "--region"
        return attrs.evolve(
            found, api=options.api, region=options.region, address_source=f"the option {option}"
        )
    from_environment = os.environ.get("TAGOIO_API")
    if from_environment and found.api is None and found.region is None:
        return attrs.evolve(found, api=from_environment, address_source="TAGOIO_API")
    return found


def _with_token(options: RequestedSettings) -> Settings:
    if options.token is not None:
        if not options.token.strip():
            # An empty shell variable must not select another account.
            raise ConfigurationError("No token: --token is empty")
        return Settings(token=Secret(options.token), source="the option --token")
    if not options.profile and (token := os.environ.get("TAGOIO_TOKEN")):
        return Settings(token=Secret(token), source="TAGOIO_TOKEN")
    stored = Profiles.read(config_path())
    official = Environments.find(Path.cwd())
    if profile := options.profile or os.environ.get("TAGODEV_PROFILE"):
        return _named(profile, stored, official)
    if stored.default is not None:
        return _of_profile(stored.default, stored)
    if official is not None and official.default is not None:
        return _of_environment(official.default, official)
    return Settings()


def _named(name: str, stored: Profiles, official: Environments | None) -> Settings:
    if name in stored.named:
        return _of_profile(name, stored)
    if official is not None and name in official.names:
        return _of_environment(name, official)
    names = sorted({*stored.named, *(official.names if official is not None else ())})
    raise ConfigurationError(
        f"There is no profile {name!r}",
        hint=f"Profiles: {', '.join(names)}" if names else "Create one: tagodev config set NAME",
    )


def _of_profile(name: str, stored: Profiles) -> Settings:
    profile = stored.named[name]
    where = "the system keyring" if profile.keyring else str(stored.path)
    token = profile.token
    if token is None and profile.keyring:
        token = load(name)
    source = f"the profile {name} ({where})"
    has_address = profile.api is not None or profile.region is not None
    return Settings(
        token=token,
        source=source if token else "",
        api=profile.api,
        region=profile.region,
        address_source=source if has_address else "the default",
        plan=profile.plan,
    )


def _of_environment(name: str, official: Environments) -> Settings:
    environment = official.environment(name)
    source = f"tagoio's environment {name} ({environment.lock})"
    return Settings(
        token=environment.token,
        source=source if environment.token else "",
        api=environment.api,
        # The official tool's default, set here so that TAGOIO_API does not redirect its token.
        region="us-e1" if environment.api is None else None,
        address_source=source,
    )
