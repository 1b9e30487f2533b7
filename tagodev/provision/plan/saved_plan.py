"""Saved plans: writing them, and checks of their service and profile."""

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

__all__ = ["check_profile", "check_service", "save_plan"]


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
