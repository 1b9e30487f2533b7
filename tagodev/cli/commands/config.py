"""``tagodev config``: named profiles, and where token, address and plan come from."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Final

import attrs
from cyclopts import App, Parameter

from tagodev.cli.config import system_keyring
from tagodev.cli.config.file import Profiles, StoredProfile, check_name, check_token, config_path
from tagodev.cli.exit_codes import Exit
from tagodev.cli.options.confirmation import ConfirmationOptions, Preview, YesOption
from tagodev.cli.options.service import ServiceOptions
from tagodev.cli.output.console import print_line, say
from tagodev.cli.output.table import JsonOption, OutputOptions, show_record, show_rows
from tagodev.errors import ConfigurationError, InputError
from tagodev.hard_limits import Plan  # noqa: TC001  (cyclopts reads annotations at run time)
from tagodev.secrets import Secret  # noqa: TC001  (as above)

__all__ = ["app"]

_SERVICE: Final = ServiceOptions()
_OUTPUT: Final = OutputOptions()
_COLUMNS: Final = ("name", "default", "service", "plan", "token", "kept")

app: Final = App(name="config", help="Keep tokens in named profiles, and see which one is used.")

_SET_EXAMPLES: Final = """\
Example: tagodev config set dairy --plan scale --region eu-w1

It asks for the token; a program gives it on standard input:

tagodev config set dairy --plan scale < token.txt
"""


@app.command(name="list", help_epilogue="Example: tagodev config list")
def list_profiles(*, output: OutputOptions = _OUTPUT) -> int:
    """List the profiles.

    Those of tagodev, and the environments that TagoIO's own command line knows in this folder. A
    token is shown by how it begins.
    """
    columns = output.columns(_COLUMNS, people=_COLUMNS)
    kept = Profiles.read(config_path())
    rows = [
        {
            "name": name,
            "default": name == kept.default,
            "service": profile.address,
            "plan": profile.plan,
            "token": None if profile.token is None else str(profile.token),
            "kept": "keyring" if profile.keyring else str(kept.path),
        }
        for name, profile in sorted(kept.named.items())
    ]
    rows += _official_rows({row["name"] for row in rows}, has_default=kept.default is not None)
    shown = [{name: row[name] for name in columns} for row in rows]
    show_rows(shown, columns, output, noun="profiles", flexible=("service", "kept"))
    return Exit.OK


def _official_rows(taken: set[Any], *, has_default: bool) -> list[dict[str, Any]]:
    from pathlib import Path

    from tagodev.cli.config.tagoio_cli import Environments

    known = Environments.find(Path.cwd())
    if known is None:
        return []
    found = [known.environment(name) for name in known.names if name not in taken]
    return [
        {
            "name": one.name,
            "default": one.name == known.default and not has_default,
            "service": one.api or "us-e1",
            "plan": None,
            "token": None if one.token is None else str(one.token),
            "kept": str(one.lock),
        }
        for one in found
    ]


@app.command(help_epilogue="Example: tagodev config show --profile dairy")
def show(*, json: JsonOption = False, service: ServiceOptions = _SERVICE) -> int:
    """Show which token, service and plan a command would use here, and where each comes from.

    The order: the options, --profile, TAGOIO_TOKEN, TAGODEV_PROFILE, the default profile, and last
    the files of TagoIO's own command line. The token is shown by how it begins.
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
        say("No token: set TAGOIO_TOKEN, or keep one in a profile: tagodev config set NAME")
        return Exit.CONFIGURATION
    return Exit.OK


