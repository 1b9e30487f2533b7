"""The profile's devices, device tokens and networks, with indexes.

Benchmarks send thousands of requests per second, so the cost of a request must not depend on the
number of devices: there are indexes by id, token and serial number, and only lists and statistics
iterate over everything.
"""

from __future__ import annotations

import random
import re
import uuid
from collections import Counter
from typing import Final

import attrs

from tagodev.emulator._http.errors import RefusedError, check_cap
from tagodev.emulator._model.access_tokens import AccessTokenStore
from tagodev.emulator._model.data_store import DeviceData, Traffic
from tagodev.emulator._model.public_networks import (
    PUBLIC_CONNECTORS,
    PUBLIC_NETWORKS,
    Connector,
    Network,
)

__all__ = ["Device", "Parameter", "Store", "Tag", "Token"]


@attrs.frozen
class Tag:
    """A key and a value on a device."""

    key: str
    value: str


@attrs.frozen
class Parameter:
    """One configuration parameter of a device."""

    id: str
    key: str
    value: str
    sent: bool


@attrs.define(eq=False)
class Token:
    """A device token."""

    text: str
    device: Device
    name: str
    permission: str
    serial: str | None
    expires: float | None
    created_at: float
    verification_code: str | None = None
    last_authorization: str | None = None
    """The authorization that a network last used to find the device."""

    def is_expired(self, now: float) -> bool:
        """Return whether it can't be used any more."""
        return self.expires is not None and self.expires <= now


@attrs.define(eq=False)
class Device:
    """A device as stored; dates are seconds since the epoch by the server's clock."""

    id: str
    profile: str
    name: str
    type: str
    network: str
    connector: str
    created_at: float
    updated_at: float
    active: bool = True
    visible: bool = True
    description: str | None = None
    tags: list[Tag] = attrs.field(factory=list)
    parameters: list[Parameter] = attrs.field(factory=list)
    payload_decoder: str | None = None
    chunk_period: str | None = None
    chunk_retention: int | None = None
    mutable_variable_regex: str | None = None
    last_input: float | None = None
    last_output: float | None = None
    rpm: dict[str, int] | None = None
    """Its soft limits, ``data_input`` and ``data_output``, in requests per window."""
    tokens: dict[str, Token] = attrs.field(factory=dict, repr=False)
    data: DeviceData = attrs.field(factory=DeviceData, repr=False)
    traffic: Traffic = attrs.field(factory=Traffic, repr=False)

    def is_mutable(self, variable: str) -> bool:
        """Return whether it stores a variable in its mutable part."""
        if self.type == "hybrid":
            pattern = self.mutable_variable_regex
            return pattern is not None and re.search(pattern, variable) is not None
        return self.type != "immutable"


class Store:
    """Contents of one profile.

    Args:
        cap: maximum number of devices.
        seed: seed of the random ids and tokens, None for different ones each time.
        founded: creation time of the profile, in seconds since the epoch by the server's clock.
        serials_repeat: whether several tokens may have the same serial number.
    """

    def __init__(
        self,
        cap: int,
        seed: int | None = None,
        founded: float = 0.0,
        *,
        serials_repeat: bool = False,
    ) -> None:
        self._random = random.Random(seed)  # noqa: S311  (unlike and repeatable, not secret)
        self.cap = cap
        self.serials_repeat: Final = serials_repeat
        self.profile: Final = self.new_id()
        self.account: Final = self.new_id()
        self.founded: Final = founded
        self.devices: dict[str, Device] = {}
        self.tokens: dict[str, Token] = {}
        #: The tokens of each serial number, oldest first.
        self.serials: dict[str, list[Token]] = {}
        #: The profile's own; the public ones are in the catalogue.
        self.networks: dict[str, Network] = {}
        self.connectors: dict[str, Connector] = {}
        self.keyring: Final = AccessTokenStore()
        #: The profile's Files: what was exported, by address.
        self.files: dict[str, str] = {}
        self.created: int = 0
        self.deleted: int = 0

    def new_id(self) -> str:
        """Return 24 hexadecimal digits."""
        return f"{self._random.getrandbits(96):024x}"

    def new_token(self) -> str:
        """Return a UUID of version 4."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def new_authorization(self) -> str:
        """Return 34 characters: ``at`` and 32 hexadecimal digits."""
        return f"at{self._random.getrandbits(128):032x}"

    def device(self, device_id: str) -> Device:
        """Return a device.

        Raises:
            RefusedError: no device has that id.
        """
        device = self.devices.get(device_id)
        if device is None:
            raise RefusedError(404, "Device Not Found")
        return device

    def add(self, device: Device) -> None:
        """Add a new device.

        Raises:
            RefusedError: the device cap is reached.
        """
        check_cap(len(self.devices) + 1, self.cap, "Device")
        self.devices[device.id] = device
        self.created += 1

    def remove(self, device: Device) -> None:
        """Remove a device with its tokens."""
        del self.devices[device.id]
        for token in list(device.tokens.values()):
            self.remove_token(token)
        self.deleted += 1

    def add_token(self, token: Token) -> None:
        """Add a new token of a device; its serial number is from `new_serial`."""
        self.tokens[token.text] = token
        token.device.tokens[token.text] = token
        if token.serial is not None:
            self.serials.setdefault(token.serial, []).append(token)

    def index_serials(self) -> None:
        """Rebuild the index of serial numbers from the tokens."""
        self.serials.clear()
        for token in self.tokens.values():
            if token.serial is not None:
                self.serials.setdefault(token.serial, []).append(token)

    def remove_token(self, token: Token) -> None:
        """Remove a token."""
        del self.tokens[token.text]
        del token.device.tokens[token.text]
        if token.serial is not None:
            held = self.serials[token.serial]
            held.remove(token)
            if not held:
                del self.serials[token.serial]

    def find_network(self, network_id: str) -> Network | None:
        """Return a network of the profile or of the public catalogue, None if there is none."""
        return self.networks.get(network_id) or PUBLIC_NETWORKS.get(network_id)

    def new_serial(self, network_id: str, serial: str | None) -> str | None:
        """Return the serial number of a new token in its network's form, None if it has none.

        Raises:
            RefusedError: it does not match the network's mask, or another token has it.
        """
        network = self.find_network(network_id)
        if serial is not None and network is not None:
            stored = network.serial_number.stored(serial)
            if stored is None:
                mask = network.serial_number.mask
                raise RefusedError(400, f"serie_number must match {mask}, the network's mask")
            serial = stored
        if serial in self.serials and not self.serials_repeat:
            raise RefusedError(400, f"serie_number {serial} is already in use in this profile")
        return serial

    def find_connector(self, connector_id: str) -> Connector | None:
        """Return a connector of the profile or of the public catalogue, None if there is none."""
        return self.connectors.get(connector_id) or PUBLIC_CONNECTORS.get(connector_id)

    def duplicates(self) -> dict[str, int]:
        """Return the names of more than one device, with the number of devices."""
        names = Counter(device.name for device in self.devices.values())
        return {name: count for name, count in names.items() if count > 1}

    def clear(self) -> None:
        """Remove everything except the initial tokens, and reset the counts."""
        for part in (self.devices, self.tokens, self.serials, self.networks, self.connectors):
            part.clear()
        self.files.clear()
        self.keyring.clear()
        self.created = self.deleted = 0
