"""Models for networks and connectors, and checks of serial numbers.

A network may define a format for the serial numbers of its devices. The service does not enforce
it: with a mistyped serial number it creates a device that the network never finds.
`Network.check` and `Connector.check` refuse such a device before it is sent.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from tagodev._models.devices import DeviceCreate
from tagodev._models.fields import Answer, text
from tagodev._models.unset import UNSET, Unset
from tagodev.errors import InputError

__all__ = ["Connector", "IntegrationFilter", "Network", "SerialNumberFormat"]

#: Symbols of a mask (docs.tago.io: Serial Number Format).
_SYMBOLS: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "F": ("a hexadecimal digit", frozenset(string.hexdigits)),
    "P": ("a letter or a digit", frozenset(string.ascii_letters + string.digits)),
    "0": ("a digit", frozenset(string.digits)),
    "A": ("a letter", frozenset(string.ascii_letters)),
}
#: Shown between the symbols, not stored.
_DASH: Final = "-"


@attrs.frozen(kw_only=True)
class SerialNumberFormat(Answer):
    """Format of a network's serial numbers.

    Examples:
        >>> eui = SerialNumberFormat(mask="FF-FF-FF-FF", case="upper")
        >>> eui.stored("08-86-ab-56")
        '0886AB56'
        >>> eui.problem("0886AB5")
        'has 7 characters, the mask FF-FF-FF-FF requires 8'
    """

    mask: str | None = None
    """One symbol per character: ``F`` hexadecimal, ``P`` letter or digit, ``0`` digit, ``A``
    letter; dashes are shown but not stored. None or empty: any text."""
    case: str | None = None
    """Letter case, ``lower`` or ``upper``; None for any."""
    required: bool | None = None
    """Whether each device needs a serial number."""
    label: str | None = None
    """Label of the serial number: ``Device EUI``."""
    help: str | None = None
    """Where to find it."""
    image: str | None = None
    """URL of a picture that shows where to find it."""

    def stored(self, serial: str) -> str:
        """Return a serial number in its stored form: without dashes, in the right letter case."""
        return self._in_case(serial.replace(_DASH, "") if self._shows_dashes() else serial)

    def problem(self, serial: str) -> str:
        """Return the problem with a serial number, or an empty string."""
        if not serial.strip():
            return "must not be empty"
        symbols = self._symbols()
        if self._shows_dashes() and _DASH in serial:
            return "has dashes, which are not stored"
        if symbols and len(symbols) != len(serial):
            return f"has {len(serial)} characters, the mask {self.mask} requires {len(symbols)}"
        for position, (symbol, character) in enumerate(zip(symbols, serial, strict=False), 1):
            # Other symbols are not documented: any character is accepted for them.
            meaning, allowed = _SYMBOLS.get(symbol, ("anything", character))
            if character not in allowed:
                return f"must have {meaning} at position {position} (mask {self.mask})"
        return "" if serial == self._in_case(serial) else f"must be in {self.case} case"

    def check(self, serial: str, *, path: str = "serie_number") -> None:
        """Refuse a serial number that does not match the format.

        Args:
            serial: the serial number to send.
            path: name of its field, for the error.

        Raises:
            InputError: it does not match; the hint gives the right form if there is one.
        """
        problem = self.problem(serial)
        if problem:
            stored = self.stored(serial)
            hint = "" if stored == serial or self.problem(stored) else f"Send {stored}"
            raise InputError(problem, path=path, hint=hint)

    def _symbols(self) -> str:
        return (self.mask or "").replace(_DASH, "")

    def _shows_dashes(self) -> bool:
        return self._symbols() not in ("", self.mask)

    def _in_case(self, serial: str) -> str:
        case = (self.case or "").casefold()
        if case.startswith("upper"):
            return serial.upper()
        return serial.lower() if case.startswith("lower") else serial


@attrs.frozen(kw_only=True)
class _Integration(Answer):
    """What networks and connectors have in common."""

    id: str
    """24 hex digits."""
    name: str | None = None
    """Its name."""
    description: str | None = None
    """Free text."""
    public: bool | None = None
    """Whether all profiles see it in the catalogue."""
    device_parameters: tuple[Mapping[str, Any], ...] = ()
    """Configuration parameters of its devices: name, label, type, default."""
    logo_url: str | None = None
    """URL of its logo."""
    payload_encoder: str | None = None
    """Base64 of its payload encoder's source."""
    payload_decoder: str | None = None
    """Base64 of its payload parser's source."""
    created_at: datetime | None = None
    """Time of creation, UTC."""
    updated_at: datetime | None = None
    """Time of the last change, UTC."""


@attrs.frozen(kw_only=True)
class Network(_Integration):
    """A network; a list contains only the requested fields."""

    profile: str | None = None
    """Id of the profile that owns it."""
    serial_number: SerialNumberFormat | None = None
    """Format of its devices' serial numbers; None if it uses none."""
    middleware_endpoint: str | None = None
    """Endpoint of its middleware for downlinks."""
    require_devices_access: bool | None = None
    """Whether its token can list devices."""
    documentation_url: str | None = None
    """URL of its documentation."""
    icon_url: str | None = None
    """URL of its icon."""
    banner_url: str | None = None
    """URL of its banner."""

    def check(self, device: DeviceCreate) -> None:
        """Refuse a device that does not fit this network.

        Examples:
            >>> network = Network(id="n", serial_number=SerialNumberFormat(mask="0000"))
            >>> network.check(DeviceCreate(name="x", network="n", connector="c"))

        Raises:
            InputError: it has another network, or its serial number is missing or wrong.
        """
        if device.network != self.id:
            raise InputError(f"is not {self._label()}", path="network")
        if self.serial_number is None:
            return
        if not isinstance(device.serie_number, Unset):
            self.serial_number.check(device.serie_number)
        elif self.serial_number.required:
            raise InputError(f"is required by {self._label()}", path="serie_number")

    def _label(self) -> str:
        return f"the network {self.name or self.id}"


@attrs.frozen(kw_only=True)
class Connector(_Integration):
    """A connector (device type); a list contains only the requested fields."""

    networks: tuple[str, ...] = ()
    """Ids of the networks that its devices can use."""
    install_text: str | None = None
    """Instructions to install a device."""
    install_end_text: str | None = None
    """Instructions after the installation."""
    device_annotation: str | None = None
    """Annotation for its devices."""

    def check(self, device: DeviceCreate) -> None:
        """Refuse a device that does not fit this connector.

        Raises:
            InputError: it has another connector, or a network that this connector does not support.
        """
        label = f"the connector {self.name or self.id}"
        if device.connector != self.id:
            raise InputError(f"is not {label}", path="connector")
        if self.networks and device.network not in self.networks:
            raise InputError(
                f"is not supported by {label}",
                path="network",
                hint=f"Use one of {', '.join(self.networks)}",
            )


@attrs.frozen(kw_only=True)
class IntegrationFilter:
    """Filter for a list of networks or connectors; all conditions must match.

    Examples:
        >>> IntegrationFilter(name="Custom *").name
        'Custom *'
    """

    id: str | Unset = attrs.field(default=UNSET, validator=text)
    """Exactly this id."""
    name: str | Unset = attrs.field(default=UNSET, validator=text)
    """Exactly this name; ``*`` matches any characters."""
