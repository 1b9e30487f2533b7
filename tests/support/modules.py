"""The package's modules, as files and as syntax trees."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

import tagodev

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MODULES", "PACKAGE", "Import", "Module", "imports"]

PACKAGE: Final = Path(tagodev.__file__).parent


@attrs.frozen
class Module:
    """One module of the package."""

    name: str
    """Its full name."""
    path: Path
    source: str = attrs.field(repr=False)
    tree: ast.Module = attrs.field(repr=False)


@attrs.frozen
class Import:
    """One import of a module."""

    importer: str
    """The full name of the module that imports."""
    imported: str
    """The full name of the module that is imported."""
    line: int
    for_types: bool
    """Whether it stands under ``if TYPE_CHECKING``."""


def _load(path: Path) -> Module:
    parts = ["tagodev", *path.relative_to(PACKAGE).with_suffix("").parts]
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    source = path.read_text("utf-8")
    return Module(name, path, source, ast.parse(source))


MODULES: Final = tuple(_load(path) for path in sorted(PACKAGE.rglob("*.py")))


def imports(module: Module) -> Iterator[Import]:
    """Yield every import of a module, wherever in it it stands."""
    typed = {
        id(node)
        for block in ast.walk(module.tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for imported in _targets(module, node):
                yield Import(module.name, imported, node.lineno, id(node) in typed)


def _targets(module: Module, node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        parents = module.name.split(".")
        up = node.level - (module.path.name == "__init__.py")
        base = ".".join([*parents[: len(parents) - up], *filter(None, [node.module])])
    known = {one.name for one in MODULES}
    # ``from tagodev import session`` imports the module, ``from tagodev import Tago`` the package.
    return [
        f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base for alias in node.names
    ]
