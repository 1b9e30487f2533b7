"""Query strings as the service's parser reads them."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagodev import InputError
from tagodev._query import MAX_LIST_ITEMS, encode_query
from tests.support.strategies import texts

keys = st.text("abcdefgh_", min_size=1, max_size=6)
values: st.SearchStrategy[Any] = st.recursive(
    texts | st.integers() | st.booleans(),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=5)
        | st.dictionaries(keys, inner, min_size=1, max_size=4)
    ),
    max_leaves=10,
)


def flattened(key: str, value: Any) -> list[tuple[str, str]]:
    """Return what a parser of brackets is to find, written the long way."""
    if isinstance(value, dict):
        pairs = [flattened(f"{key}[{name}]", inner) for name, inner in value.items()]
        return [pair for inner in pairs for pair in inner]
    if isinstance(value, list):
        return flattened(key, {str(index): inner for index, inner in enumerate(value)})
    if isinstance(value, bool):
        return [(key, str(value).lower())]
    return [(key, str(value))]


@pytest.mark.parametrize(
    ("expected", "parameters"),
    [
        ("", {}),
        ("page=1&amount=1000", {"page": 1, "amount": 1000}),
        ("active=true&visible=false", {"active": True, "visible": False}),
        ("fields%5B0%5D=id&fields%5B1%5D=name", {"fields": ("id", "name")}),
        (
            "filter%5Btags%5D%5B0%5D%5Bkey%5D=site",
            {"filter": {"tags": [{"key": "site"}]}},
        ),
        ("name=a%20%26%20b%3Dc%2F%2B%23", {"name": "a & b=c/+#"}),
        ("name=K%C3%A4se", {"name": "Käse"}),
        ("name=", {"name": ""}),
        ("name=Cold%2A", {"name": "Cold*"}),
    ],
)
def test_encoding(expected: str, parameters: dict[str, Any]) -> None:
    """Brackets for nesting, an index for lists, lower-case flags, everything else quoted."""
    assert expected == encode_query(parameters)


@pytest.mark.parametrize("nothing", [None, [], (), {}])
def test_nothing_is_left_out(nothing: object) -> None:
    """What is empty does not appear."""
    assert "a=1" == encode_query({"empty": nothing, "a": 1})


@given(st.dictionaries(keys, values, max_size=4))
def test_a_parser_finds_what_was_given(parameters: dict[str, Any]) -> None:
    """Whatever the values hold, decoding gives them back, each under its path."""
    expected = [pair for key, value in parameters.items() for pair in flattened(key, value)]

    assert expected == parse_qsl(encode_query(parameters), keep_blank_values=True)


@given(st.dictionaries(texts, texts, max_size=4))
def test_the_result_is_plain_ascii(parameters: dict[str, str]) -> None:
    """Nothing in it needs quoting once more, nor ends the query."""
    encoded = encode_query(parameters)

    assert encoded.isascii()
    assert not set(encoded) & set(" #?/<>\"'\r\n")


def test_a_list_may_hold_twenty_items() -> None:
    """Twenty are read as a list by the service's parser."""
    assert MAX_LIST_ITEMS == 20
    assert 20 == encode_query({"fields": ["x"] * 20}).count("&") + 1


def test_longer_lists_are_refused() -> None:
    """With more, the service's parser would make an object of it: refused, with the path."""
    with pytest.raises(InputError, match="at most 20") as caught:
        encode_query({"filter": {"tags": ["x"] * 21}})

    assert "filter[tags]" == caught.value.path


def test_half_a_character_is_refused() -> None:
    """Text that no encoding can write is an error of ours, with the path."""
    with pytest.raises(InputError) as caught:
        encode_query({"filter": {"name": "\ud800"}})

    assert "filter[name]" == caught.value.path
    assert caught.value.__context__ is None
