"""Client and emulator hold what the service's own OpenAPI file documents.

The file is not part of this project: TAGODEV_OPENAPI says where it is, or it is looked for beside
the checkout. Without it what needs it is skipped, but under CI not if its place is given or there.
Each operation of the rooms that are ours is called by the client on the emulator; the answer must
have the documented status and fit the documented schema, every documented field included.
"""

from __future__ import annotations

import os
import re
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import attrs
import orjson
import pytest
import yaml
from aiohttp import ClientSession
from jsonschema import Draft202012Validator

from tagodev import (
    ConfigurationParameter,
    DataCreate,
    DataEdit,
    DataQuery,
    DeviceConvert,
    DeviceCreate,
    DeviceEdit,
    DeviceFilter,
    TokenCreate,
)
from tagodev.emulator import Emulator, EmulatorOptions
from tagodev.emulator._http.routing import Router
from tagodev.emulator._routes import ROUTES
from tests.support.calls import CALLS, stocked
from tests.support.clients import client
from tests.support.exchanges import recording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jsonschema import ValidationError

#: Read here: tests don't see settings from outside.
GIVEN: Final = os.environ.get("TAGODEV_OPENAPI", "")
BESIDE: Final = Path(__file__).parents[2] / "shared"
REFERENCE: Final = Path(GIVEN) if GIVEN else BESIDE / "reference" / "tagoio-openapi.yaml"


@pytest.fixture
def against_the_file() -> None:
    """Skip a test where there is no file to hold anything against."""
    if REFERENCE.is_file():
        return
    if os.environ.get("CI") and (GIVEN or BESIDE.is_dir()):
        pytest.fail(f"there is no {REFERENCE}")
    pytest.skip(f"there is no {REFERENCE.name} beside the checkout")


#: Operations whose paths begin so are of our rooms.
ROOMS: Final = ("/info", "/data", "/device", "/integration", "/tags", "/profile", "/account")
#: Of these, what neither the client nor the emulator has, and why.
NOT_OURS: Final = {
    "getWidgetData": "data of a dashboard's widget, not of a device",
    "getAccountResourcesAllocation": "billing",
    "updateTheAccountResourcesAllocation": "billing",
    "loginToAccount": "signs a person in; programs have tokens",
    "editAccount": "settings of a person, which devices have no part in",
    "getAProfileStatistics": "use of monthly services; its path is a typing error besides",
    "createProfileBackup": "backups of a whole profile, dashboards and all",
    "listProfileBackups": "backups of a whole profile, dashboards and all",
    "downloadProfileBackup": "backups of a whole profile, dashboards and all",
    "deleteProfileBackup": "backups of a whole profile, dashboards and all",
    "configureProfileService": "credentials of mail and message services",
    "testProfileService": "credentials of mail and message services",
}


