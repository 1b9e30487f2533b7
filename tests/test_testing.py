"""The pytest fixture, in projects of other people."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from urllib.request import Request, urlopen

import orjson
import pytest

from tagodev.emulator import EmulatorOptions, EmulatorProcess
from tagodev.emulator._options import FAULTS, VARIANTS
from tagodev.testing import EmulatorPool
from tests.support import processes

pytest_plugins = ("pytester",)

GUIDE = Path(__file__).parent.parent / "docs" / "testing.md"
#: A project of a user who takes every warning for an error.
STRICT = """
[pytest]
addopts = --strict-markers --strict-config -p no:cacheprovider
filterwarnings = error
asyncio_mode = {mode}
asyncio_default_fixture_loop_scope = function
"""
#: Plugins of others that import much at every start.
WITHOUT = ("-p", "no:schemathesis", "-p", "no:hypothesispytest", "-p", "no:randomly")


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Give an empty project with strict settings."""
    pytester.makeini(STRICT.format(mode="strict"))
    return pytester


def run(project: pytest.Pytester, source: str, *arguments: str) -> pytest.RunResult:
    """Run tests, in this process: its emulators have their own all the same."""
    project.makepyfile(test_theirs=source)
    return project.runpytest_inprocess("-n0", "-p", "no:randomly", *arguments)


def run_apart(project: pytest.Pytester, source: str) -> pytest.RunResult:
    """Run tests in a process of their own, with what it has installed but for slow plugins."""
    project.makepyfile(test_theirs=source)
    return project.runpytest_subprocess("-n0", *WITHOUT)


def info(emulator: EmulatorProcess, token: str = "") -> int:
    """Return the status of a request."""
    request = Request(f"{emulator.url}/info", headers={"token": token or emulator.token})
    with urlopen(request) as response:
        status: int = response.status
    return status


def test_fixture_gives_a_fresh_emulator(project: pytest.Pytester) -> None:
    """Each test has an empty profile and unused limits, in the same process as the one before."""
    result = run(
        project,
        """
        import asyncio
        import pytest
        from tagodev import DeviceCreate, Tago

        seen = {}

        async def fill(emulator):
            async with Tago(emulator.token, api=emulator.url) as tago:
                await tago.devices.create_many(DeviceCreate(name=f"d{n}") for n in range(10))

        # Twice all that a minute allows: whoever counted on would wait for the next.
        @pytest.mark.tago_emulator(plan="free", max_devices=10)
        @pytest.mark.parametrize("turn", [1, 2])
        def test_turn(tago_emulator, turn):
            assert 0 == tago_emulator.stats()["devices"]
            asyncio.run(asyncio.wait_for(fill(tago_emulator), 20))
            stats = tago_emulator.stats()
            assert (10, 0) == (stats["devices"], stats["rejected"])
            tago_emulator.reset()
            assert 0 == tago_emulator.stats()["accepted"]
            seen.setdefault(tago_emulator.pid, set()).add(tago_emulator.token)

        def test_process_is_one_and_tokens_are_two():
            ((pid, tokens),) = seen.items()
            assert 2 == len(tokens)
        """,
    )

    result.assert_outcomes(passed=3)


def test_fixture_works_in_asyncio_tests(project: pytest.Pytester) -> None:
    """A test that runs in an event loop uses the same fixture."""
    project.makeini(STRICT.format(mode="auto"))
    result = run(
        project,
        """
        from tagodev import DeviceCreate, Tago

        async def test_create(tago_emulator):
            async with Tago(tago_emulator.token, api=tago_emulator.url) as tago:
                created = await tago.devices.create(DeviceCreate(name="d"))
            assert created.device_id
            assert 1 == tago_emulator.stats()["devices"]
        """,
    )

    result.assert_outcomes(passed=1)


