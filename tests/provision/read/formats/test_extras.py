"""Formats that need a package besides: without it the rest works, and what is missing is said."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tagodev.provision import InvalidFileError, read_defaults
from tests.provision.files import FORMATS, problems_in, write
from tests.support.modules import MODULES, imports
from tests.support.processes import PYTHON, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("form", "package", "extra"), [("yaml", "PyYAML", "yaml"), ("excel", "openpyxl", "excel")]
)
def test_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, package: str, extra: str
) -> None:
    """One line says it."""
    written = FORMATS[form]([{"name": "a"}])
    path = write(tmp_path, written.data, f"site.{written.suffix}")
    # As if it had never been imported, nor could be.
    monkeypatch.setitem(sys.modules, "yaml" if form == "yaml" else package, None)
    monkeypatch.delitem(sys.modules, f"tagodev.provision._read.formats.{form}", raising=False)
    (problem,) = problems_in(path)

    assert f"{package} is required to read " in problem
    assert problem.endswith(f". pip install 'tagodev[{extra}]'")


def test_defaults_need_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same is said of a file of defaults."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    monkeypatch.delitem(sys.modules, "tagodev.provision._read.formats.yaml", raising=False)
    with pytest.raises(InvalidFileError, match=r"PyYAML is required to read YAML\. pip install"):
        read_defaults(write(tmp_path, "name: a\n", "defaults.yaml"))


def test_only_provisioning_needs_them() -> None:
    """Whoever has CSV or JSON pays for neither, not even in time."""
    needed = {
        one.importer.split(".")[1]
        for module in MODULES
        for one in imports(module)
        if one.imported.split(".")[0] in ("openpyxl", "yaml")
    }
    program = "import sys, tagodev.provision; print(*sys.modules)"
    loaded = run(PYTHON, "-c", program).out.split()

    assert {"provision"} == needed
    assert "tagodev.provision" in loaded
    assert not {"openpyxl", "yaml"} & set(loaded)
