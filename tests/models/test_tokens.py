"""Tokens of devices, as they are asked for and shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from tagodev import (
    DeviceToken,
    InputError,
    Secret,
    TokenCreate,
    TokenCreated,
    TokenFilter,
    TokenInfo,
)
from tagodev import _models as models
from tagodev._serialization.converter import from_wire, to_wire

TOKEN = "8be70d95-0dbc-4e16-89b6-b23b077d05e5"


def test_a_name_is_enough() -> None:
    """A token without more may send and read, and never ends."""
    assert {"name": "x", "permission": "full"} == to_wire(TokenCreate("x"))


def test_everything_that_may_be_said() -> None:
    """The end may be a moment."""
    token = TokenCreate(
        "x",
        "read",
        expire_time=datetime(2030, 1, 1, tzinfo=UTC),
        serie_number="A1",
        verification_code="1234-hush",
        middleware="sigfox",
    )
    expected = {
        "name": "x",
        "permission": "read",
        "expire_time": "2030-01-01T00:00:00.000Z",
        "serie_number": "A1",
        "verification_code": "1234-hush",
        "middleware": "sigfox",
    }

    assert expected == to_wire(token)
    assert "hush" not in repr(token)


def test_never_is_left_out() -> None:
    """The service refuses the word on one path; without an end there is none on any."""
    assert TokenCreate("x") == TokenCreate("x", expire_time="never")


@pytest.mark.parametrize("end", ["2030-01-01", "2030-01-01T01:00:00+01:00", datetime(2030, 1, 1)])  # noqa: DTZ001  (that is what is tested)
def test_an_end_is_a_moment_however_it_is_written(end: Any) -> None:
    """Text that is a date is one, so that what was sent compares equal to what is read."""
    token = TokenCreate("x", expire_time=end)

    assert datetime(2030, 1, 1, tzinfo=UTC) == token.expire_time
    assert token == from_wire(to_wire(token), TokenCreate)


@pytest.mark.parametrize("end", ["", " ", "soon", "tomorrow", "-1 day", "1.5 days", "day", 5, None])
def test_an_end_that_is_none_is_refused(end: Any) -> None:
    """A token that ends at no time the service knows is not asked for."""
    with pytest.raises(InputError) as caught:
        TokenCreate("x", expire_time=end)

    assert "expire_time" == caught.value.path


@pytest.mark.parametrize("end", ["3 hours", "1 day", "30days", "12 M"])
def test_an_end_may_be_a_span(end: str) -> None:
    """A whole number and a unit are the service's to understand."""
    assert end == TokenCreate("x", expire_time=end).expire_time


def test_filters_are_text() -> None:
    """A condition is not made of something else by guess."""
    assert {"permission": "write"} == to_wire(TokenFilter(permission="write"))
    with pytest.raises(InputError) as caught:
        TokenFilter(name=5)  # type: ignore[arg-type]

    assert "name" == caught.value.path


@pytest.mark.parametrize("field", ["name", "permission", "serie_number", "verification_code"])
@pytest.mark.parametrize("value", ["", " ", None, 5])
def test_blank_fields_are_refused(field: str, value: Any) -> None:
    """What is given is text that is not empty."""
    with pytest.raises(InputError) as caught:
        TokenCreate(**{"name": "x", field: value})

    assert field == caught.value.path


def test_tokens_do_not_show_themselves() -> None:
    """Neither a new token nor a listed one is printed whole, nor what else was said of it."""
    listed = DeviceToken(token=Secret(TOKEN), name="Default", extra={"derived": TOKEN})

    assert TOKEN not in repr(TokenCreated(token=Secret(TOKEN), extra={"again": TOKEN}))
    assert "1234" not in repr(TokenInfo(name="x", extra={"verification_code": "1234"}))
    assert TOKEN not in repr(listed)
    assert "Default" in repr(listed)


def test_every_field_with_a_credential_is_a_secret() -> None:
    """A field of any model that may hold one is masked wherever the model is shown."""
    credential = re.compile(r"(?:^|_)(?:token|authorization|verification_code|password)$")
    fields = {
        f"{name}.{field.name}": str(field.type)
        for name in models.__all__
        if attrs.has(getattr(models, name))
        for field in attrs.fields(getattr(models, name))
        if credential.search(field.name)
    }

    assert len(fields) >= 13
    assert {"DeviceTokenCreate.token"} == {
        name for name, kind in fields.items() if "Secret" not in kind
    }
