"""``tagodev config``: list, show, set and remove named profiles."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import attrs
from cyclopts import App, Parameter

from tagodev._cli.config import system_keyring
from tagodev._cli.config.file import Profiles, StoredProfile, check_name, check_token, config_path
from tagodev._cli.config.tagoio_cli import Environments
from tagodev._cli.exit_codes import Exit
from tagodev._cli.options.confirmation import ConfirmationOptions, Preview, YesOption
from tagodev._cli.options.service import ServiceOptions
from tagodev._cli.output.console import print_line, print_message
from tagodev._cli.output.table import JsonOption, OutputOptions, show_record
from tagodev._secrets import Secret
from tagodev.errors import ConfigurationError, InputError
from tagodev.hard_limits import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["app"]

app: Final = App(name="config")

_SET_EXAMPLES: Final = """\
Example: tagodev config set dairy --plan scale --region eu-w1

It prompts for the token; in a script, pass it on standard input:

tagodev config set dairy --plan scale < token.txt
"""


@app.command(name="list", help_epilogue="Example: tagodev config list")
def list_profiles(*, output: OutputOptions = OutputOptions()) -> None:
    """List the named profiles.

    Includes the environments of TagoIO's official tool for this folder. Tokens are masked.
    """
    known = tuple(attrs.fields_dict(_ListedProfile))
    columns = output.columns(known, people=known)
    rows = _listed(Profiles.read(config_path()))
    output.show(rows, columns, noun="profiles", flexible=("service", "kept"))


@attrs.frozen(kw_only=True)
class _ListedProfile:
    """A row of the list of profiles."""

    name: str
    default: bool
    service: str
    plan: str | None = None
    token: Secret | None
    kept: str


def _listed(stored: Profiles) -> Iterator[_ListedProfile]:
    """Yield the profiles of the file, then the environments of the official tool."""
    for name, profile in sorted(stored.named.items()):
        yield _ListedProfile(
            name=name,
            default=name == stored.default,
            service=profile.address,
            plan=profile.plan,
            token=profile.token,
            kept="keyring" if profile.keyring else str(stored.path),
        )
    official = Environments.find(Path.cwd())
    if official is None:
        return
    for environment in map(official.environment, official.names):
        if environment.name not in stored.named:
            yield _ListedProfile(
                name=environment.name,
                default=stored.default is None and environment.name == official.default,
                service=environment.api or "us-e1",
                token=environment.token,
                kept=str(environment.lock),
            )


@app.command(help_epilogue="Example: tagodev config show --profile dairy")
def show(*, json: JsonOption = False, service: ServiceOptions = ServiceOptions()) -> Exit | None:
    """Show the token, service and plan in use and their sources.

    Order of precedence: --token, --profile, TAGOIO_TOKEN, TAGODEV_PROFILE, the default profile, the
    files of TagoIO's official tool. The token is masked.
    """
    settings = service.settings()
    plan = service.plan or settings.plan
    record = {
        "token": None if settings.token is None else str(settings.token),
        "token_from": settings.source,
        "service": settings.api or settings.region or "us-e1",
        "service_from": settings.address_source,
        "plan": plan or "auto",
        "file": str(config_path()),
    }
    show_record(record, json=json)
    if settings.token is None:
        print_message(
            "No token: set TAGOIO_TOKEN, or save one in a profile: tagodev config set NAME"
        )
        return Exit.CONFIGURATION
    return None


@app.command(name="set", help_epilogue=_SET_EXAMPLES)
def set_profile(
    name: str,
    /,
    *,
    api: str | None = None,
    region: str | None = None,
    plan: Plan | None = None,
    default: bool = False,
    keyring: Annotated[bool | None, Parameter(negative="--no-keyring")] = None,
) -> None:
    """Create or edit a profile.

    Prompts for the token, or reads it from standard input; it is not an option because other users
    can see command lines. An empty token keeps the stored one. The token is stored in the system
    keyring, or in a file that only you can read.

    Args:
        api: Address of the service, for TagoDeploy or an emulator.
        region: us-e1 (default) or eu-w1.
        plan: Rate plan; default: detected from the service.
        default: Make it the default profile, as the first one is.
        keyring: Store the token in the system keyring; default: if there is one (pip install
            'tagodev[keyring]').
    """
    _check_service(api, region)
    stored = Profiles.read(config_path())
    known = stored.named.get(check_name(name), StoredProfile())
    given: dict[str, Any] = {"api": api, "region": region, "plan": plan}
    changes = {key: value for key, value in given.items() if value is not None}
    # A region replaces an address, and an address a region.
    other = {"region": "api", "api": "region"}
    changes |= {other[key]: None for key in changes.keys() & other.keys()}
    profile = attrs.evolve(known, **changes)
    token = _ask_token(name, has_one=known.token is not None or known.keyring)
    if token is not None:
        profile = _with_token(name, profile, token, keyring=keyring)
    named = {**stored.named, name: profile}
    first = stored.default is None and not stored.named
    new_default = name if default or first else stored.default
    attrs.evolve(stored, named=named, default=new_default).write()
    where = "the system keyring" if profile.keyring else str(stored.path)
    print_line(f"{name}: token in {where}{', used by default' if new_default == name else ''}")


def _check_service(api: str | None, region: str | None) -> None:
    from tagodev._address import find_address

    if api is not None and region is not None:
        raise InputError("can't be combined with --api", path="--region")
    if api is not None or region is not None:
        find_address(region, api, allow_http=False)


def _ask_token(name: str, *, has_one: bool) -> Secret | None:
    """Read a token from a prompt or from standard input; None to keep the stored one."""
    if sys.stdin.isatty():
        from getpass import getpass

        keep = ", empty to keep it" if has_one else ""
        # Standard output is for results only.
        text = getpass(f"Token of the profile {name}{keep}: ", stream=sys.stderr)
    else:
        text = sys.stdin.readline()
    if not text.strip() and has_one:
        return None
    return check_token(text)


def _with_token(
    name: str, profile: StoredProfile, token: Secret, *, keyring: bool | None
) -> StoredProfile:
    if keyring is not False and system_keyring.save(name, token):
        return attrs.evolve(profile, token=None, keyring=True)
    if keyring:
        raise ConfigurationError(
            "No usable system keyring to store the token in",
            hint="Install keyring support: pip install 'tagodev[keyring]'",
        )
    if profile.keyring:
        system_keyring.delete(name)
    return attrs.evolve(profile, token=token, keyring=False)


@app.command(help_epilogue="Example: tagodev config remove dairy --yes")
def remove(name: str, /, *, yes: YesOption = False) -> Exit | None:
    """Remove a profile and its token."""
    stored = Profiles.read(config_path())
    if name not in stored.named:
        raise ConfigurationError(
            f"There is no profile {name!r}",
            hint=f"Profiles: {', '.join(sorted(stored.named))}" if stored.named else "",
        )
    preview = Preview(
        verb="remove",
        count=1,
        items=[(name, "")],
        noun="profile",
        warning="Its token is deleted too and can't be restored.",
    )
    code = preview.confirm(ConfirmationOptions(yes=yes), json=False)
    if code is not None:
        return code
    if stored.named[name].keyring:
        system_keyring.delete(name)
    named = {key: profile for key, profile in stored.named.items() if key != name}
    default = None if stored.default == name else stored.default
    attrs.evolve(stored, named=named, default=default).write()
    print_line(f"removed {name}")
    if named and default is None:
        print_message(
            "There is no default profile now; choose one: tagodev config set NAME --default"
        )
    return None