#: What is documented, and not offered by the client.
NOT_OFFERED: Final = {
    "generateProfileToken": "takes a person's password, which no program should have",
}
#: Routes of the emulator for other clients' sake, and why ours leaves them out.
UNOFFERED_ROUTES: Final = {
    "PUT /device/:device_id/params/:param_id": "an older client's; setting them by id does it",
    "POST /device/:device_id/chunk/copy": "the older name of chunk/backup",
    "GET /profile/:profile_id/token": "of a profile, not of its devices",
    "POST /profile/:profile_id/token": "of a profile, not of its devices",
    "DELETE /profile/:profile_id/token/:token": "of a profile, not of its devices",
    "POST /account/profile/token": "takes a person's password, which no program should have",
    "POST /integration/network/publish": "publishes by MQTT, for which there are better clients",
    "GET /status": "the service's version changes nothing here",
}
#: Routes of other services that the client calls: of the middleware of a network.
OF_OTHERS: Final = {"POST /downlink"}
#: The call of the client that makes each operation; see `tests.support.calls`.
CALLED_BY: Final = {
    "currentDeviceInformation": "device.info",
    "getData": "device.data.read",
    "editData": "device.data.edit",
    "sendData": "device.data.send",
    "deleteData": "device.data.delete",
    "getConfigurationParameters": "device.parameters.list",
    "markAConfigurationParameterAsRead": "device.parameters.mark_read",
    "listOfTokens": "tago.tokens.list",
    "createToken": "tago.tokens.create",
    "deleteToken": "tago.tokens.delete",
    "listDeviceParams": "tago.parameters.list",
    "createAndEditDeviceParams": "tago.parameters.set",
    "deleteDeviceParam": "tago.parameters.remove",
    "listOfDevices": "tago.devices.list",
    "createNewDevice": "tago.devices.create",
    "exportDataToCsvInFiles": "tago.data.backup",
    "listOfChunks": "tago.chunks.list",
    "deviceInformation": "tago.devices.info",
    "editDevice": "tago.devices.edit",
    "deleteDevice": "tago.devices.delete",
    "exportAChunkAsCsvToFiles": "tago.chunks.backup",
    "deleteChunk": "tago.chunks.delete",
    "convertDeviceType": "tago.devices.convert",
    "deviceDataAmount": "tago.devices.amount",
    "importDataFromACsvInFiles": "tago.data.restore",
    "emptyADeviceSData": "tago.devices.empty",
    "getDeviceData": "tago.data.read",
    "sendDataToDevice": "tago.data.send as an analysis",
    "editDeviceData": "tago.data.edit",
    "deleteDeviceData": "tago.data.delete",
    "getTheAccountPlan": "tago.account.plan",
    "getAccountInformation": "tago.account.info",
    "getAProfileSummary": "tago.profile.summary",
    "getAProfileDetails": "tago.profile.info",
    "getTags": "tago.tags.keys",
    "getDeviceTokenWithSerialNumberAuthorization": "tago.tokens.resolve authorized",
    "getDeviceTokenWithSerialNumber": "tago.tokens.resolve",
    "editDeviceConfigurationParameter": "tago.networks.set_parameters",
    "sendDataUsingNetwork": "tago.networks.send",
}


def _fields(cls: type[attrs.AttrsInstance]) -> frozenset[str]:
    return frozenset(field.name for field in attrs.fields(cls))


_SENT: Final = _fields(DataCreate)
_ASKED: Final = _fields(DataQuery) | {"query", "function", "interval", "value"}
#: What the client has a way to say in an operation, besides what its call above says.
INPUTS: Final[Mapping[str, frozenset[str]]] = {
    "getData": _ASKED,
    "editData": _fields(DataEdit),
    "sendData": _SENT,
    "deleteData": _fields(DataQuery),
    "getConfigurationParameters": frozenset({"sent_status"}),
    "createToken": _fields(TokenCreate),
    "listDeviceParams": frozenset(),
    "createAndEditDeviceParams": _fields(ConfigurationParameter),
    "listOfDevices": frozenset(f"filter[{name}]" for name in _fields(DeviceFilter)),
    "createNewDevice": _fields(DeviceCreate),
    "exportDataToCsvInFiles": frozenset(),
    "editDevice": _fields(DeviceEdit),
    "exportAChunkAsCsvToFiles": frozenset(),
    "convertDeviceType": _fields(DeviceConvert),
    "importDataFromACsvInFiles": frozenset(),
    "getDeviceData": _ASKED,
    "sendDataToDevice": _SENT,
    "editDeviceData": _fields(DataEdit),
    "deleteDeviceData": _fields(DataQuery),
    "editDeviceConfigurationParameter": _fields(ConfigurationParameter),
    "sendDataUsingNetwork": _SENT,
}
#: Where answers differ from the file on purpose, and why.
TOLERATED: Final = {
    ("currentDeviceInformation", "result.payload_decoder"): "null where there is none",
    ("getData", "result[].created_at"): "told with details=true only, as its own query says",
    ("getData", "result[].location"): "told where a register has one",
    ("getData", "result[].unit"): "told where a register has one",
    ("getData", "result[].value"): "a number here and a text in getDeviceData: it is what was sent",
    ("createNewDevice", "result.deviceID"): "device_id in both SDKs and everywhere else",
    ("deviceInformation", "result.description"): "null where there is none",
    ("getDeviceData", "result[].location"): "told where a register has one",
    ("getDeviceData", "result[].unit"): "told where a register has one",
    ("getDeviceData", "result[].value"): "a text here and a number in getData: it is what was sent",
    ("getAProfileSummary", "result.tago_run"): "null where there is none",
    ("getAProfileDetails", "result.info.logo_url"): "null where there is none",
    ("getAProfileDetails", "result.info.rpm"): "null without the add-on that sets soft limits",
}


