"""Web pages can't use the emulator, whatever their own name resolves to.

A page at ``http://evil.example:PORT`` whose name is resolved anew to 127.0.0.1 is of the same
origin as the emulator for its browser (DNS rebinding): only the ``Host`` header shows it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
import pytest
from aiohttp import ClientSession, TCPConnector
from aiohttp.abc import AbstractResolver

from tagodev.emulator import Emulator, EmulatorOptions
from tests.emulator.support import refusal

if TYPE_CHECKING:
    from pathlib import Path

CONTROL = (
    ("GET", "/_emulator/stats"),
    ("GET", "/_emulator/tokens"),
    ("POST", "/_emulator/reset"),
    ("POST", "/_emulator/plan"),
    ("POST", "/_emulator/save"),
    ("POST", "/_emulator/x"),
)
ROUTES = (*CONTROL, ("GET", "/status"), ("GET", "/device"), ("GET", "/nowhere"))
FOREIGN = (
    "evil.example:{port}",
    "evil.example",
    "127.0.0.1.evil.example:{port}",
    "localhost.evil.example:{port}",
    "evil.example:{port}@localhost:{port}",
    "localhost:{port}.evil.example",
    "localhost.:{port}",
    "127.0.0.2:{port}",
    "0.0.0.0:{port}",
    "[::]:{port}",
    "::1:{port}",
    "127.0.0.1",
    "localhost",
    "127.0.0.1:1",
    "localhost:{port}0",
    "",
)


async def ask(emulator: Emulator, method: str, path: str, *headers: str) -> tuple[int, Any]:
    """Send a request with exactly these headers and the token; return status and body."""
    address = urlsplit(emulator.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    lines = (f"{method} {path} HTTP/1.1", *headers, f"token: {emulator.token}", "Connection: close")
    writer.write("\r\n".join((*lines, "", "")).encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), orjson.loads(body) if body.startswith(b"{") else body


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{port}", "localhost:{port}", "[::1]:{port}", "LocalHost:{port}"]
)
async def test_this_machine_by_any_of_its_names(host: str) -> None:
    """Every name of loopback is accepted with the port."""
    async with Emulator() as emulator:
        header = f"Host: {host.format(port=urlsplit(emulator.url).port)}"
        for method, path, status in (
            ("GET", "/device", 200),
            ("GET", "/_emulator/stats", 200),
            ("POST", "/_emulator/reset", 200),
        ):
            assert status == (await ask(emulator, method, path, header))[0]


@pytest.mark.parametrize("host", FOREIGN)
async def test_another_host_is_refused(host: str) -> None:
    """Neither the service nor a control route answers to another name or port."""
    async with Emulator(EmulatorOptions(devices=1)) as emulator:
        port = urlsplit(emulator.url).port
        for method, path in ROUTES:
            status, body = await ask(emulator, method, path, f"Host: {host.format(port=port)}")
            assert 403 == status
            assert {"status": False, "message": f"Host must be 127.0.0.1:{port}"} == body
        stats = emulator.stats()

    assert (1, 0, {}) == (stats["devices"], stats["accepted"], stats["routes"])


@pytest.mark.parametrize("second", ["evil.example", "127.0.0.1:{port}"])
async def test_two_hosts_or_none_are_refused(second: str) -> None:
    """A request without exactly one host is not for this emulator."""
    async with Emulator() as emulator:
        port = urlsplit(emulator.url).port
        hosts = (f"Host: 127.0.0.1:{port}", f"Host: {second.format(port=port)}")
        for headers in (hosts, hosts[::-1], ()):
            status, _ = await ask(emulator, "GET", "/_emulator/tokens", *headers)
            assert status in {400, 403}


@pytest.mark.parametrize("target", ["http://evil.example/_emulator/tokens", "//_emulator/tokens"])
async def test_another_target_is_no_control_route(target: str) -> None:
    """A target with a host of its own does not get past the check."""
    async with Emulator() as emulator:
        host = f"Host: {urlsplit(emulator.url).netloc}"
        assert 404 == (await ask(emulator, "GET", target, host))[0]


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "{url}"])
@pytest.mark.parametrize(("method", "path"), CONTROL)
async def test_control_routes_refuse_an_origin(
    method: str, path: str, origin: str, tmp_path: Path
) -> None:
    """Only browsers send one, and no page has business there, not even one of this address."""
    options = EmulatorOptions(devices=1, state=str(tmp_path / "site.json"))
    async with Emulator(options) as emulator, ClientSession(emulator.url) as http:
        headers = {"Origin": origin.format(url=emulator.url)}
        ids = [device.id for device in emulator._service.store.devices.values()]
        response = await http.request(method, path, headers=headers)

        assert (403, "Web pages can't use control routes") == await refusal(response)
        assert ids == [device.id for device in emulator._service.store.devices.values()]
        assert not (tmp_path / "site.json").exists()


class Rebound(AbstractResolver):
    """Resolves every name to this machine, as an attacker's name server does the second time."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> Any:
        """Return 127.0.0.1."""
        return [
            {
                "hostname": host,
                "host": "127.0.0.1",
                "port": port,
                "family": family,
                "proto": 0,
                "flags": 0,
            }
        ]

    async def close(self) -> None:
        """Release nothing."""


async def test_dns_rebinding() -> None:
    """A page whose name now means this machine reads no token and resets nothing."""
    async with (
        Emulator(EmulatorOptions(devices=1)) as emulator,
        ClientSession(connector=TCPConnector(resolver=Rebound())) as page,
    ):
        origin = f"http://evil.example:{urlsplit(emulator.url).port}"
        # A browser sends no Origin with a GET of the same origin.
        for method, headers in (("GET", {}), ("POST", {"Origin": origin})):
            for path in ("tokens", "stats", "reset", "plan", "save"):
                url = f"{origin}/_emulator/{path}"
                async with page.request(method, url, headers=headers) as response:
                    text = await response.text()
                    assert 403 == response.status
                assert emulator.token not in text
        assert 1 == emulator.stats()["devices"]
