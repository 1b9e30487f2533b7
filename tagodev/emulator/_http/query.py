"""Query strings, in all forms that the service's clients use.

The JavaScript SDK numbers its lists (``fields[0]=id``), the Python SDK repeats the name
(``fields=id&fields=name``) and writes ``True``, the documentation uses ``fields[]=id``; filters
nest (``filter[tags][0][key]=k``).
All of them are decoded into one tree of texts, lists and objects. A list of one may arrive as a
bare text, so read lists with `texts`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import parse_qsl

from tagodev.emulator._http.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["Decoded", "choice", "decode", "flag", "text", "texts", "whole"]

Decoded: TypeAlias = "str | list[Decoded] | dict[str, Decoded]"

_BRACKETS: Final = re.compile(r"\[([^\]]*)\]")
#: Maximum number of brackets in one name; no client nests deeper than three.
_MAX_DEPTH: Final = 5
_TRUE: Final = frozenset({"true", "1"})
_FALSE: Final = frozenset({"false", "0"})


def decode(query: str) -> dict[str, Decoded]:
    """Decode a query string (the part after ``?``) into a tree."""
    if not query:
        return {}
    root: dict[str, Any] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        head, bracket, _ = key.partition("[")
        _insert(root, [head, *_BRACKETS.findall(key)[:_MAX_DEPTH]] if bracket else [key], value)
    return {key: _collapse(value) for key, value in root.items()}


def text(value: Decoded | None) -> str | None:
    """Read one text: the last one if there are several, None if it is absent or empty."""
    if isinstance(value, list):
        value = value[-1] if value else None
    return value if isinstance(value, str) and value else None


def texts(value: Decoded | None) -> list[str]:
    """Read a list of texts; a bare text is a list of one."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str) and item]


def whole(value: Decoded | None, default: int) -> int:
    """Read a whole number; anything else is the default, as on the service."""
    try:
        return int(text(value) or default)
    except ValueError:
        return default


def flag(value: Decoded | None, name: str) -> bool | None:
    """Read a boolean in any letter case, None if it is absent.

    Args:
        value: a node of the tree.
        name: the parameter's name, for the message.

    Raises:
        RefusedError: it is neither true nor false.
    """
    word = text(value)
    if word is None:
        return None
    if word.lower() in _TRUE:
        return True
    if word.lower() in _FALSE:
        return False
    raise RefusedError(400, f"{name} must be true or false")


def choice(value: Decoded | None, name: str, known: Collection[str]) -> str:
    """Read one of several words.

    Args:
        value: a node of the tree.
        name: the parameter's name, for the message.
        known: the words.

    Raises:
        RefusedError: it is none of them.
    """
    word = text(value)
    if word is None or word not in known:
        raise RefusedError(400, f"{name} must be one of {', '.join(known)}")
    return word


def _insert(root: dict[str, Any], path: list[str], value: str) -> None:
    node = root
    for part in path[:-1]:
        child = node.get(part)
        if not isinstance(child, dict):
            child = node[part] = {}
        node = child
    leaf = node.setdefault(path[-1], [])
    # `filter=x&filter[name]=y`: the object wins, whichever came first.
    if isinstance(leaf, list):
        leaf.append(value)


def _collapse(node: Any) -> Decoded:
    """Turn leaves with one value into bare texts, and objects with numeric keys into lists."""
    if isinstance(node, list):
        return node[0] if len(node) == 1 else node
    children = {key: _collapse(value) for key, value in node.items()}
    if not all(key == "" or (key.isascii() and key.isdigit()) for key in children):
        return children
    return _as_list(children)


def _as_list(children: Mapping[str, Decoded]) -> list[Decoded]:
    items: list[Decoded] = []
    for key in sorted(children, key=lambda key: int(key[:9] or 0)):
        child = children[key]
        # `fields[]=id&fields[]=name` arrives as one unnamed entry with two values.
        if key == "" and isinstance(child, list):
            items += child
        else:
            items.append(child)
    return items
