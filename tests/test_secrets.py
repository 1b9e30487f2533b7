"""Tests of `tagodev._secrets`."""

from __future__ import annotations

import copy
import json
import pickle
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev._secrets import HeaderValue, Secret, redact
from tests.support.clients import TOKEN

uuids = st.uuids().map(str)
tokens = st.one_of(
    uuids,
    st.builds("{}-{}".format, st.sampled_from("paun"), uuids),
    st.builds("{}{}".format, st.sampled_from(["at", "p-", "a-"]), st.uuids().map(lambda u: u.hex)),
)


def ways_to_show(secret: object) -> list[str]:
    """Return what the usual ways to print a value make of it."""
    return [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!s:>60}",
        f"{secret!r}",
        "%s %r" % (secret, secret),  # noqa: UP031  (as logging does it)
        repr([secret]),
        repr({"token": secret}),
        ascii(secret),
    ]


@given(st.text(min_size=1, max_size=60))
def test_secret_never_shows_more_than_a_quarter(value: str) -> None:
    """Whatever a secret is, at most its first four characters, and a quarter of it, are shown."""
    shown = str(Secret(value))

    assert shown.endswith("…")
    assert value.startswith(shown[:-1])
    assert len(shown) - 1 <= min(4, len(value) // 4)


def test_no_usual_way_of_printing_shows_a_secret() -> None:
    """Printing, formatting, logging and containers show the first characters only."""
    for text in ways_to_show(Secret(TOKEN)):
        assert TOKEN not in text
        assert TOKEN[4:] not in text
        assert TOKEN[:4] in text


def test_reveal_gives_the_whole() -> None:
    """`reveal` returns the token."""
    assert Secret(TOKEN).reveal() == TOKEN


def test_secret_of_a_secret_is_the_same() -> None:
    """Wrapping twice is wrapping once."""
    assert Secret(Secret(TOKEN)) == Secret(TOKEN)
    assert Secret(Secret(TOKEN)).reveal() == TOKEN


def test_secrets_compare_by_value_and_never_with_text() -> None:
    """Two secrets of one token are equal and hash alike; a secret is no string."""
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


def test_empty_secret_is_false() -> None:
    """A token that is not there is false, any other is true."""
    assert not Secret("")
    assert Secret("x")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_secret_is_not_pickled(protocol: int) -> None:
    """A pickle would carry the token to wherever it is sent; the refusal doesn't name it."""
    with pytest.raises(TypeError, match="be pickled") as caught:
        pickle.dumps(Secret(TOKEN), protocol)

    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_refused_copy_does_not_show_it(duplicate: object) -> None:
    """Copying goes the way of pickling, and is refused as quietly."""
    assert callable(duplicate)
    with pytest.raises(TypeError) as caught:
        duplicate(Secret(TOKEN))

    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("dump", [json.dumps, orjson.dumps])
def test_secret_is_not_written_as_json(dump: object) -> None:
    """A JSON encoder that meets a secret by accident fails, without naming it."""
    assert callable(dump)
    with pytest.raises(TypeError) as caught:
        dump({"token": Secret(TOKEN)})

    assert TOKEN not in str(caught.value)


def test_format_with_a_width_fails_rather_than_shows() -> None:
    """A format that a secret does not know is refused, without naming it."""
    with pytest.raises(TypeError) as caught:
        format(Secret(TOKEN), ">60")

    assert TOKEN not in str(caught.value)


def test_secret_has_no_dict_to_print() -> None:
    """`vars`, the favourite of debuggers, finds nothing."""
    with pytest.raises(TypeError):
        vars(Secret(TOKEN))


def test_header_value_is_whole_on_the_wire_and_short_in_a_repr() -> None:
    """A header needs a real string; where variables are shown it shows a prefix."""
    header = HeaderValue(TOKEN)

    assert header == TOKEN
    assert header.encode() == TOKEN.encode()
    assert TOKEN not in repr(header)
    assert TOKEN not in repr({"Authorization": header})


@given(tokens, st.text(max_size=20), st.text(max_size=20))
def test_redact_finds_what_looks_like_a_token(token: str, before: str, after: str) -> None:
    """A token of the service's form is cut short wherever it stands, whatever is around it."""
    assert token not in redact(f"{before}{token}{after}")
    assert token.upper() not in redact(f"{before}{token.upper()}{after}")


@given(tokens, tokens)
def test_redact_finds_every_token(one: str, other: str) -> None:
    """One token in a text does not hide another."""
    text = redact(f"{one}{other} {one},{other}")

    assert one not in text
    assert other not in text


@given(st.text(min_size=8, max_size=40), st.text(max_size=20))
def test_redact_finds_what_it_is_given(secret: str, around: str) -> None:
    """A value known to be secret is cut short, whatever it looks like."""
    assert secret not in redact(f"{around}{secret}", [Secret(secret)]).removeprefix(around)


def test_redact_keeps_ids_and_text() -> None:
    """An id of 24 hex digits is no token, and words stay as they are."""
    text = "Device 67e1a2b3c4d5e6f708192a3b Not Found (Retry-After: 8)"

    assert text == redact(text, [Secret("")])


def test_redact_keeps_enough_to_recognise_it() -> None:
    """The prefix of a redacted token identifies it."""
    assert "Invalid token: p-3f…" == redact(f"Invalid token: {TOKEN}")
    assert "1234…" == redact(str(UUID("12345678-1234-4123-8123-123456789012")))
