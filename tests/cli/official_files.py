"""The files that TagoIO's own command line writes."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["official_environment", "write_lock", "write_official"]


def official_environment(**more: Any) -> dict[str, Any]:
    """Return an environment as ``tagoconfig.json`` holds it."""
    return {
        "analysisList": [],
        "id": "61b2f46e561da800197a9c43",
        "profileName": "Dairy",
        "email": "somebody@example.com",
        **more,
    }


def write_lock(root: Path, name: str, token: str) -> Path:
    """Write an environment's token, as ``tagoio login`` does: behind 500 lines of noise."""
    noise = "".join(f"{secrets.token_hex(36)}\n" for _ in range(500))
    path = root / f".tago-lock.{name}.lock"
    path.write_text(noise + token.encode().hex())
    return path


def write_official(root: Path, default: str, **environments: dict[str, Any]) -> None:
    """Write ``tagoconfig.json`` and ``.tagoio/personal.env``."""
    root.mkdir(parents=True, exist_ok=True)
    config = {
        "$schema": "https://github.com/tago-io/tagoio-cli/blob/master/docs/schema.json",
        "analysisPath": "./src/analysis",
        "buildPath": "./build",
        **environments,
    }
    (root / "tagoconfig.json").write_bytes(orjson.dumps(config))
    (root / ".tagoio").mkdir(exist_ok=True)
    (root / ".tagoio" / "personal.env").write_text(f"TAGOIO_DEFAULT={default}\n")
