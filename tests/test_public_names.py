"""What other people's code may rely on: exported, documented, and shown by examples that run."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
from typing import TYPE_CHECKING

import tagodev
from tagodev import errors
from tests.support.modules import MODULES, PACKAGE, Module

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Programs run when they are imported.
IMPORTABLE = [module for module in MODULES if not module.name.endswith("__main__")]
#: What programs are written with: not the tools, whose classes are their own affair.
LIBRARY = [
    module for module in MODULES if not module.name.startswith(("tagodev.emulator", "tagodev._cli"))
]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

#: The names that programs are written with. To take one away is to break them.
PROMISED = {
    *("Tago", "HardLimits", "RetryPolicy", "Secret", "UNSET"),
    *("DeviceCreate", "DeviceEdit", "DeviceFilter", "Tag", "ConfigurationParameter"),
    *("TokenCreate", "BulkReport", "Created", "Deleted", "Failed", "InDoubt"),
    *("TagoError", "RequestError", "ServiceError", "BulkStoppedError"),
}


def shouting_first(name: str) -> tuple[bool, str]:
    """Sort constants first, then by name, as the linter does it."""
    return not name.isupper(), name


def public_definitions(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield every public class, function and method, with its qualified name."""
    waiting: list[tuple[str, ast.AST]] = [("", tree)]
    while waiting:
        prefix, parent = waiting.pop()
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, (ast.ClassDef, *FUNCTIONS)) and not node.name.startswith("_"):
                yield f"{prefix}{node.name}", node
                if isinstance(node, ast.ClassDef):
                    waiting.append((f"{prefix}{node.name}.", node))


def decorated(node: ast.AST, word: str) -> bool:
    """Tell whether a word stands in one of a definition's decorators."""
    decorators = getattr(node, "decorator_list", [])
    return any(word in ast.unparse(decorator) for decorator in decorators)


def undocumented_fields(node: ast.ClassDef) -> Iterator[str]:
    """Yield each public field of a class that has no docstring under it."""
    for field, after in zip(node.body, [*node.body[1:], None], strict=True):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        documented = (
            isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        )
        if not documented and not field.target.id.startswith("_"):
            yield f"{node.name}.{field.target.id}"


def test_all_is_sorted() -> None:
    """A name is found where one looks for it."""
    assert sorted(tagodev.__all__, key=shouting_first) == tagodev.__all__
    assert len(set(tagodev.__all__)) == len(tagodev.__all__)


def test_promised_names_are_there() -> None:
    """What the documentation uses can be imported from the package itself."""
    assert PROMISED <= set(tagodev.__all__)


def test_every_error_is_public() -> None:
    """Whatever may be raised can be caught by name."""
    assert set(errors.__all__) <= set(tagodev.__all__)


def test_exported_names_are_documented() -> None:
    """Each name of the package exists; each class and function has a docstring of its own."""
    found = {name: getattr(tagodev, name) for name in tagodev.__all__}
    defined = {
        name: one for name, one in found.items() if inspect.isclass(one) or inspect.isroutine(one)
    }

    assert [] == [name for name, one in defined.items() if not one.__doc__]
    assert [] == [name for name, one in defined.items() if one.__module__[:8] != "tagodev."]


def test_star_import_gives_all() -> None:
    """``import *`` gives what is promised and nothing else."""
    names: dict[str, object] = {}
    exec("from tagodev import *", names)

    assert set(tagodev.__all__) == set(names) - {"__builtins__"}


def test_version_is_a_version() -> None:
    """The version is three numbers."""
    assert [True] * 3 == [part.isdigit() for part in tagodev.__version__.split(".")]


def test_package_is_typed() -> None:
    """Type checkers of other projects may read the annotations."""
    assert (PACKAGE / "py.typed").is_file()


def test_every_module_says_what_it_is() -> None:
    """A module with anything in it opens with a docstring."""
    filled = [module for module in MODULES if module.tree.body]

    assert [] == [module.name for module in filled if not ast.get_docstring(module.tree)]


