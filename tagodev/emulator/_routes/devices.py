"""Device routes: create, list, info, edit and delete, and the tag keys in use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev.emulator._http.errors import RefusedError
from tagodev.emulator._http.pagination import filters, getters, matcher, page_in_order
from tagodev.emulator._http.query import Decoded, choice, flag, text, texts
from tagodev.emulator._http.routing import Call, Route
from tagodev.emulator._http.validation import (
    DEVICE_READERS,
    read,
    read_new,
    refuse_if,
    retention_problem,
)
from tagodev.emulator._model.public_networks import CUSTOM_HTTPS_PLACE
from tagodev.emulator._model.store import Device, Parameter, Store, Tag, Token
from tagodev.emulator._model.time import iso, iso_or_none, parse_moment
from tagodev.emulator._routes.networks import move_problems, place_problems
from tagodev.emulator._variants import name_problems

if TYPE_CHECKING:
    from tagodev.emulator._model.public_networks import Connector, Network

__all__ = ["DEVICE_FIELDS", "ROUTES", "listed", "storage_problems"]

_CHUNKED: Final = frozenset({"immutable", "hybrid"})
_PROTECTION_KEYS: Final = frozenset({"_delete_protection_", "_deletion_protection"})


def _data_retention(device: Device) -> str:
    if device.chunk_period is None:
        return "forever"
    return f"{device.chunk_retention} {device.chunk_period}"


#: Serializers by field, for lists and info.
DEVICE_FIELDS: Final[Mapping[str, Callable[[Device], Any]]] = {
    **getters("id", "profile", "name", "description", "type", "active", "visible"),
    **getters("network", "connector", "payload_decoder"),
    "tags": lambda device: [{"key": tag.key, "value": tag.value} for tag in device.tags],
    # The bucket of a device is the device; a list names it by its id only.
    "bucket": attrgetter("id"),
    "created_at": lambda device: iso(device.created_at),
    "updated_at": lambda device: iso(device.updated_at),
    "last_input": lambda device: iso_or_none(device.last_input),
    "data_retention": _data_retention,
    **getters("chunk_period", "chunk_retention", "mutable_variable_regex", "rpm"),
}
#: Fields that only lists return, on request.
_LIST_FIELDS: Final[Mapping[str, Callable[[Device], Any]]] = {
    **DEVICE_FIELDS,
    "last_output": lambda device: iso_or_none(device.last_output),
    "inspected_at": lambda _: None,
    "last_retention": lambda _: None,
}
#: Fields that a device of another type does not have at all.
_CHUNK_FIELDS: Final = ("chunk_period", "chunk_retention", "mutable_variable_regex")

_ORDER_KEYS: Final = {
    **getters("name", "type", "visible", "active"),
    **getters("last_input", "last_output", "created_at", "updated_at"),
}


def _create(call: Call) -> dict[str, str]:
    body = {name: value for name, value in call.body().items() if value is not None}
    if "strict-create" not in call.options.variants:
        # Where the examples of the documentation put theirs.
        body = {**CUSTOM_HTTPS_PLACE, **body}
    values, problems = read_new(body, DEVICE_READERS, "name", *CUSTOM_HTTPS_PLACE)
    problems += [
        *name_problems(values, call.options.variants),
        *storage_problems(body, values),
        *place_problems(call.store, values),
    ]
    refuse_if(problems)
    store = call.store
    serial = store.new_serial(values["network"], values.pop("serie_number", None))
    now = call.clock.now()
    device = Device(
        id=store.new_id(),
        profile=store.profile,
        created_at=now,
        updated_at=now,
        rpm=dict(call.options.device_rpm) or None,
        **_attributes(values, store, ()),
    )
    store.add(device)
    token = Token(store.new_token(), device, "Default", "full", serial, None, now)
    store.add_token(token)
    return {"device_id": device.id, "bucket_id": device.id, "token": token.text}


def storage_problems(body: Mapping[str, Any], values: dict[str, Any]) -> Iterable[str]:
    """Check a device's storage fields, and remove the fields that its type does not have.

    Args:
        body: the request's object.
        values: its fields, parsed.

    Returns:
        A sentence per problem.
    """
    kind = values.get("type")
    if kind != "hybrid":
        values.pop("mutable_variable_regex", None)
    if kind == "legacy":
        yield "type legacy is only for a profile that still has a legacy device"
    if kind not in _CHUNKED:
        values.pop("chunk_period", None)
        values.pop("chunk_retention", None)
        return
    for name in ("chunk_period", "chunk_retention"):
        if name not in body:
            yield f"{name} is required for type {kind}"
    if "chunk_period" in values and "chunk_retention" in values:
        problem = retention_problem(values["chunk_period"], values["chunk_retention"])
        if problem:
            yield problem


def _attributes(values: dict[str, Any], store: Store, known: Iterable[Parameter]) -> dict[str, Any]:
    """Map the fields of a body to attributes of a device."""
    if "parse_function" in values:
        decoder = values.pop("parse_function")
        values.setdefault("payload_decoder", decoder)
    if "configuration_params" in values:
        ids = {parameter.id for parameter in known}
        values["parameters"] = [
            parameter if parameter.id in ids else attrs.evolve(parameter, id=store.new_id())
            for parameter in values.pop("configuration_params")
        ]
    return values


def _info(call: Call) -> dict[str, Any]:
    device = call.device()
    fields = {name: write(device) for name, write in DEVICE_FIELDS.items()}
    for name in _CHUNK_FIELDS:
        if fields[name] is None:
            del fields[name]
    return {**fields, "bucket": {"id": device.id, "name": device.name}}


def _edit(call: Call) -> str:
    device = call.device()
    values, problems = read(call.body(), DEVICE_READERS)
    problems += [
        *name_problems(values, call.options.variants),
        *_edit_problems(device, values),
        *move_problems(call.store, device, values),
    ]
    refuse_if(problems)
    # A serial belongs to a token; the two others have passed as equal to what is stored.
    for name in ("serie_number", "type", "chunk_period"):
        values.pop(name, None)
    for name, value in _attributes(values, call.store, device.parameters).items():
        setattr(device, name, value)
    device.updated_at = call.clock.now()
    return "Successfully Updated"


def _edit_problems(device: Device, values: dict[str, Any]) -> Iterable[str]:
    for name in ("type", "chunk_period"):
        if name in values and values[name] != getattr(device, name):
            yield f"{name} can't be edited"
    regex = device.mutable_variable_regex
    if device.type != "hybrid":
        values.pop("mutable_variable_regex", None)
    elif values.get("mutable_variable_regex", regex) != regex and len(device.data):
        yield "mutable_variable_regex can't be edited while the device has data"
    if "chunk_retention" in values:
        if device.chunk_period is None:
            del values["chunk_retention"]
        elif problem := retention_problem(device.chunk_period, values["chunk_retention"]):
            yield problem


def _delete(call: Call) -> str:
    device = call.device()
    for tag in device.tags:
        if tag.key in _PROTECTION_KEYS:
            raise RefusedError(400, tag.value)
    call.store.remove(device)
    return "Successfully Removed"


def _list(call: Call) -> list[dict[str, Any]]:
    query = call.query()
    page = listed(_candidates(call.store, query), query, call.clock.now())
    chosen_names = {"id", "name", "tags", *texts(query.get("fields"))}
    chosen = {name: write for name, write in _LIST_FIELDS.items() if name in chosen_names}
    writers = {**chosen, **_resolvers(query, call.store)}
    return [{name: write(device) for name, write in writers.items()} for device in page]


def _resolvers(query: Mapping[str, Decoded], store: Store) -> Mapping[str, Callable[[Device], Any]]:
    """Return serializers for the names that a query wants resolved."""
    writers: dict[str, Callable[[Device], Any]] = {}
    if flag(query.get("resolveBucketName"), "resolveBucketName"):
        writers["bucket_name"] = attrgetter("name")
    if flag(query.get("resolveConnectorName"), "resolveConnectorName"):
        writers["connector_name"] = lambda device: _name(store.find_connector(device.connector))
        writers["network_name"] = lambda device: _name(store.find_network(device.network))
    return writers


def _name(record: Connector | Network | None) -> str | None:
    # A device's network and connector may be any id here.
    return None if record is None else record.name


def listed(devices: Iterable[Device], query: Mapping[str, Decoded], now: float) -> list[Device]:
    """Return the page of devices that a query requests.

    Args:
        devices: all devices.
        query: the decoded query.
        now: the moment that relative times refer to.

    Raises:
        RefusedError: the query filters or sorts by an unsupported field.
    """
    tests = _tests(filters(query, _FILTERS), now)
    found = [device for device in devices if all(test(device) for test in tests)]
    return page_in_order(found, query, "name,asc", _ORDER_KEYS)


def _candidates(store: Store, query: Mapping[str, Decoded]) -> Iterable[Device]:
    serial = text(query.get("serial"))
    if serial is None:
        return store.devices.values()
    if "*" not in serial:
        tokens = store.serials.get(serial, [])
    else:
        matches = matcher(serial)
        tokens = [t for known, held in store.serials.items() if matches(known) for t in held]
    # One device may hold several tokens whose serials match.
    return {token.device.id: token.device for token in tokens}.values()


Test = Callable[[Device], bool]


def _tests(chosen: Mapping[str, Decoded], now: float) -> list[Test]:
    return [test for name, value in chosen.items() for test in _FILTERS[name](name, value, now)]


def _equal(name: str, value: Decoded, _: float) -> Iterable[Test]:
    allowed = frozenset(texts(value))
    get = attrgetter(name)
    if allowed:
        yield lambda device: get(device) in allowed


def _named(_: str, value: Decoded, __: float) -> Iterable[Test]:
    pattern = text(value)
    if pattern is not None:
        matches = matcher(pattern)
        yield lambda device: matches(device.name)


def _flagged(name: str, value: Decoded, _: float) -> Iterable[Test]:
    required = flag(value, f"filter[{name}]")
    get = attrgetter(name)
    if required is not None:
        yield lambda device: get(device) is required


def _since(name: str, value: Decoded, now: float) -> Iterable[Test]:
    words = text(value)
    if words is None:
        return
    try:
        start = parse_moment(words, now=now, ahead=False)
    except ValueError:
        raise RefusedError(400, "Invalid date") from None
    get = attrgetter(name)
    yield lambda device: get(device) is not None and get(device) >= start


def _tagged(_: str, value: Decoded, __: float) -> Iterable[Test]:
    for entry in value if isinstance(value, list) else [value]:
        if not isinstance(entry, dict):
            raise RefusedError(400, "filter[tags] must be a list of objects with key or value")
        key, words = text(entry.get("key")), text(entry.get("value"))
        if key is not None or words is not None:
            yield _carries(key, words)


def _carries(key: str | None, value: str | None) -> Test:
    """Return a test for a device with a tag of this key and value."""
    key_matches = matcher("*" if key is None else key)
    value_matches = matcher("*" if value is None else value)

    def matches(tag: Tag) -> bool:
        return key_matches(tag.key) and value_matches(tag.value)

    return lambda device: any(matches(tag) for tag in device.tags)


_FILTERS: Final[Mapping[str, Callable[[str, Decoded, float], Iterable[Test]]]] = {
    "id": _equal,
    "network": _equal,
    "connector": _equal,
    "profile": _equal,
    "type": _equal,
    "name": _named,
    "active": _flagged,
    "visible": _flagged,
    "tags": _tagged,
    "created_at": _since,
    "updated_at": _since,
    "last_input": _since,
}


#: What carries tags on the service; here only devices do.
_TAGGED: Final = (
    "action",
    "analysis",
    "bucket",
    "dashboard",
    "device",
    "run_users",
    "secrets",
    "tcore",
    "user",
)


def _tag_keys(call: Call) -> list[str]:
    if choice(call.path[0].lower(), "type", _TAGGED) != "device":
        return []
    return sorted({tag.key for device in call.store.devices.values() for tag in device.tags})


ROUTES: Final = (
    Route("POST", "/device", _create, status=201),
    Route("GET", "/device", _list, is_paged=True),
    Route("GET", "/device/:device_id", _info),
    Route("PUT", "/device/:device_id", _edit),
    Route("DELETE", "/device/:device_id", _delete),
    Route("GET", "/tags/keys/:type", _tag_keys),
)
