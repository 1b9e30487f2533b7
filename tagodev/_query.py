"""Encoder of query strings.

Nested values take brackets (``filter[tags][0][key]=site``), lists take an index, booleans are
lower case.
The service's parser turns a list of more than 20 indexed items into an object, so longer lists are
refused here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from tagodev.errors import InputError

__all__ = ["MAX_LIST_ITEMS", "encode_query"]

#: The most items of a list that the service's parser reads.
MAX_LIST_ITEMS: Final = 20


def encode_query(parameters: Mapping[str, Any]) -> str:
    """Return the parameters as a query string, without the question mark.

    Args:
        parameters: values may be text, numbers, booleans, lists and mappings of these;
            None and empty lists are left out.

    Raises:
        InputError: a list of more than 20 items, or text that UTF-8 can't encode.

    Examples:
        >>> encode_query({"page": 1, "filter": {"active": True, "name": "a b"}})
        'page=1&filter%5Bactive%5D=true&filter%5Bname%5D=a%20b'
    """
    return "&".join(
        f"{_quoted(key, key)}={_quoted(text, key)}"
        for name, value in parameters.items()
        for key, text in _flatten(name, value)
    )


def _quoted(text: str, path: str) -> str:
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        pass
    raise InputError("holds half of a surrogate pair, which UTF-8 can't encode", path=path)


def _flatten(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if isinstance(value, bool):
        yield key, "true" if value else "false"
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flatten(f"{key}[{name}]", inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) > MAX_LIST_ITEMS:
            raise InputError(
                f"{len(value)} items, but a query holds at most {MAX_LIST_ITEMS}", path=key
            )
        for index, inner in enumerate(value):
            yield from _flatten(f"{key}[{index}]", inner)
    else:
        yield key, str(value)