@attrs.frozen
class Operation:
    """One operation of the file."""

    id: str
    method: str
    path: str
    statuses: tuple[str, ...]
    schema: Any
    """What the body of a success must be; None where the file does not say."""
    inputs: frozenset[str]
    """Names of what it takes in its query and in the objects of its body."""

    def is_asked_by(self, method: str, path: str) -> bool:
        """Return whether a request is for this operation, as far as its path tells."""
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(self.path))
        return self.method == method and re.fullmatch(pattern, path) is not None


def load() -> dict[str, Operation]:
    """Return the operations of our rooms, by their ids."""
    if not REFERENCE.is_file():
        return {}
    file = yaml.safe_load(REFERENCE.read_text(encoding="utf-8"))
    found = {}
    for path, methods in file["paths"].items():
        for method, one in methods.items():
            if path.startswith(ROOMS) and method != "parameters" and isinstance(one, dict):
                statuses = tuple(one["responses"])
                content = one["responses"][statuses[0]].get("content", {})
                operation = Operation(
                    one["operationId"],
                    method.upper(),
                    path,
                    statuses,
                    content.get("application/json", {}).get("schema"),
                    frozenset({*in_query(file, one), *in_body(file, one)}),
                )
                found[operation.id] = operation
    return found


def resolved(file: Any, part: Any) -> Any:
    """Return a part of the file, or what it refers to."""
    while "$ref" in part:
        steps = part["$ref"].removeprefix("#/").split("/")
        part = reduce(getitem, steps, file)
    return part


def in_query(file: Any, operation: Any) -> Iterator[str]:
    """Yield the names of an operation's query parameters."""
    for one in operation.get("parameters", ()):
        parameter = resolved(file, one)
        if parameter["in"] == "query":
            yield parameter["name"]


def in_body(file: Any, operation: Any) -> Iterator[str]:
    """Yield the names of the fields of the objects that an operation's body is made of."""
    body = resolved(file, operation.get("requestBody", {}))
    schemas = [body.get("content", {}).get("application/json", {}).get("schema", {})]
    while schemas:
        schema = resolved(file, schemas.pop())
        yield from schema.get("properties", ())
        schemas += [*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())]
        if "items" in schema:
            schemas.append(schema["items"])


OPERATIONS: Final = load()


def operation_of(method: str, target: str) -> Operation:
    """Return the operation that a request is for."""
    path = target.partition("?")[0]
    asked = [one for one in OPERATIONS.values() if one.is_asked_by(method, path)]
    # A literal segment goes before a parameter.
    return min(asked, key=lambda one: one.path.count("{"))


