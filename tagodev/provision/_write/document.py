"""Documents: JSON files that tagodev writes, with a header and a list of devices.

- An *export* contains the devices of a profile.
- A *plan* contains the rows of a file and the fingerprint of the plan.
- A *snapshot* contains the state of devices before a change, to restore them.

Documents may contain serial numbers, so only their owner can read them, except exports without
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import attrs
import orjson

from tagodev._device_fields import CLEARABLE, COLUMNS, STORED
from tagodev._filesystem.atomic_write import write_file
from tagodev._models import UNSET
from tagodev.errors import InputError
from tagodev.provision._plan.model import PlanSettings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from tagodev._client import Tago
    from tagodev._models import ConfigurationParameter, Device, DeviceToken
    from tagodev.provision._plan.model import Plan
    from tagodev.provision._read.devices import DeviceRow

__all__ = [
    "DocumentHeader",
    "Kind",
    "check_profile",
    "check_service",
    "document",
    "read_head",
    "record_of_device",
    "record_of_row",
    "save_plan",
    "write_document",
]

Kind: TypeAlias = Literal["export", "plan", "snapshot"]

_FORMAT: Final = 1
#: Maximum size of the header line, in bytes.
_LONGEST_HEAD: Final = 100_000


@attrs.frozen(kw_only=True)
class DocumentHeader:
    """Header of a document."""

    kind: Kind
    """Kind of the document."""
    service: str
    """Address of the service."""
    settings: PlanSettings
    """Settings to plan with."""
    profile: str = ""
    """Id of the profile; empty if unknown."""
    fingerprint: str = ""
    """Fingerprint, if the document is a plan."""


def write_document(path: Path, head: DocumentHeader, records: Iterable[dict[str, Any]]) -> int:
    """Write a document that only its owner can read, and return its number of devices.

    The file is replaced atomically.

    Args:
        path: path of the file.
        head: its header.
        records: the devices.

    Raises:
        InputError: the file can't be written.
    """
    kept = list(records)
    write_file(path, document(head, kept))
    return len(kept)


def save_plan(path: Path, plan: Plan, rows: Iterable[DeviceRow], tago: Tago) -> None:
    """Write a plan to a file, to apply exactly this plan later.

    Args:
        path: path of the file.
        plan: the plan.
        rows: the rows that it was made from.
        tago: the client that it was made with.

    Raises:
        InputError: the file can't be written.
    """
    head = DocumentHeader(
        kind="plan",
        service=tago.base_url,
        profile=plan.profile,
        settings=plan.settings,
        fingerprint=plan.fingerprint,
    )
    write_document(path, head, map(record_of_row, rows))


def document(head: DocumentHeader, records: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Yield a document in pieces: the header on the first line, then one device per line.

    Args:
        head: its header.
        records: the devices.
    """
    facts = {"format": _FORMAT, **attrs.asdict(head)}
    facts["intent"] = facts.pop("settings")
    yield b'{"tagodev": ' + orjson.dumps(facts) + b","
    yield b'\n"devices": ['
    for number, record in enumerate(records):
        yield (b",\n" if number else b"\n") + orjson.dumps(record)
    yield b"\n]}\n"


def read_head(path: Path) -> DocumentHeader | None:
    """Return the header of a document; None if the file is not a document.

    Args:
        path: path of the file.

    Raises:
        InputError: it was written by another version.
    """
    try:
        # Other files, such as pipes, can't be read twice.
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
            return DocumentHeader(settings=PlanSettings(**facts.pop("intent")), **facts)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, InputError):
        pass
    raise InputError("was written by another version of tagodev", source=str(path))


def check_service(head: DocumentHeader, tago: Tago) -> None:
    """Refuse a plan or a snapshot of another service.

    Args:
        head: header of the document.
        tago: the client to apply it with.

    Raises:
        InputError: it belongs to another service.
    """
    if head.kind != "export" and head.service != tago.base_url:
        raise InputError(f"belongs to {head.service}, not to {tago.base_url}")


def check_profile(head: DocumentHeader, plan: Plan) -> None:
    """Refuse a plan or a snapshot of another profile.

    Args:
        head: header of the document.
        plan: the plan made from it.

    Raises:
        InputError: it belongs to another profile.
    """
    if head.kind != "export" and head.profile and plan.profile not in ("", head.profile):
        raise InputError(f"belongs to profile {head.profile}, not to {plan.profile}")


def record_of_row(row: DeviceRow) -> dict[str, Any]:
    """Return the record of a row, as device lists contain it.

    Args:
        row: the row.
    """
    device = row.device
    record: dict[str, Any] = {"id": row.device_id} if row.device_id else {}
    for name in COLUMNS:
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
    """Return the record of a device, as device lists contain it.

    Args:
        device: the device.
        parameters: its configuration parameters; None if they were not read.
        tokens: its tokens, for its serial number; None if they were not read.
        with_id: whether to include its id.
        emptied: clearable fields to include even if they are empty.
    """
    record: dict[str, Any] = {"id": device.id} if with_id else {}
    for name in STORED:
        value = getattr(device, name)
        if value is not None:
            record[name] = value
        elif name in emptied and name in CLEARABLE:
            record[name] = ""
    for token in tokens or ():
        if token.serie_number:
            record["serie_number"] = token.serie_number
            break
    record["tags"] = [attrs.asdict(tag) for tag in device.tags]
    if parameters is not None:
        # Of several parameters with the same key, the first counts.
        firsts = {one.key: one for one in reversed(parameters)}
        record["configuration_params"] = [
            _parameter(one) for one in parameters if firsts[one.key] is one
        ]
    return record


def _parameter(one: ConfigurationParameter) -> dict[str, Any]:
    return {"key": one.key, "value": one.value, "sent": one.sent}