def test_marker_chooses_options(project: pytest.Pytester) -> None:
    """The closest marker wins, option by option; a parameter may carry one too."""
    result = run(
        project,
        """
        import pytest

        pytestmark = pytest.mark.tago_emulator(plan="starter", minute=7.0)

        def told(emulator):
            stats = emulator.stats()
            return stats["plan"], stats["minute"], stats["devices"]

        def test_of_the_module(tago_emulator):
            assert ("starter", 7.0, 0) == told(tago_emulator)

        @pytest.mark.tago_emulator(plan="free", devices=1)
        class TestOfTheClass:
            def test_of_the_class(self, tago_emulator):
                assert ("free", 7.0, 1) == told(tago_emulator)

            @pytest.mark.tago_emulator(devices=2)
            def test_of_its_own(self, tago_emulator):
                assert ("free", 7.0, 2) == told(tago_emulator)

        @pytest.mark.parametrize(
            "devices", [pytest.param(3, marks=pytest.mark.tago_emulator(devices=3))]
        )
        def test_of_a_parameter(tago_emulator, devices):
            assert ("starter", 7.0, devices) == told(tago_emulator)
        """,
    )

    result.assert_outcomes(passed=4)


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("plan='gold'", "plan must be free, starter or scale, not 'gold'"),
        ("colour='red'", "unexpected keyword argument 'colour'"),
        ("'free'", "takes options by name only"),
    ],
)
def test_marker_that_means_nothing_fails_the_test(
    project: pytest.Pytester, marker: str, message: str
) -> None:
    """What is wrong with it is said in one line, not in a traceback of ours."""
    result = run(
        project,
        f"""
        import pytest

        @pytest.mark.tago_emulator({marker})
        def test_it(tago_emulator):
            pass
        """,
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{message}*"])
    result.stdout.no_fnmatch_line("*_tagodev_pytest.py*")


def test_plugin_costs_nothing_until_it_is_asked(project: pytest.Pytester) -> None:
    """Where tagodev is installed but not used, neither it nor aiohttp is imported."""
    result = run_apart(
        project,
        """
        import sys

        def test_modules():
            assert "_tagodev_pytest" in sys.modules
            assert not {"tagodev", "aiohttp", "attrs", "orjson"} & set(sys.modules)
        """,
    )

    result.assert_outcomes(passed=1)


def test_plugin_explains_itself(project: pytest.Pytester) -> None:
    """The marker and the fixture are in pytest's own lists."""
    markers = project.runpytest_inprocess("--markers")
    fixtures = project.runpytest_inprocess("-n0", "--fixtures")

    markers.stdout.fnmatch_lines(["@pytest.mark.tago_emulator(?*options): options of the fixture*"])
    fixtures.stdout.fnmatch_lines(["tago_emulator -- *", "*Give a running emulator*"])


def test_no_process_is_left_behind(project: pytest.Pytester) -> None:
    """When pytest has ended, however it ends, so have its emulators."""
    result = run_apart(
        project,
        """
        import os, signal
        from pathlib import Path

        def test_it(tago_emulator):
            Path("pid").write_text(str(tago_emulator.pid))
            os.kill(os.getpid(), signal.SIGINT)
        """,
    )

    assert pytest.ExitCode.INTERRUPTED == result.ret
    with pytest.raises(ProcessLookupError):
        os.kill(int((project.path / "pid").read_text(encoding="utf-8")), 0)


def test_blocks_of_the_guide_run(project: pytest.Pytester) -> None:
    """What the documentation shows passes as it stands."""
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    project.makepyfile(**{f"test_block_{number}": text for number, text in enumerate(blocks)})
    result = project.runpytest_inprocess("-n0")

    assert 4 == len(blocks)
    result.assert_outcomes(passed=5)


def test_guide_names_every_fault_and_variant() -> None:
    """The tables of faults and variants are complete, and name no others."""
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted((*FAULTS, *VARIANTS)) == sorted(rows)


def test_pool_keeps_a_process_for_the_same_options() -> None:
    """The same options get the same process, emptied, with another token."""
    with EmulatorPool() as pool:
        one = pool.fresh(EmulatorOptions(devices=1))
        pid, token = one.pid, one.token
        assert 200 == info(one)
        assert pool.fresh().pid != pid
        again = pool.fresh(EmulatorOptions(devices=1))

        assert pid == again.pid
        assert token != again.token
        assert (0, 1) == (again.stats()["accepted"], again.stats()["devices"])
        assert 200 == info(again)
        with pytest.raises(OSError, match="401"):
            info(again, token)


def test_pool_keeps_a_token_that_was_asked_for() -> None:
    """Options that name the token get that one each time."""
    with EmulatorPool() as pool:
        tokens = {pool.fresh(EmulatorOptions(token="p-mine")).token for _ in range(2)}

    assert {"p-mine"} == tokens


def test_pool_repeats_ids_with_a_seed() -> None:
    """With a seed each test gets the ids that it would get if it ran alone."""
    with EmulatorPool() as pool:
        bodies = []
        for _ in range(3):
            emulator = pool.fresh(EmulatorOptions(seed=1, devices=1))
            request = Request(f"{emulator.url}/device", headers={"token": emulator.token})
            with urlopen(request) as response:
                bodies.append(orjson.loads(response.read())["result"][0]["id"])

    assert 1 == len(set(bodies))


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_pool_replaces_a_process_that_is_gone(how: str) -> None:
    """What a test did to its emulator is not the next one's trouble."""
    with EmulatorPool() as pool:
        emulator = pool.fresh()
        pid = emulator.pid
        assert pid is not None
        if how == "stopped":
            emulator.stop()
        else:
            os.kill(pid, signal.SIGKILL)
        again = pool.fresh()

        assert pid != again.pid
        assert 200 == info(again)


def test_pool_ends_the_processes_it_does_not_keep() -> None:
    """With many sets of options the one that was unused for longest is ended; at the end all."""
    with EmulatorPool() as pool:
        emulators = [pool.fresh(EmulatorOptions(devices=count)) for count in range(4)]
        pool.fresh(EmulatorOptions(devices=0))
        emulators.append(pool.fresh(EmulatorOptions(devices=4)))
        running = [emulator.pid is not None for emulator in emulators]

    assert [True, False, True, True, True] == running
    assert [None] * 5 == [emulator.pid for emulator in emulators]


def test_importing_the_plugin_imports_only_pytest() -> None:
    """It is imported at every start of pytest, wherever tagodev is installed."""
    program = (
        "import sys, pytest; before = set(sys.modules)\n"
        "import _tagodev_pytest; print(*sorted(set(sys.modules) - before))"
    )
    done = processes.run(processes.PYTHON, "-c", program)

    assert ("_tagodev_pytest\n", "") == (done.out, done.err)
