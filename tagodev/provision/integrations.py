"""Networks and connectors by name.

What the service lists goes before what is well known; where it was not asked, or the token may not
ask, the well-known names remain.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, TypeVar

import attrs

from tagodev.errors import (
    AuthenticationError,
    InputError,
    NotFoundError,
    PermissionDeniedError,
)
from tagodev.models import Connector, Network
from tagodev.provision.public_networks import WELL_KNOWN
from tagodev.provision.read.columns import fold, shown_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tagodev.client import Tago

__all__ = ["Integrations", "Resolver", "resolve_integrations"]

_Named = TypeVar("_Named", Network, Connector)

_ID: Final = re.compile(r"[0-9a-fA-F]{24}")
_LONGEST: Final = 60
#: Names that a message lists.
_SHOWN: Final = 5


@attrs.frozen
class Integrations:
    """The networks and connectors that a profile can use."""

    networks: tuple[Network, ...] = ()
    """With id and name."""
    connectors: tuple[Connector, ...] = ()
    """With id, name and networks."""

    def __bool__(self) -> bool:
        return bool(self.networks or self.connectors)


async def resolve_integrations(tago: Tago, names: Collection[str]) -> Integrations:
    """Ask the service what names of networks and connectors stand for.

    Both lists are read whole, two or three requests in all, so that names match however they are
    written, and a misspelt one is told with the likeliest.

    Args:
        tago: an open client.
        names: what is to be found, as `integration_names` tells it; nothing is asked for none.

    Returns:
        What the service lists; nothing if the token may not ask.

    Raises:
        RequestError: the service was not reached, or did not answer as documented.
    """
    if not names:
        return Integrations()
    try:
        networks = await tago.networks.list(fields=("id", "name")).collect()
        connectors = await tago.connectors.list(fields=("id", "name", "networks")).collect()
    except (AuthenticationError, PermissionDeniedError, NotFoundError):
        return Integrations()
    return Integrations(tuple(networks), tuple(connectors))


class Resolver:
    """Turns what files call networks and connectors into their ids.

    Args:
        live: what the service lists; None, or nothing, where it was not asked.
    """

    def __init__(self, live: Integrations | None = None) -> None:
        self._live = live or None
        networks = () if live is None else live.networks
        connectors = () if live is None else live.connectors
        self._networks = _by_name(networks)
        self._connectors = _by_name(connectors)
        self._by_id = {one.id: one for one in connectors}
        self._of_network: dict[str, list[Connector]] = {}
        for one in connectors:
            for network in one.networks:
                self._of_network.setdefault(network, []).append(one)
        self._names = {one.id: one.name for one in networks}
        self._names |= {one.id: one.name for one in connectors}
        entries = [
            one
            for one in WELL_KNOWN
            if self._live is None or {one.network, one.connector} <= self._names.keys()
        ]
        self._entries = {fold(name): one for one in entries for name in (*one.aliases, one.name)}
        self._pairs = {one.network: one.connector for one in entries}
        self._back = {one.connector: one.network for one in entries}

    def questions(self, network: object, connector: object) -> set[str]:
        """Return what of a row only the service can tell, or tells better.

        Args:
            network: what the row calls its network; None if it does not.
            connector: the same of its connector.
        """
        given = [one for one in (network, connector) if isinstance(one, str) and one.strip()]
        names = {one for one in given if not _ID.fullmatch(one)}
        if len(given) == 1 and given[0] not in (*self._pairs, *self._back):
            names |= set(given)
        return names

    def settle(self, network: object, connector: object) -> tuple[dict[str, str], list[InputError]]:
        """Return the ids of a row's network and connector, the one found by the other.

        Args:
            network: what the row calls its network; None if it does not.
            connector: the same of its connector.

        Returns:
            Both by field, as far as they are known, and what is wrong with them.
        """
        found: dict[str, str] = {}
        problems: list[InputError] = []
        try:
            if isinstance(network, str) and network.strip():
                found["network"] = self.network(network)
        except InputError as error:
            problems.append(error)
        try:
            if isinstance(connector, str) and connector.strip():
                found["connector"] = self.connector(connector, found.get("network"))
            if not problems:
                self._complete(found)
        except InputError as error:
            problems.append(error)
        return found, problems

    def network(self, name: str) -> str:
        """Return the id of a network.

        Args:
            name: its name, or its id.

        Raises:
            InputError: there is none, or there are several.
        """
        if _ID.fullmatch(name):
            return name
        ids = [one.id for one in self._networks.get(fold(name), ())]
        if not ids and fold(name) in self._entries:
            ids = [self._entries[fold(name)].network]
        if len(ids) == 1:
            return ids[0]
        raise self._unknown("network", name, ids, self._networks.values())

    def connector(self, name: str, network: str | None = None) -> str:
        """Return the id of a connector.

        Args:
            name: its name, or its id.
            network: id of its network, which tells connectors of one name apart; None if unknown.

        Raises:
            InputError: there is none, or there are several.
        """
        if _ID.fullmatch(name):
            return name
        named = self._connectors.get(fold(name), [])
        ids = [one.id for one in named if network in one.networks] or [one.id for one in named]
        if not ids and fold(name) in self._entries:
            ids = [self._entries[fold(name)].connector]
        if len(ids) == 1:
            return ids[0]
        raise self._unknown("connector", name, ids, self._connectors.values())

    def _complete(self, found: dict[str, str]) -> None:
        """Find the connector by the network, or the other way round; see that they fit."""
        network, connector = found.get("network"), found.get("connector")
        if network is not None and connector is not None:
            there = self._by_id.get(connector)
            if there is not None and there.networks and network not in there.networks:
                raise InputError("does not belong to this network", path="connector")
        elif network is not None:
            self._add(found, "connector", self._connector_of(network))
        elif connector is not None:
            self._add(found, "network", self._network_of(connector))

    def _add(self, found: dict[str, str], field: str, ids: Sequence[str]) -> None:
        """Add the id that follows, if it does; the model says so of a pair that stays half."""
        if len(ids) == 1:
            found[field] = ids[0]
        elif self._live is not None:
            (given,) = found
            names = sorted((self._names.get(one) or one for one in ids), key=str.casefold)
            more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
            raise InputError(
                f"goes with {f'{len(ids)} {field}s' if ids else f'no {field} that is listed'}: "
                "the row must name one",
                path=given,
                hint=f"There are {', '.join(names[:_SHOWN])}{more}" if names else "",
            )

    def _connector_of(self, network: str) -> Sequence[str]:
        if network in self._pairs:
            return [self._pairs[network]]
        return [one.id for one in self._of_network.get(network, ())]

    def _network_of(self, connector: str) -> Sequence[str]:
        there = self._by_id.get(connector)
        networks = () if there is None else there.networks
        if len(networks) != 1 and connector in self._back:
            return [self._back[connector]]
        return networks

    def _unknown(
        self,
        kind: str,
        name: str,
        ids: list[str],
        live: Iterable[Iterable[Network | Connector]],
    ) -> InputError:
        if ids:
            return InputError(
                f"{len(ids)} {kind}s are called {shown_name(name)!r}",
                path=kind,
                hint=f"Give the id of one: {', '.join(ids[:_SHOWN])}",
            )
        names = {word: one.name for word, one in self._entries.items()}
        names |= {fold(one.name or ""): one.name or "" for group in live for one in group}
        likely = get_close_matches(fold(name)[:_LONGEST], names, n=1)
        advice = f"; did you mean {names[likely[0]]}?" if likely else ""
        hint = f"Give its id, or one of: {', '.join(one.name for one in WELL_KNOWN)}"
        return InputError(
            f"no {kind} is called {shown_name(name)!r}{advice}",
            path=kind,
            hint="" if likely else hint,
        )


def _by_name(listed: Iterable[_Named]) -> Mapping[str, list[_Named]]:
    found: dict[str, list[_Named]] = {}
    for one in listed:
        found.setdefault(fold(one.name or ""), []).append(one)
    return found
