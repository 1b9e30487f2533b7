"""Networks and connectors: what devices speak through, and what they are.

A network may say how the serial numbers of its devices are written.
The service keeps whatever it is given, so that a serial number with a typing error makes a device
that its network never finds: `Network.check` and `Connector.check` find it before.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from tagodev.errors import InputError
from tagodev.models.devices import DeviceCreate
from tagodev.models.fields import text
from tagodev.models.unset import UNSET, Unset

__all__ = ["Connector", "IntegrationFilter", "Network", "SerialNumberFormat"]

#: What the symbols of a mask stand for (docs.tago.io: Serial Number Format).
_SYMBOLS: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "F": ("a hexadecimal digit", frozenset(string.hexdigits)),
    "P": ("a letter or a digit", frozenset(string.ascii_letters + string.digits)),
    "0": ("a digit", frozenset(string.digits)),
    "A": ("a letter", frozenset(string.ascii_letters)),
}
#: Shown between the symbols, and not kept.
_DASH: Final = "-"


@attrs.frozen(kw_only=True)
class SerialNumberFormat:
    """How a network's serial numbers are written.

    Examples:
        >>> eui = SerialNumberFormat(mask="FF-FF-FF-FF", case="upper")
        >>> eui.stored("08-86-ab-56")
        '0886AB56'
        >>> eui.problem("0886AB5")
        'has 7 characters, but FF-FF-FF-FF stands for 8'
    """

    mask: str | None = None
    """One symbol a character: ``F`` hexadecimal, ``P`` letter or digit, ``0`` digit, ``A`` letter;
    a dash is shown only, not kept. None or empty: any text."""
    case: str | None = None
    """``lower`` or ``upper``, where letters are to be so."""
    required: bool | None = None
    """Whether each device needs one."""
    label: str | None = None
    """What the serial number is called: ``Device EUI``."""
    help: str | None = None
    """Where to find it."""
    image: str | None = None
    """Address of a picture that shows where to find it."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""

    def stored(self, serial: str) -> str:
        """Return a serial number as the service is to keep it: without dashes, in its case."""
        return self._in_case(serial.replace(_DASH, "") if self._shows_dashes() else serial)

    def problem(self, serial: str) -> str:
        """Return what is wrong with a serial number as it is to be sent; empty if nothing is."""
        if not serial.strip():
            return "must not be empty"
        symbols = self._symbols()
        if self._shows_dashes() and _DASH in serial:
            return "has dashes, which are shown but not kept"
        if symbols and len(symbols) != len(serial):
            return f"has {len(serial)} characters, but {self.mask} stands for {len(symbols)}"
        for place, (symbol, character) in enumerate(zip(symbols, serial, strict=False), 1):
            # What other symbols stand for is not documented: anything is taken there.
            meaning, allowed = _SYMBOLS.get(symbol, ("anything", character))
            if character not in allowed:
                return f"must have {meaning} at place {place}, as {self.mask} says"
        return "" if serial == self._in_case(serial) else f"must be in {self.case} case"

    def check(self, serial: str, *, path: str = "serie_number") -> None:
        """Refuse a serial number that the network would not know its device by.

        Args:
            serial: as it is to be sent.
            path: the field that it stands in.

        Raises:
            InputError: it is written in another way, and how to write it.
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
class Network:
    """A network that devices speak through; a list gives only the fields that were asked for."""

    id: str
    """24 hex digits."""
    name: str | None = None
    """What it is called."""
    description: str | None = None
    """Free text."""
    profile: str | None = None
    """Id of the profile that owns it."""
    public: bool | None = None
    """Whether it is in the catalogue that every profile sees."""
    serial_number: SerialNumberFormat | None = None
    """How the serial numbers of its devices are written; None where it asks for none."""
    device_parameters: tuple[Mapping[str, Any], ...] = ()
    """The configuration parameters that it gives its devices: name, label, type, default."""
    middleware_endpoint: str | None = None
    """Where it takes what is to be sent down to a device."""
    require_devices_access: bool | None = None
    """Whether its token may list devices."""
    documentation_url: str | None = None
    """Where it is described."""
    logo_url: str | None = None
    """Address of its logo."""
    icon_url: str | None = None
    """Address of its icon."""
    banner_url: str | None = None
    """Address of its banner."""
    payload_encoder: str | None = None
    """Base64 of the source that writes what is sent down."""
    payload_decoder: str | None = None
    """Base64 of its payload parser's source."""
    created_at: datetime | None = None
    """When it was made, UTC."""
    updated_at: datetime | None = None
    """When it was last changed, UTC."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""

    def check(self, device: DeviceCreate) -> None:
        """Refuse a device that this network would not know.

        Examples:
            >>> network = Network(id="n", serial_number=SerialNumberFormat(mask="0000"))
            >>> network.check(DeviceCreate(name="x", network="n", connector="c"))

        Raises:
            InputError: it is of another network, or its serial number is missing or wrong.
        """
        if device.network != self.id:
            raise InputError(f"is not {self._called()}", path="network")
        if self.serial_number is None:
            return
        if not isinstance(device.serie_number, Unset):
            self.serial_number.check(device.serie_number)
        elif self.serial_number.required:
            raise InputError(f"{self._called()} needs one", path="serie_number")

    def _called(self) -> str:
        return f"the network {self.name or self.id}"


@attrs.frozen(kw_only=True)
class Connector:
    """A kind of device; a list gives only the fields that were asked for."""

    id: str
    """24 hex digits."""
    name: str | None = None
    """What it is called."""
    description: str | None = None
    """Free text."""
    public: bool | None = None
    """Whether it is in the catalogue that every profile sees."""
    networks: tuple[str, ...] = ()
    """Ids of the networks that its devices may speak through."""
    device_parameters: tuple[Mapping[str, Any], ...] = ()
    """The configuration parameters that it gives its devices: name, label, type, default."""
    logo_url: str | None = None
    """Address of its logo."""
    install_text: str | None = None
    """What to do to install a device."""
    install_end_text: str | None = None
    """What to do when a device is installed."""
    device_annotation: str | None = None
    """A remark on its devices."""
    payload_encoder: str | None = None
    """Base64 of the source that writes what is sent down."""
    payload_decoder: str | None = None
    """Base64 of its payload parser's source."""
    created_at: datetime | None = None
    """When it was made, UTC."""
    updated_at: datetime | None = None
    """When it was last changed, UTC."""
    extra: Mapping[str, Any] = attrs.field(factory=dict, repr=False, hash=False)
    """Whatever else the service said."""

    def check(self, device: DeviceCreate) -> None:
        """Refuse a device that is not of this kind, or whose network this kind does not know.

        Raises:
            InputError: which of the two.
        """
        called = f"the connector {self.name or self.id}"
        if device.connector != self.id:
            raise InputError(f"is not {called}", path="connector")
        if self.networks and device.network not in self.networks:
            raise InputError(
                f"{called} does not know it",
                path="network",
                hint=f"Give one of {', '.join(self.networks)}",
            )


@attrs.frozen(kw_only=True)
class IntegrationFilter:
    """Which networks or connectors to list; all conditions must hold.

    Examples:
        >>> IntegrationFilter(name="Custom *").name
        'Custom *'
    """

    id: str | Unset = attrs.field(default=UNSET, validator=text)
    """Exactly this id."""
    name: str | Unset = attrs.field(default=UNSET, validator=text)
    """Exactly this name, unless it holds ``*``, which stands for any run of characters."""