@app.command(name="set", help_epilogue=_SET_EXAMPLES)
def set_profile(
    name: str,
    /,
    *,
    api: Annotated[
        str | None, Parameter(help="Address of the service, for TagoDeploy or an emulator.")
    ] = None,
    region: Annotated[str | None, Parameter(help="us-e1 (default) or eu-w1.")] = None,
    plan: Annotated[
        Plan | None, Parameter(help="Whose limits to keep; default: the service is asked.")
    ] = None,
    default: Annotated[
        bool,
        Parameter(negative="", help="Use it where no other is named, as the first is anyway."),
    ] = False,
    keyring: Annotated[
        bool | None,
        Parameter(
            help="Whether the system's keyring is to keep the token; default: where there is one "
            "(pip install 'tagodev[keyring]')."
        ),
    ] = None,
) -> int:
    """Make a profile, or change one.

    The token is asked for, or read from standard input, never taken from the command line, where
    others could see it. A profile that has one keeps it where none is given. It lies in the
    system's keyring, or in a file that only you may read.
    """
    _check_service(api, region)
    kept = Profiles.read(config_path())
    known = kept.named.get(check_name(name), StoredProfile())
    given: dict[str, Any] = {"api": api, "region": region, "plan": plan}
    changes = {key: value for key, value in given.items() if value is not None}
    # One takes the place of the other.
    other = {"region": "api", "api": "region"}
    changes |= {other[key]: None for key in changes.keys() & other.keys()}
    profile = attrs.evolve(known, **changes)
    token = _ask_token(name, has_one=known.token is not None or known.keyring)
    if token is not None:
        profile = _with_token(name, profile, token, keyring=keyring)
    named = {**kept.named, name: profile}
    first = kept.default is None and not kept.named
    chosen = name if default or first else kept.default
    attrs.evolve(kept, named=named, default=chosen).write()
    where = "the system's keyring" if profile.keyring else str(kept.path)
    print_line(f"{name}: token in {where}{', used by default' if chosen == name else ''}")
    return Exit.OK


def _check_service(api: str | None, region: str | None) -> None:
    from tagodev.address import find_address

    if api is not None and region is not None:
        raise InputError("goes without --api", path="--region")
    if api is not None or region is not None:
        find_address(region, api, allow_http=False)


def _ask_token(name: str, *, has_one: bool) -> Secret | None:
    """Return the token that somebody types or a program gives; None to keep the one there."""
    if sys.stdin.isatty():
        from getpass import getpass

        keeps = ", empty to keep it" if has_one else ""
        # Standard error: what is printed is for whoever reads standard output.
        text = getpass(f"Token of the profile {name}{keeps}: ", stream=sys.stderr)
    else:
        text = sys.stdin.readline()
    if not text.strip() and has_one:
        return None
    return check_token(text)


def _with_token(
    name: str, profile: StoredProfile, token: Secret, *, keyring: bool | None
) -> StoredProfile:
    if keyring is not False and system_keyring.keep(name, token):
        return attrs.evolve(profile, token=None, keyring=True)
    if keyring:
        raise ConfigurationError(
            "There is no keyring that could keep the token",
            hint="Install what asks it: pip install 'tagodev[keyring]'",
        )
    if profile.keyring:
        system_keyring.forget(name)
    return attrs.evolve(profile, token=token, keyring=False)


@app.command(help_epilogue="Example: tagodev config remove dairy --yes")
def remove(name: str, /, *, yes: YesOption = False) -> int:
    """Forget a profile, and its token."""
    kept = Profiles.read(config_path())
    if name not in kept.named:
        raise ConfigurationError(
            f"There is no profile {name!r}",
            hint=f"Known: {', '.join(sorted(kept.named))}" if kept.named else "",
        )
    preview = Preview(
        verb="remove",
        count=1,
        items=[(name, "")],
        noun="profile",
        warning="Its token is deleted too and can't be restored.",
    )
    code = preview.ends_here(ConfirmationOptions(yes=yes), json=False)
    if code is not None:
        return code
    if kept.named[name].keyring:
        system_keyring.forget(name)
    named = {key: profile for key, profile in kept.named.items() if key != name}
    default = None if kept.default == name else kept.default
    attrs.evolve(kept, named=named, default=default).write()
    print_line(f"removed {name}")
    if named and default is None:
        say("No profile is used by default now: tagodev config set NAME --default")
    return Exit.OK
