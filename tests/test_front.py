"""The package's front: it shows everything, and loads what is asked for."""

from __future__ import annotations

import ast
import importlib
import pickle

import pytest

import tagodev
from tests.support.modules import MODULES
from tests.support.processes import PYTHON, run

FRONT = next(module for module in MODULES if module.name == "tagodev")


def shown_to_type_checkers() -> dict[str, str]:
    """Return where a type checker finds each name: what is imported under ``TYPE_CHECKING``."""
    blocks = [node for node in FRONT.tree.body if isinstance(node, ast.If)]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


def loaded_by(program: str) -> set[str]:
    """Return the modules that a program has loaded in the end."""
    done = run(PYTHON, "-c", f"{program}\nimport sys; print(*sys.modules)")
    assert (0, "") == (done.code, done.err)
    return set(done.out.split())


def test_type_checkers_see_what_there_is() -> None:
    """Each public name is imported for type checkers, and nothing else is."""
    assert set(tagodev.__all__) == set(shown_to_type_checkers())


def test_a_name_is_what_type_checkers_take_it_for() -> None:
    """What is loaded on demand is the very thing that stands where type checkers look."""
    seen = {
        name: getattr(importlib.import_module(module), name)
        for name, module in shown_to_type_checkers().items()
    }

    assert [] == [name for name, one in seen.items() if getattr(tagodev, name) is not one]


def test_the_version_loads_nothing() -> None:
    """Who asks for the version does not wait for an HTTP client, nor for attrs."""
    loaded = loaded_by("import tagodev; tagodev.__version__; dir(tagodev)")

    assert {"tagodev"} == {name for name in loaded if name.startswith("tagodev")}
    assert set() == loaded & {"aiohttp", "attrs", "orjson", "asyncio"}


@pytest.mark.parametrize("name", ["NotFoundError", "Secret", "HardLimits", "Tag"])
def test_a_name_loads_no_more_than_it_needs(name: str) -> None:
    """Errors, limits and models are there without an HTTP client."""
    assert "aiohttp" not in loaded_by(f"from tagodev import {name}")


def test_dir_names_everything() -> None:
    """Whoever looks around in an interpreter sees what there is, loaded or not."""
    assert {*tagodev.__all__, "__version__"} <= set(dir(tagodev))


def test_modules_are_attributes() -> None:
    """``tagodev.errors`` works after ``import tagodev`` alone."""
    program = "import tagodev; assert tagodev.errors.TagoError is tagodev.TagoError"

    assert "tagodev.errors" in loaded_by(program)


@pytest.mark.parametrize("name", ["nonsense", "_nonsense", "__wrapped__"])
def test_what_is_not_there(name: str) -> None:
    """Any other name is an AttributeError that says which."""
    with pytest.raises(AttributeError, match=f"'tagodev' has no attribute '{name}'"):
        getattr(tagodev, name)


def test_an_import_of_what_is_not_there() -> None:
    """``from tagodev import`` of any other name is an ImportError, as always."""
    with pytest.raises(ImportError, match="cannot import name 'nonsense'"):
        exec("from tagodev import nonsense", {})


def test_pickling() -> None:
    """Things go through a pickle, and come back as the same classes."""
    tag = tagodev.Tag("site", "7")
    again = pickle.loads(pickle.dumps(tag))

    assert tag == again
    assert type(again) is tagodev.Tag
