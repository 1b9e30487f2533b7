"""The operations that create and rotate tokens.

Creating a token is not idempotent; one whose answer was lost is identified by its name, among those
that the device did not have when its item was first sent.

That is safe only while no other item creates tokens for the device: items of one device are done
one after another, and a token of one item is not found for another one.

A rotation takes several requests, and the device must always have a token: the new token is created
and recorded before the old one is deleted.
A serial number can be on one token only, so such a token must be deleted first. The device can't
connect in between, so this needs the option `allow_gap`.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from tagodev._bulk.claims import Claims
from tagodev._bulk.operations.base import CreatingOperation, Item
from tagodev._bulk.operations.identity import Ambiguous, Found
from tagodev._bulk.outcomes import Rotated, TokenIssued
from tagodev._models import UNSET, TokenCreate, TokenCreated
from tagodev._models.changes import DeviceTokenCreate, Rotation
from tagodev._secrets import Secret
from tagodev._serialization.converter import from_json, to_json
from tagodev.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from tagodev._bulk.operations.base import MakeRecord
    from tagodev._bulk.operations.identity import Finding
    from tagodev._bulk.outcomes import Done
    from tagodev._bulk.work_item import WorkItem
    from tagodev._models import DeviceToken
    from tagodev._session import CallRecord

__all__ = ["IssueTokens", "RotateTokens", "TokenCalls"]


class TokenCalls(Protocol):
    """The requests that create, delete and list tokens."""

    async def create_token(
        self, device_id: str, token: TokenCreate, record: CallRecord
    ) -> TokenCreated:
        """Create a token."""
        ...

    async def delete_token(self, token: Secret, record: CallRecord) -> None:
        """Delete a token; one that is already gone counts as deleted."""
        ...

    async def tokens(self, device_id: str, record: CallRecord) -> list[DeviceToken]:
        """Return the tokens of a device, the oldest first."""
        ...


@attrs.frozen(kw_only=True)
class _Progress:
    """What is recorded before anything is changed for an item."""

    known: tuple[str, ...]
    """Digests of the tokens that the device had."""
    name: str
    """Name of the token to create."""
    old: Secret | None = None
    """The token to replace."""
    permission: str = "full"
    """Permission of the token to create."""
    serie_number: str | None = None
    """Its serial number."""
    made: Secret | None = None
    """The token that was created."""


def _digest(token: Secret) -> str:
    return blake2b(token.reveal().encode(), digest_size=8).hexdigest()


async def _save(work: WorkItem[Any], started: _Progress) -> None:
    work.progress = to_json(started)
    await work.save_progress(work.progress)


def _progress_of(work: WorkItem[Any]) -> _Progress | None:
    return None if work.progress is None else from_json(work.progress, _Progress)


@attrs.frozen
class _TokenCreation(CreatingOperation[Item]):
    """An operation that creates tokens."""

    calls: TokenCalls
    """The requests."""
    created = "token"
    noun = "tokens"
    route = "POST /device/token"
    has_tokens = True
    needs_progress = True

    def resource(self, item: Any) -> Hashable:
        """Return the device."""
        device_id: str = item.device_id
        return device_id

    async def find(
        self, items: Sequence[WorkItem[Any]], record: MakeRecord
    ) -> Mapping[int, Finding]:
        """Search for new tokens of the right name."""
        found: dict[int, Finding] = {}
        for work in items:
            started = _progress_of(work)
            # Without it nothing was changed yet.
            if started is None:
                continue
            if started.made is not None:
                found[work.index] = Found("", started.made.reveal())
                continue
            tokens = await self.calls.tokens(work.item.device_id, record())
            fresh = [
                one.token
                for one in tokens
                if one.name == started.name
                and _digest(one.token) not in started.known
                and self.is_free(one.token.reveal(), work.index)
            ]
            if len(fresh) == 1:
                found[work.index] = Found("", fresh[0].reveal())
            elif fresh:
                found[work.index] = Ambiguous(tuple(map(str, fresh)))
        return found


@attrs.frozen
class IssueTokens(_TokenCreation[DeviceTokenCreate]):
    """Creates the token of each item."""

    kind = "create_tokens"
    method = "tokens.create_many"
    item_type = DeviceTokenCreate
    outcome = TokenIssued

    async def do(self, work: WorkItem[DeviceTokenCreate]) -> Done:
        """Create the token."""
        item = work.item
        if work.run and work.progress is None:
            tokens = await self.calls.tokens(item.device_id, work.record)
            known = tuple(_digest(one.token) for one in tokens)
            await _save(work, _Progress(known=known, name=item.token.name))
        made = await self.calls.create_token(item.device_id, item.token, work.record)
        if work.run:
            self.own(made.token.reveal(), work.index)
        return self.done(work, result=made)

    async def adopt(self, work: WorkItem[DeviceTokenCreate]) -> Done:
        """Use the token that was found."""
        assert work.found is not None, "only found tokens are adopted"
        self.own(work.found.token, work.index)
        made = TokenCreated(token=Secret(work.found.token), permission=work.item.token.permission)
        return self.done(work, result=made, adopted=True)


@attrs.frozen
class RotateTokens(_TokenCreation[Rotation]):
    """Replaces the token of each item."""

    allow_gap: bool = attrs.field(default=False, kw_only=True)
    """Whether a device may be without a token for a moment, if its serial number requires it."""
    kind = "rotate_tokens"
    stored = ("allow_gap",)
    method = "tokens.rotate_many"
    item_type = Rotation
    outcome = Rotated
    adjustable = frozenset({"allow_gap"})
    _replaced: Claims = attrs.field(factory=Claims, init=False, repr=False, eq=False)

    def remember(self, index: int, item: Rotation, result: bytes | None) -> None:
        """Record the token that an item replaces, and the one that it has created."""
        if item.token is not None:
            self._replaced.take(_token_of(item), index)
        super().remember(index, item, result)

    async def do(self, work: WorkItem[Rotation]) -> Done:
        """Replace the token: the new one is recorded before the old one is deleted."""
        started = _progress_of(work)
        if started is None:
            started = await self._start(work)
        if started.made is None:
            started = await self._make(work, started)
        return await self._finish(work, started)

    async def _start(self, work: WorkItem[Rotation]) -> _Progress:
        """Record the device's tokens, before anything is changed."""
        if work.run and work.item.token is not None:
            owner = self._replaced.take(_token_of(work.item), work.index)
            if owner != work.index:
                # While the other item is not settled, this one would leave a second valid token.
                raise InputError(f"is already replaced by row {owner + 1}", path="token")
        tokens = await self.calls.tokens(work.item.device_id, work.record)
        old = _old_token(work.item, tokens)
        if old.serie_number and not self.allow_gap:
            raise InputError(
                "its serial number can be on one token only, so the old token would have to be "
                "deleted first, and the device could not connect in between",
                path="serie_number",
                hint="Pass allow_gap=True if the device may be without a token for a moment",
            )
        started = _Progress(
            known=tuple(_digest(one.token) for one in tokens),
            name=old.name or "Default",
            old=old.token,
            permission=old.permission or "full",
            serie_number=old.serie_number,
        )
        await _save(work, started)
        return started

    async def _make(self, work: WorkItem[Rotation], started: _Progress) -> _Progress:
        if started.serie_number and started.old is not None:
            await self.calls.delete_token(started.old, work.record)
        new = TokenCreate(
            started.name, started.permission, serie_number=started.serie_number or UNSET
        )
        made = await self.calls.create_token(work.item.device_id, new, work.record)
        return await self._made(work, started, made.token)

    async def _made(self, work: WorkItem[Rotation], started: _Progress, token: Secret) -> _Progress:
        started = attrs.evolve(started, made=token)
        if work.run:
            self.own(token.reveal(), work.index)
        try:
            await _save(work, started)
        except BaseException:
            # The token exists, although it could not be recorded.
            work.record.in_doubt = True
            raise
        work.found = Found("", token.reveal())
        return started

    async def _finish(self, work: WorkItem[Rotation], started: _Progress) -> Done:
        assert started.made is not None, "the old token is deleted after the new one was created"
        if started.old is not None and not started.serie_number:
            await self.calls.delete_token(started.old, work.record)
        made = TokenCreated(token=started.made, permission=started.permission)
        return self.done(work, result=made)

    async def adopt(self, work: WorkItem[Rotation]) -> Done:
        """Use the token that was found as the new one, and continue."""
        started = _progress_of(work)
        assert work.found is not None, "only found tokens are adopted"
        assert started is not None, "only started items are searched for"
        if started.made is None:
            started = await self._made(work, started, Secret(work.found.token))
        return await self._finish(work, started)


def _token_of(item: Rotation) -> str:
    assert item.token is not None, "called for items with a token"
    return f"{item.device_id} {item.token.reveal()}"


def _old_token(item: Rotation, tokens: Sequence[DeviceToken]) -> DeviceToken:
    """Return the token to replace: the named one, or the only one."""
    if item.token is None:
        if len(tokens) == 1:
            return tokens[0]
        raise InputError(
            f"device {item.device_id} has {len(tokens)} tokens",
            path="token",
            hint="Pass the token to replace, as Rotation(token=...)",
        )
    for one in tokens:
        if one.token == item.token:
            return one
    raise NotFoundError(
        f"Device {item.device_id} does not have the token {item.token}",
        hint="It may have been replaced already",
        status=404,
    )
