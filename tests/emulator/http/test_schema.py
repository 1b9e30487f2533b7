"""A fuzzer that has read what the emulator serves finds that, and no fault.

`schemathesis` makes requests from the description beside this file, right ones and wrong ones, and
holds each answer against it: its status, its content type, every field of its body.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import attrs
import pytest
import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tagodev.emulator._routes import ROUTES
from tests.emulator.support import CONNECTOR, NETWORK
from tests.support.examples import examples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    Case: TypeAlias = schemathesis.Case[Any]

SPEC: Final = yaml.safe_load(
    Path(__file__).parents[1].joinpath("emulator-openapi.yaml").read_text(encoding="utf-8")
)
SCHEMA: Final = schemathesis.openapi.from_dict(SPEC)
# Requests with a method that is not described are for another path: they find no route.
SCHEMA.config.phases.coverage.unexpected_methods = set()
#: What every answer must pass. That wrong requests are refused is left to the emulator's own
#: tests: the service itself takes much that no description would allow.
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
#: Seconds for one answer: whatever takes longer hangs.
PATIENCE: Final = 5.0
PARAMETER: Final = {"key": "rate", "value": "600"}
DATA: Final = [
    {"variable": "temperature", "value": 4, "unit": "C"},
    {"variable": "temperature", "value": 6.5, "unit": "C"},
    {"variable": "door", "value": "open", "location": {"lat": 42.3, "lng": -85.6}},
    {"variable": "door", "value": True, "metadata": {"color": "red"}},
]
#: Fields of bodies that name something, and the parameter that names the same in a path.
FIELDS: Final = {
    "device": "device_id",
    "network": "network_id",
    "connector": "connector_id",
    "chunk_id": "chunk_id",
    "id": "id",
}


def template(path: str) -> str:
    """Return a path of the description as the emulator writes it."""
    return path.replace("{", ":").replace("}", "")


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each operation of the description, under its route's name."""
    for path, methods in SPEC["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                yield f"{method.upper()} {template(path)}", operation


def test_the_description_names_every_route() -> None:
    """What is served is described, and what is described is served."""
    assert {route.key for route in ROUTES} == {key for key, _ in operations()}


def test_the_description_names_who_may_ask() -> None:
    """Each route is described with the tokens that open it, and with the status of a success."""
    served = {route.key: ({*route.open_to}, route.status) for route in ROUTES}
    assert served == {
        key: (
            {kind for requirement in operation["security"] for kind in requirement},
            int(next(status for status in operation["responses"] if status < "300")),
        )
        for key, operation in operations()
    }


@attrs.frozen
class World:
    """An emulator, and what stands on it for requests to find."""

    emulator: EmulatorProcess
    http: requests.Session
    tokens: dict[str, str]
    """A token of each kind."""
    found: dict[str, list[str]] = attrs.field(factory=dict)
    """What each parameter of a path, or field of a body, may name that is there."""

    def ask(self, method: str, path: str, body: Any, token: str = "profile") -> Any:
        """Make a request of our own and return its result."""
        response = self.http.request(
            method,
            f"{self.emulator.url}{path}",
            json=body,
            headers={"token": self.tokens.get(token, token)},
            timeout=PATIENCE,
        )
        answer = response.json()
        assert answer["status"] is True, answer
        return answer["result"]

    def stock(self) -> None:
        """Begin again, and make one of everything."""
        self.emulator.reset()
        ask = self.ask
        network = ask("POST", "/integration/network", {"name": "Ours"})["network"]
        links = {"name": "Probe", "networks": [network]}
        connector = ask("POST", "/integration/connector", links)["connector"]
        fields = {"network": NETWORK, "connector": CONNECTOR, "configuration_params": [PARAMETER]}
        mutable = ask("POST", "/device", {"name": "M", "type": "mutable", **fields})
        chunked = {"type": "immutable", "chunk_period": "month", "chunk_retention": 6}
        immutable = ask("POST", "/device", {"name": "I", **chunked, **fields})
        for made in (mutable, immutable):
            ask("POST", "/data", DATA, made["token"])
        token = {"device": mutable["device_id"], "name": "T", "serie_number": "A1"}
        network_token = {"network": network, "name": "N"}
        chunks = ask("GET", f"/device/{immutable['device_id']}/chunk", None)
        self.tokens["device"] = mutable["token"]
        self.found.update(
            device_id=[mutable["device_id"], immutable["device_id"]],
            network_id=[network, NETWORK],
            connector_id=[connector, CONNECTOR],
            profile_id=["current", ask("GET", "/profile", None)[0]["id"]],
            param_id=[one["id"] for one in ask("GET", "/device/params", None, "device")],
            chunk_id=[one["id"] for one in chunks],
            token=[
                ask("POST", "/device/token", token)["token"],
                ask("POST", "/integration/network/token", network_token)["token"],
                ask("POST", "/serviceauth", {"name": "A"})["token"],
            ],
            serial=["A1"],
            authorization=[self.tokens["authorization"]],
            id=[one["id"] for one in ask("GET", "/data", None, "device")],
        )

    def known(self, name: str, generated: Any) -> Any:
        """Return something that is there in place of what was made up, three times out of four."""
        there = self.found.get(FIELDS.get(name, name))
        choice = crc32(repr(generated).encode())
        if not there or choice % 4 == 0:
            return generated
        return there[choice // 4 % len(there)]

    def aim(self, case: Case) -> None:
        """Let a request name what is there, or hardly any would get beyond a 404."""
        for name, value in case.path_parameters.items():
            case.path_parameters[name] = self.known(name, value)
        for item in case.body if isinstance(case.body, list) else [case.body]:
            if isinstance(item, dict):
                item.update({name: self.known(name, item[name]) for name in item.keys() & FIELDS})


@pytest.fixture(scope="module")
def emulator() -> Iterator[EmulatorProcess]:
    """Give an emulator that never refuses for its limits and always begins the same."""
    options = EmulatorOptions(unlimited=True, seed=1, max_devices=1_000_000)
    with EmulatorProcess(options) as process:
        yield process


@pytest.fixture
def world(emulator: EmulatorProcess) -> Iterator[World]:
    """Give a world that is the same for every operation, whatever was fuzzed before it."""
    with requests.Session() as http:
        # Looked through for proxies at each request otherwise.
        http.trust_env = False
        made = World(emulator, http, dict(emulator.tokens_by_kind.items()))
        made.stock()
        yield made


@pytest.mark.parametrize("number", ["-1", "1e9", "9" * 20, "9" * 400, "0x1", "\u0661", "", " 1"])
def test_numbers_are_no_fault(world: World, number: str) -> None:
    """Whatever stands where a query has a number, it is taken or refused."""
    for path, names in (
        ("/data", ("qty", "skip", "value", "start_date", "end_date")),
        ("/data?query=aggregate&interval=year&function=sum", ("qty", "skip", "start_date")),
        ("/data?query=conditional&function=gt&start_date=1 day", ("value",)),
        ("/device", ("page", "amount")),
        (f"/device/{world.found['device_id'][0]}/statistics", ("start_date", "end_date")),
    ):
        token = world.tokens["device" if path.startswith("/data") else "profile"]
        for name in names:
            answer = world.http.get(
                f"{world.emulator.url}{path}", params={name: number}, headers={"token": token}
            )
            assert answer.status_code in (200, 400), (path, name, answer.text)


@pytest.mark.parametrize("depth", [100, 250, 254, 255, 300, 1000, 10_000])
def test_depths_are_no_fault(world: World, depth: int) -> None:
    """However deep a body is nested, it is kept and told again, or refused."""
    deep = '{"variable": "x", "metadata": ' + '{"a": ' * depth + "1" + "}" * (depth + 1)
    network = f'{{"name": "x", "device_parameters": [{deep}]}}'
    for path, body, kind in (
        ("/data", deep, "device"),
        ("/integration/network", network, "profile"),
        ("/device/params", deep, "device"),
    ):
        headers = {"token": world.tokens[kind]}
        answers = [
            world.http.request(method, f"{world.emulator.url}{path}", data=data, headers=headers)
            for method, data in (("POST", body), ("GET", None))
        ]
        assert {200, 400, 404} >= {answer.status_code for answer in answers}


@SCHEMA.parametrize()
@settings(
    max_examples=examples(3),
    derandomize=True,
    deadline=None,
    # One world is meant to serve all examples of an operation.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_answer_is_described(case: Case, world: World) -> None:
    """Whatever is asked is answered in time, without a 5xx, and as the description says."""
    world.aim(case)
    kinds = [kind for one in case.operation.definition.raw["security"] for kind in one]
    response = case.call(
        base_url=world.emulator.url,
        session=world.http,
        headers={"token": world.tokens[kinds[0]]} if kinds else {},
        timeout=PATIENCE,
    )
    case.validate_response(response, checks=CHECKS)
    one = case.operation.method == "delete" and case.operation.path.endswith("}")
    if one and response.status_code == HTTPStatus.OK:
        # What this example removed is there again for the next.
        world.stock()
