"""What a developer and a build run: ``nox -s tests``, ``coverage``, ``lint``, ``typing``, ..."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import nox

nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = True
nox.options.sessions = ["tests", "lint", "typing"]

HERE = Path(__file__).parent
#: Many tests wait for processes and windows, so there are more workers than cores.
WORKERS = (f"--numprocesses={max(4, os.cpu_count() or 1)}", "--dist=worksteal")
PACKAGING = HERE / "tests" / "packaging"
PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)
#: Some tests of each package, those that depend most on Python and on the dependencies.
SHORT = (
    "tests/models",
    "tests/test_checkout.py",
    "tests/filesystem/test_atomic_write.py",
    "tests/filesystem/test_process_lock.py",
    "tests/test_public_names.py",
    "tests/serialization/test_converter.py",
    "tests/test_session.py",
    "tests/bulk/test_engine.py",
    "tests/bulk/journal/test_store.py",
    "tests/cli/bulk/test_bulk.py",
    "tests/cli/apply/test_plan.py",
    "tests/emulator/routes/test_devices.py",
    "tests/limits/test_scheduler.py",
    "tests/limits/ledger/test_sqlite.py",
    "tests/provision/read/formats",
    "tests/resources/test_against_emulator.py",
)


def install(session: nox.Session, *groups: str) -> None:
    """Install the package with its command line, and dependency groups by name."""
    wanted = [name for group in groups for name in nox.project.dependency_groups(PYPROJECT, group)]
    session.install(".[cli]", *wanted)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests in parallel; arguments go to pytest."""
    install(session, "tests")
    session.run("pytest", *WORKERS, *session.posargs)


# All tests on one Python: `nox -s tests-3.13`.
for python in PYTHONS:
    nox.session(python=python, name=f"tests-{python}")(tests.func)


@nox.session(python=PYTHONS)
def short(session: nox.Session) -> None:
    """Run a selection of the tests, some of each package, on each Python that we support."""
    install(session, "tests")
    session.run("pytest", *WORKERS, *SHORT, *session.posargs)


@nox.session
def lowest(session: nox.Session) -> None:
    """Run a selection with the lowest versions of every dependency; ``-- tests`` runs all tests."""
    extras = PYPROJECT["project"]["optional-dependencies"].values()
    wanted = [*PYPROJECT["project"]["dependencies"], *(one for extra in extras for one in extra)]
    pinned = [one.split(";")[0].strip().replace(">=", "==") for one in wanted]
    install(session, "tests")
    # Afterwards: a tool of the tests asks for more than the package does.
    session.install(*pinned)
    session.run("pytest", *WORKERS, *(session.posargs or SHORT))


@nox.session
def crash(session: nox.Session) -> None:
    """Kill bulk runs 200 times and others 50 times each, and interleave commands in 3,000 steps.

    And try ten times as many examples where tests make them up.
    """
    install(session, "tests")
    session.run(
        *("pytest", *WORKERS),
        *("tests/bulk/test_crash.py", "tests/cli/test_interleavings.py"),
        *("tests/test_fuzz.py", "tests/emulator/http/test_schema.py"),
        *("tests/models/test_round_trip.py", "tests/provision/test_round_trip.py"),
        *session.posargs,
        env={"TAGODEV_KILLS": "200", "TAGODEV_STEPS": "3000", "TAGODEV_EXAMPLES": "10"},
    )


@nox.session
def coverage(session: nox.Session) -> None:
    """Tell which lines and branches the tests reach, in child processes too; fail below 95 %."""
    install(session, "tests")
    session.run("coverage", "erase")
    # What is measured is slower: a test gets longer before it is taken for stuck.
    session.run(
        *("coverage", "run", "-m", "pytest", *WORKERS, "--timeout=300"),
        *session.posargs,
    )
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")


@nox.session
def mutation(session: nox.Session) -> None:
    """Make small mistakes in the cores and see which the tests notice; arguments choose some."""
    install(session, "tests", "mutation")
    session.run("mutmut", "run", *session.posargs)
    session.run("mutmut", "results")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Check types with both checkers, and that every public type is known: 100 %."""
    install(session, "tests", "bench", "typing")
    session.install("nox")
    session.run("mypy")
    session.run("pyright")
    # Of other packages' types only what they tell counts: attrs and aiohttp have gaps of their own.
    session.run("pyright", "--verifytypes", "tagodev", "--ignoreexternal")


@nox.session
def build(session: nox.Session) -> None:
    """Build wheel and source archive twice, from two fresh clones, to the same bytes; in dist/."""
    session.install("build")
    epoch = git(session, "log", "-1", "--format=%ct").strip()
    first, second = (Path(session.create_tmp()).resolve() / name for name in ("first", "second"))
    elsewhere = {"TZ": "XYZ-13", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    for clone, kinds, env in (
        (first, (), {}),
        # Not the wheel out of the source archive, but both out of the tree.
        (second, ("--sdist", "--wheel"), elsewhere),
    ):
        shutil.rmtree(clone, ignore_errors=True)
        git(session, "clone", "--quiet", str(HERE), str(clone))
        session.run(
            *("python", "-m", "build", *kinds, str(clone)),
            env={"SOURCE_DATE_EPOCH": epoch, **env},
            silent=True,
        )
    session.run("python", str(PACKAGING / "archives.py"), str(first), str(second), epoch)
    shutil.rmtree(HERE / "dist", ignore_errors=True)
    shutil.copytree(first / "dist", HERE / "dist")


@nox.session(name="install", requires=["build"], reuse_venv=False)
@nox.parametrize("extra", ["none", *PYPROJECT["project"]["optional-dependencies"]])
def install_wheel(session: nox.Session, extra: str) -> None:
    """Use the built wheel in an environment that has one extra, or none, and nothing else."""
    (wheel,) = (HERE / "dist").glob("*.whl")
    folder = Path(session.create_tmp()).resolve()
    session.chdir(folder)
    if extra == "none":
        session.install(str(wheel))
        session.run("python", "-I", str(PACKAGING / "installed.py"))
        session.install("pytest")
        # Not below our own settings, which pytest would find.
        with tempfile.TemporaryDirectory() as project:
            session.chdir(project)
            shutil.copy(PACKAGING / "theirs.py", Path(project, "test_theirs.py"))
            session.run("pytest", "--quiet")
            session.chdir(folder)
    else:
        session.install(f"{wheel}[{extra}]")
        session.run("python", "-I", str(PACKAGING / "installed.py"), extra)


def git(session: nox.Session, *arguments: str) -> str:
    """Run git and return what it says."""
    return str(session.run("git", *arguments, external=True, silent=True))


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, into site/; a warning is an error. ``-- serve`` shows it instead."""
    install(session, "docs")
    # What is asked for is Material for MkDocs, which announces its successor at each start.
    session.run("mkdocs", *(session.posargs or ["build"]), env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def demo(session: nox.Session) -> None:
    """Make and delete six thousand devices on the emulator, at its limits."""
    install(session)
    session.run("tagodev", "demo", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Run all benchmarks and write docs/benchmarks.md; ``-- --quick`` runs them in small."""
    install(session, "tests", "bench")
    session.run("python", "-m", "benchmarks", *session.posargs, env={"PYTHONPATH": "."})
