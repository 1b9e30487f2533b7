"""Documents: lists of devices that tagodev itself writes, with a head that says what they are.

One JSON object: the head, and the devices in the form in which files of devices are read.

- An *export* says how a profile is.
- A *plan* says what a file asked for when it was looked at, and the fingerprint of what came out.
- A *snapshot* says how devices were before they were changed or deleted, so that applying it puts
  them back.

They hold what a profile holds, serial numbers among it, so nobody else may read them, unless it is
an export without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import attrs
import orjson

from tagodev.errors import InputError
from tagodev.filesystem.atomic_write import write_file
from tagodev.models import UNSET
from tagodev.provision.plan.settings import PlanSettings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from tagodev.models import ConfigurationParameter, Device, DeviceToken
    from tagodev.provision.read.devices import DeviceRow

__all__ = [
    "DocumentHeader",
    "Kind",
    "document",
    "read_head",
    "record_of_device",
    "record_of_row",
    "write_document",
]

Kind: TypeAlias = Literal["export", "plan", "snapshot"]

_FORMAT: Final = 1
#: Bytes of the first line that are looked at.
_LONGEST_HEAD: Final = 100_000
_FIELDS: Final = (
    "name",
    "type",
    "network",
    "connector",
    "active",
    "visible",
    "description",
    "chunk_period",
    "chunk_retention",
    "mutable_variable_regex",
    "payload_decoder",
)


@attrs.frozen(kw_only=True)
class DocumentHeader:
    """What a document is."""

    kind: Kind
    """An export, a plan or a snapshot."""
    service: str
    """Address of the service that it is about."""
    intent: PlanSettings
    """What its devices stand for."""
    profile: str = ""
    """Id of the profile that it is about; empty where that is not known."""
    fingerprint: str = ""
    """Of a plan: the digest of what came out."""


def write_document(path: Path, head: DocumentHeader, records: Iterable[dict[str, Any]]) -> int:
    """Write a document, for its owner's eyes only, and return how many devices it holds.

    It is there as a whole or not at all: what was at the path before is replaced at the end.

    Args:
        path: where.
        head: what it is.
        records: the devices.

    Raises:
        InputError: it can't be written.
    """
    kept = list(records)
    write_file(path, document(head, kept))
    return len(kept)


def document(head: DocumentHeader, records: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Yield a document piece by piece: the head on the first line, then a device a line.

    Args:
        head: what it is.
        records: the devices.
    """
    yield b'{"tagodev": ' + orjson.dumps({"format": _FORMAT, **attrs.asdict(head)}) + b","
    yield b'\n"devices": ['
    for number, record in enumerate(records):
        yield (b",\n" if number else b"\n") + orjson.dumps(record)
    yield b"\n]}\n"


def read_head(path: Path) -> DocumentHeader | None:
    """Return what a document is; None if the file is not one of tagodev's.

    Args:
        path: where it is.

    Raises:
        InputError: it was written by another version.
    """
    try:
        # What is no regular file could not be read again.
        if not path.is_file():
            return None
        with path.open("rb") as file:
            line = file.readline(_LONGEST_HEAD)
    except OSError:
        return None
    if not line.startswith(b'{"tagodev": '):
        return None
    try:
        facts = orjson.loads(line.strip().removesuffix(b",") + b"}")["tagodev"]
        if facts.pop("format") == _FORMAT:
            return DocumentHeader(**{**facts, "intent": PlanSettings(**facts["intent"])})
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, InputError):
        pass
    raise InputError("was written by another version of tagodev", source=str(path))


def record_of_row(row: DeviceRow) -> dict[str, Any]:
    """Return a row in the form in which files of devices are read.

    Args:
        row: what a file says.
    """
    device = row.device
    record: dict[str, Any] = {"id": row.device_id} if row.device_id else {}
    for name in (*_FIELDS, "serie_number"):
        if name in row.given:
            record[name] = getattr(device, name)
    if device.tags is not UNSET:
        record["tags"] = [attrs.asdict(tag) for tag in device.tags]
    if device.configuration_params is not UNSET:
        record["configuration_params"] = [_parameter(one) for one in device.configuration_params]
    return record


def record_of_device(
    device: Device,
    *,
    parameters: Sequence[ConfigurationParameter] | None = None,
    tokens: Sequence[DeviceToken] | None = None,
    with_id: bool = False,
    emptied: Collection[str] = (),
) -> dict[str, Any]:
    """Return a device in the form in which files of devices are read.

    Args:
        device: as it is on the service.
        parameters: its configuration parameters; None if they were not read.
        tokens: its tokens, for the serial number of the first; None if they were not read.
        with_id: whether its id is given.
        emptied: fields of text that are given though they hold nothing.
    """
    record: dict[str, Any] = {"id": device.id} if with_id else {}
    for name in _FIELDS:
        value = getattr(device, name)
        if value is not None:
            record[name] = value
        elif name in emptied:
            record[name] = ""
    for token in tokens or ():
        if token.serie_number:
            record["serie_number"] = token.serie_number
            break
    record["tags"] = [attrs.asdict(tag) for tag in device.tags]
    if parameters is not None:
        # Of several with one key, the first is the one that counts.
        firsts = {one.key: one for one in reversed(parameters)}
        record["configuration_params"] = [
            _parameter(one) for one in parameters if firsts[one.key] is one
        ]
    return record


def _parameter(one: ConfigurationParameter) -> dict[str, Any]:
    return {"key": one.key, "value": one.value, "sent": one.sent}