def test_every_module_has_all() -> None:
    """What a module offers is listed in order and is there; a command is offered by its app."""
    unlisted, unsorted = {}, []
    for module in IMPORTABLE:
        defined = {
            name
            for name, node in public_definitions(module.tree)
            if "." not in name and not decorated(node, ".command")
        }
        listed = list(getattr(importlib.import_module(module.name), "__all__", ()))
        if defined - set(listed):
            unlisted[module.name] = defined - set(listed)
        if sorted(listed, key=shouting_first) != listed:
            unsorted.append(module.name)

    assert {} == unlisted
    assert [] == unsorted


def test_everything_public_is_documented() -> None:
    """Each public class, function and method has a docstring."""
    bare = [
        f"{module.name}.{name}"
        for module in MODULES
        for name, node in public_definitions(module.tree)
        if not decorated(node, "overload") and not ast.get_docstring(node)  # type: ignore[arg-type]
    ]

    assert [] == bare


def test_every_field_is_documented() -> None:
    """Each public field of an attrs class has a docstring under it."""
    bare = [
        f"{module.name}: {field}"
        for module in LIBRARY
        for name, node in public_definitions(module.tree)
        if isinstance(node, ast.ClassDef) and decorated(node, "attrs.")
        for field in undocumented_fields(node)
    ]

    assert [] == bare


def test_examples_run() -> None:
    """What a docstring shows is what happens."""
    failed, attempted = {}, 0
    # A module without any takes as long to look through.
    for module in (one for one in IMPORTABLE if ">>> " in one.source):
        imported = importlib.import_module(module.name)
        failures, examples = doctest.testmod(imported, optionflags=doctest.ELLIPSIS)
        attempted += examples
        if failures:
            failed[module.name] = failures

    assert {} == failed
    assert attempted > 10


def lines_of(module: Module) -> int:
    """Return how many lines a module has besides docstrings, which are read in its stead."""
    documented = (ast.Module, ast.ClassDef, *FUNCTIONS)
    docstrings = [
        node.body[0]
        for node in ast.walk(module.tree)
        if isinstance(node, documented) and ast.get_docstring(node)
    ]
    said = sum((node.end_lineno or 0) - node.lineno + 1 for node in docstrings)
    return len(module.source.splitlines()) - said


def test_modules_stay_small() -> None:
    """A module defines one thing: it has at most 440 lines besides its docstrings."""
    lengths = {str(module.path.relative_to(PACKAGE)): lines_of(module) for module in MODULES}

    assert {} == {name: length for name, length in lengths.items() if length > 440}


#: The modules that programs may import. Each other one is private by its name or its package's.
PUBLIC_MODULES = {
    *("tagodev", "tagodev.errors", "tagodev.events", "tagodev.hard_limits", "tagodev.types"),
    *("tagodev.provision", "tagodev.telemetry", "tagodev.testing"),
    *("tagodev.emulator", "tagodev.__main__", "tagodev.emulator.__main__"),
}
IMPORTED = re.compile(r"^(?:from|import) (tagodev[\w.]*)|^::: (tagodev[\w.]*)", re.MULTILINE)


def is_private(name: str) -> bool:
    """Return whether a part of a dotted name is private."""
    return any(part.startswith("_") and part != "__main__" for part in name.split("."))


def test_other_modules_are_private() -> None:
    """A module is public because it is listed here, or private by its name."""
    assert PUBLIC_MODULES == {one.name for one in MODULES if not is_private(one.name)}


def test_documentation_and_examples_use_public_names() -> None:
    """What users copy, and what the reference describes, is public."""
    root = PACKAGE.parent
    pages = [root / "README.md", *root.glob("docs/**/*.md"), *root.glob("examples/*.py")]
    found = {
        (page.name, name)
        for page in pages
        for match in IMPORTED.finditer(page.read_text("utf-8"))
        if is_private(name := match[1] or match[2])
    }

    assert len(pages) > 20
    assert set() == found


def test_architecture_names_files_that_exist() -> None:
    """A path on the page about the code is that of a file or a folder."""
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text("utf-8")
    paths = set(re.findall(r"`((?:_\w+|emulator|provision)/[\w/]*(?:\.py)?|_\w+\.py)`", page))

    assert len(paths) > 40
    assert [] == sorted(path for path in paths if not (PACKAGE / path).exists())
