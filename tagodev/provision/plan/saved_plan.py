"""Plans that are kept, and what a file of devices is taken for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagodev.errors import InputError
from tagodev.provision.write.document import DocumentHeader, record_of_row, write_document

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tagodev.client import Tago
    from tagodev.provision.plan.model import Plan
    from tagodev.provision.read.devices import DeviceRow

__all__ = ["check_profile", "check_service", "keep_plan"]


def keep_plan(path: Path, plan: Plan, rows: Iterable[DeviceRow], tago: Tago) -> None:
    """Keep a plan, so that exactly this can be carried out later.

    Args:
        path: where to.
        plan: what came out.
        rows: what the file said.
        tago: the client that it was made with.

    Raises:
        InputError: it can't be written.
    """
    head = DocumentHeader(
        kind="plan",
        service=tago.base_url,
        profile=plan.profile,
        intent=plan.intent,
        fingerprint=plan.fingerprint,
    )
    write_document(path, head, map(record_of_row, rows))


def check_service(head: DocumentHeader, tago: Tago) -> None:
    """Refuse a plan or a snapshot of another service.

    Args:
        head: of the document.
        tago: the client that it would be applied with.

    Raises:
        InputError: it is of another service.
    """
    if head.kind != "export" and head.service != tago.base_url:
        raise InputError(f"is about {head.service}, not about {tago.base_url}")


def check_profile(head: DocumentHeader, plan: Plan) -> None:
    """Refuse a plan or a snapshot of another profile.

    Args:
        head: of the document.
        plan: made from it.

    Raises:
        InputError: it is of another profile.
    """
    if head.kind != "export" and head.profile and plan.profile not in ("", head.profile):
        raise InputError(f"is about the profile {head.profile}, not about {plan.profile}")
