"""Resolver of the names of networks and connectors to ids.

Names listed by the service take precedence over the built-in public networks. If the service was
not queried, or the token has no permission, only the built-in names are known.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, TypeVar

import attrs

from tagodev._models import Connector, Network
from tagodev.errors import AuthenticationError, InputError, NotFoundError, PermissionDeniedError
from tagodev.provision._public_networks import WELL_KNOWN
from tagodev.provision._read.columns import fold, shown_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tagodev._client import Tago

__all__ = ["Integrations", "Resolver", "resolve_integrations"]

_Named = TypeVar("_Named", Network, Connector)

_ID: Final = re.compile(r"[0-9a-fA-F]{24}")
_LONGEST: Final = 60
#: Maximum number of names in a message.
_SHOWN: Final = 5


@attrs.frozen
class Integrations:
    """Networks and connectors that a profile can use."""

    networks: tuple[Network, ...] = ()
    """Networks with id and name."""
    connectors: tuple[Connector, ...] = ()
    """Connectors with id, name and networks."""

    def __bool__(self) -> bool:
        return bool(self.networks or self.connectors)


async def resolve_integrations(tago: Tago, names: Collection[str]) -> Integrations:
    """Read the networks and connectors of a profile, to resolve names.

    Both lists are read completely, in two or three requests, so that names match regardless of
    spelling and a misspelt name gets a suggestion.

    Args:
        tago: an open client.
        names: names to resolve, from `integration_names`; if empty, no request is sent.

    Returns:
        The networks and connectors; empty if the token has no permission to list them.

    Raises:
        RequestError: the service was not reached, or its answer was not as documented.
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
    """Resolves names of networks and connectors to ids.

    Args:
        live: networks and connectors listed by the service; None if it was not queried.
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

    def names_to_resolve(self, network: object, connector: object) -> set[str]:
        """Return the names of a row that must be resolved by the service.

        Args:
            network: name or id of the row's network; None if it has none.
            connector: name or id of the row's connector; None if it has none.
        """
        given = [one for one in (network, connector) if isinstance(one, str) and one.strip()]
        names = {one for one in given if not _ID.fullmatch(one)}
        if len(given) == 1 and given[0] not in (*self._pairs, *self._back):
            names |= set(given)
        return names

    def resolve(
        self, network: object, connector: object
    ) -> tuple[dict[str, str], list[InputError]]:
        """Return the ids of a row's network and connector; a missing one follows from the other.

        Args:
            network: name or id of the row's network; None if it has none.
            connector: name or id of the row's connector; None if it has none.

        Returns:
            The ids by field, as far as known, and the problems.
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
            name: its name or id.

        Raises:
            InputError: no network has this name, or several have it.
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
            name: its name or id.
            network: id of its network, to select among connectors of the same name; None if
                unknown.

        Raises:
            InputError: no connector has this name, or several have it.
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
        """Add the missing one of network and connector, or check that both match."""
        network, connector = found.get("network"), found.get("connector")
        if network is not None and connector is not None:
            known = self._by_id.get(connector)
            if known is not None and known.networks and network not in known.networks:
                raise InputError("does not belong to this network", path="connector")
        elif network is not None:
            self._add(found, "connector", self._connector_of(network))
        elif connector is not None:
            self._add(found, "network", self._network_of(connector))

    def _add(self, found: dict[str, str], field: str, ids: Sequence[str]) -> None:
        """Add the only matching id; without a list of the service, leave an incomplete pair."""
        if len(ids) == 1:
            found[field] = ids[0]
        elif self._live is not None:
            (given,) = found
            names = sorted((self._names.get(one) or one for one in ids), key=str.casefold)
            more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
            raise InputError(
                f"has {len(ids) or 'no listed'} {field}s; the row must name one",
                path=given,
                hint=f"Use one of: {', '.join(names[:_SHOWN])}{more}" if names else "",
            )

    def _connector_of(self, network: str) -> Sequence[str]:
        if network in self._pairs:
            return [self._pairs[network]]
        return [one.id for one in self._of_network.get(network, ())]

    def _network_of(self, connector: str) -> Sequence[str]:
        known = self._by_id.get(connector)
        networks = () if known is None else known.networks
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
                f"{len(ids)} {kind}s are named {shown_name(name)!r}",
                path=kind,
                hint=f"Use an id instead: {', '.join(ids[:_SHOWN])}",
            )
        names = {word: one.name for word, one in self._entries.items()}
        names |= {fold(one.name or ""): one.name or "" for group in live for one in group}
        likely = get_close_matches(fold(name)[:_LONGEST], names, n=1)
        advice = f"; did you mean {names[likely[0]]}?" if likely else ""
        hint = f"Use its id, or one of: {', '.join(one.name for one in WELL_KNOWN)}"
        return InputError(
            f"no {kind} is named {shown_name(name)!r}{advice}",
            path=kind,
            hint="" if likely else hint,
        )


def _by_name(listed: Iterable[_Named]) -> Mapping[str, list[_Named]]:
    found: dict[str, list[_Named]] = {}
    for one in listed:
        found.setdefault(fold(one.name or ""), []).append(one)
    return found