def complete(schema: Any) -> Any:
    """Return a schema in which each field that is documented must be there."""
    if isinstance(schema, list):
        return [complete(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    whole = {key: complete(value) for key, value in schema.items() if key != "example"}
    if isinstance(whole.get("properties"), dict) and "type" in whole:
        whole["required"] = [*whole["properties"]]
    return whole


def place(error: ValidationError) -> str:
    """Return where an answer differs: ``result[].value``."""
    steps = "".join("[]" if isinstance(one, int) else f".{one}" for one in error.absolute_path)
    missing = re.match(r"'(\w+)' is a required property", error.message)
    return f"{steps}.{missing[1]}".lstrip(".") if missing else steps.lstrip(".")


def check(operation: Operation, answers: Iterable[tuple[int, bytes]]) -> None:
    """Fail unless answers are as documented, but for what is tolerated.

    Args:
        operation: what was asked for.
        answers: status and body of each answer.
    """
    found: set[str] = set()
    for status, body in answers:
        assert str(status) in operation.statuses, body
        if operation.schema is not None:
            validator = Draft202012Validator(complete(operation.schema))
            found |= {place(error) for error in validator.iter_errors(orjson.loads(body))}
    assert {where for name, where in TOLERATED if name == operation.id} == found


@pytest.mark.usefixtures("against_the_file")
def test_every_operation_has_its_place() -> None:
    """Each operation of our rooms is called, or left out with a reason."""
    assert OPERATIONS.keys() == {*CALLED_BY, *NOT_OFFERED, *NOT_OURS}


@pytest.mark.usefixtures("against_the_file")
@pytest.mark.parametrize("name", CALLED_BY)
async def test_client_and_emulator_agree_with_the_file(name: str) -> None:
    """The client makes the call, and the answer to it is the documented one."""
    operation = OPERATIONS[name]
    async with (
        Emulator(EmulatorOptions(unlimited=True)) as emulator,
        stocked(emulator.url, emulator.tokens_by_kind) as (actors, stock),
    ):
        with recording() as recorded:
            await CALLS[CALLED_BY[name]](actors, stock)
    answers = [
        (answer.status, answer.body)
        for request, answer in recorded
        if operation_of(request.route.method, request.path) == operation
    ]
    assert answers, "the call asks for something else"
    check(operation, answers)


@pytest.mark.usefixtures("against_the_file")
@pytest.mark.parametrize("name", INPUTS)
async def test_every_documented_input_can_be_sent(name: str) -> None:
    """Whatever an operation takes, in its query or its body, the client has a way to say."""
    sent = set(INPUTS[name])
    async with (
        Emulator(EmulatorOptions(unlimited=True)) as emulator,
        stocked(emulator.url, emulator.tokens_by_kind) as (actors, stock),
    ):
        with recording() as recorded:
            await CALLS[CALLED_BY[name]](actors, stock)
    for request, _ in recorded:
        sent |= {name for name, _ in parse_qsl(request.path.partition("?")[2])}
        body = orjson.loads(request.body or b"{}")
        for item in body if isinstance(body, list) else [body]:
            sent |= item.keys()

    assert OPERATIONS[name].inputs
    assert OPERATIONS[name].inputs <= sent


@pytest.mark.usefixtures("against_the_file")
def test_nothing_else_takes_an_input() -> None:
    """An operation that is documented to take something is looked at above."""
    taking = {name for name in CALLED_BY if OPERATIONS[name].inputs}
    assert taking == INPUTS.keys()


@pytest.mark.usefixtures("against_the_file")
async def test_signing_in_is_answered_as_documented() -> None:
    """What the client leaves out the emulator answers all the same, for other clients."""
    operation = OPERATIONS["generateProfileToken"]
    async with (
        Emulator() as emulator,
        client(emulator.url, token=emulator.token) as tago,
        ClientSession(emulator.url) as http,
    ):
        account, profile = await tago.account.info(), await tago.profile.info()
        answer = await http.request(
            operation.method,
            operation.path,
            json={
                "email": account.email,
                "password": "any",
                "name": "x",
                "profile_id": profile.info.id,
            },
        )
        check(operation, [(answer.status, await answer.read())])


async def test_every_route_has_a_caller() -> None:
    """Each route of the emulator is used by a call of the client, or left out with a reason."""
    used: set[str] = set()
    router = Router(ROUTES)
    async with Emulator(EmulatorOptions(unlimited=True)) as emulator:
        for call in CALLS.values():
            emulator.reset()
            async with stocked(emulator.url, emulator.tokens_by_kind) as (actors, stock):
                with recording() as recorded:
                    await call(actors, stock)
            for request, _ in recorded:
                if request.route.name in OF_OTHERS:
                    continue
                found = router.find(request.route.method, request.path.partition("?")[0])
                assert found is not None
                used.add(found[0].key)
    assert {route.key for route in ROUTES} - used == UNOFFERED_ROUTES.keys()
