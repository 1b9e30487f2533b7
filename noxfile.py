"""What a developer and a build run: ``nox -s tests``, ``coverage``, ``lint``, ``typing``, ..."""

from __future__ import annotations

import nox

nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = True
nox.options.sessions = ["tests", "lint", "typing"]

PYPROJECT = nox.project.load_toml("pyproject.toml")


def install(session: nox.Session, *groups: str) -> None:
    """Install the package with its command line, and dependency groups by name."""
    wanted = [name for group in groups for name in nox.project.dependency_groups(PYPROJECT, group)]
    session.install(".[cli]", *wanted)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests, as many at once as there are cores; arguments go to pytest."""
    install(session, "tests")
    session.run("pytest", "--numprocesses=auto", *session.posargs)


@nox.session
def crash(session: nox.Session) -> None:
    """Kill bulk runs two hundred times, and fifty times each of the other kinds."""
    install(session, "tests")
    session.run(
        "pytest", "tests/bulk/test_crash.py", *session.posargs, env={"TAGODEV_KILLS": "200"}
    )


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the tests once more in one process, and tell which lines and branches they reach."""
    install(session, "tests")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "report")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Check types with both checkers."""
    install(session, "tests", "typing")
    session.install("nox")
    session.run("mypy")
    session.run("pyright")


@nox.session
def demo(session: nox.Session) -> None:
    """Make and delete six thousand devices on the emulator, at its limits."""
    install(session)
    session.run("tagodev", "demo", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks one after the other; arguments choose some by name."""
    install(session, "tests")
    programs = session.posargs or [
        "compare_creates",
        "real_time",
        "grant_cost",
        "virtual_time",
        "chart",
    ]
    for program in programs:
        session.run("python", "-m", f"benchmarks.{program}", env={"PYTHONPATH": "."})
