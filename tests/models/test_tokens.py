"""Tokens of devices, as they are asked for and shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tagodev import DeviceToken, InputError, Secret, TokenCreate, TokenCreated
from tagodev.serde import to_wire

TOKEN = "8be70d95-0dbc-4e16-89b6-b23b077d05e5"


def test_a_name_is_enough() -> None:
    """A token without more may send and read, and never ends."""
    assert {"name": "x", "permission": "full"} == to_wire(TokenCreate("x"))


def test_everything_that_may_be_said() -> None:
    """The end may be a moment."""
    token = TokenCreate(
        "x", "read", expire_time=datetime(2030, 1, 1, tzinfo=UTC), serie_number="A1"
    )
    expected = {
        "name": "x",
        "permission": "read",
        "expire_time": "2030-01-01T00:00:00.000Z",
        "serie_number": "A1",
    }

    assert expected == to_wire(token)


@pytest.mark.parametrize("field", ["name", "permission", "serie_number"])
@pytest.mark.parametrize("value", ["", " ", None, 5])
def test_blank_fields_are_refused(field: str, value: Any) -> None:
    """What is given is text that is not empty."""
    with pytest.raises(InputError) as caught:
        TokenCreate(**{"name": "x", field: value})

    assert field == caught.value.path


def test_tokens_do_not_show_themselves() -> None:
    """Neither a new token nor a listed one is printed whole, nor what else was said of it."""
    listed = DeviceToken(token=Secret(TOKEN), name="Default", extra={"derived": TOKEN})

    assert TOKEN not in repr(TokenCreated(token=Secret(TOKEN)))
    assert TOKEN not in repr(listed)
    assert "Default" in repr(listed)
