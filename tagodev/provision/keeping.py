"""What a command is given: a file of devices, or a document of tagodev's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagodev.errors import InputError
from tagodev.provision.documents import Head, record_of_row, write_document

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tagodev.client import Tago
    from tagodev.provision.files import DeviceRow
    from tagodev.provision.planning import Intent
    from tagodev.provision.plans import Plan

__all__ = ["check_service", "keep_plan", "manager_of"]


def manager_of(path: Path) -> str:
    """Return what the tag of managed devices says, where nobody chose a name: the file's own.

    Args:
        path: the file of devices.
    """
    name = path.name
    while name.count("."):
        stem, _, _ = name.rpartition(".")
        if not stem:
            break
        name = stem
    return name


def keep_plan(
    path: Path, plan: Plan, rows: Iterable[DeviceRow], intent: Intent, tago: Tago
) -> None:
    """Keep a plan, so that exactly this can be carried out later.

    Args:
        path: where to.
        plan: what came out.
        rows: what the file said.
        intent: what the file stands for.
        tago: the client that it was made with.

    Raises:
        InputError: it can't be written.
    """
    head = Head(kind="plan", service=tago.base_url, intent=intent, fingerprint=plan.fingerprint)
    write_document(path, head, map(record_of_row, rows))


def check_service(head: Head, tago: Tago, path: Path) -> None:
    """Refuse a plan or a snapshot of another service.

    Args:
        head: of the document.
        tago: the client that it would be applied with.
        path: where the document is.

    Raises:
        InputError: it is of another service.
    """
    if head.kind != "export" and head.service != tago.base_url:
        raise InputError(f"is about {head.service}, not about {tago.base_url}", source=str(path))
