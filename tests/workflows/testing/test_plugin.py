"""The pytest plugin, as a user's test run sees it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent.parent.parent
PLUGIN = "perdure_pytest"

WORKFLOW = """
import asyncio
import pytest
from workflows import WorkflowEntrypoint
from workflows.testing import introspect

class Reminder(WorkflowEntrypoint):
    async def run(self, event, step):
        await step.sleep("a month", "30 days")
        return await step.do("remind", self.remind)

    async def remind(self) -> str:
        return self.env
"""


def passed(pytester: pytest.Pytester, tests: str) -> None:
    """A file of a user in which every test passes."""
    pytester.makepyfile(WORKFLOW + tests)
    strict = ("-W", "error", "-W", "ignore:Module already imported")  # by the run that this test belongs to
    outcome = pytester.runpytest_inprocess("-p", PLUGIN, "-p", "no:cacheprovider", *strict)
    outcome.assert_outcomes(passed=tests.count("def test_"))


def test_an_engine_is_made_on_a_file_and_on_the_virtual_clock(pytester: pytest.Pytester) -> None:
    passed(
        pytester,
        """
def test_it(workflow_engine, virtual_clock, tmp_path):
    began = virtual_clock.now()
    async def main():
        async with workflow_engine(Reminder, env="done") as engine:
            instance = await engine.workflow(Reminder).create(id="r")
            assert await instance.result() == "done"
            assert engine.clock is virtual_clock
            assert (tmp_path / "workflows.db").exists()
    asyncio.run(main())
    assert virtual_clock.now() == began + 30 * 86400
""",
    )


def test_it_needs_no_plugin_for_async_fixtures_and_works_with_one(pytester: pytest.Pytester) -> None:
    passed(
        pytester,
        """
@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.fixture
async def engine(workflow_engine):
    async with workflow_engine(Reminder, env="done") as engine:
        yield engine

@pytest.mark.anyio
async def test_in_the_test(workflow_engine):
    async with workflow_engine(Reminder, env="done") as engine:
        async with introspect(engine.workflow(Reminder), "r") as instance:
            instance.disable_sleeps()
            await engine.workflow(Reminder).create(id="r")
            assert await instance.wait_for_step_result("remind") == "done"

@pytest.mark.anyio
async def test_in_an_async_fixture(engine):
    assert await (await engine.workflow(Reminder).create()).result() == "done"
""",
    )


def test_a_second_engine_goes_on_with_what_the_first_left(pytester: pytest.Pytester) -> None:
    passed(
        pytester,
        """
def test_it(workflow_engine):
    async def main():
        async with workflow_engine(Reminder, env="before") as engine:
            await engine.workflow(Reminder).create(id="r")
        async with workflow_engine(Reminder, env="after") as engine:
            assert await engine.workflow(Reminder).get("r").result() == "after"
    asyncio.run(main())

def test_each_test_has_its_own_file(workflow_engine):
    async def main():
        async with workflow_engine(Reminder, env="other") as engine:
            assert await (await engine.workflow(Reminder).create(id="r")).result() == "other"
    asyncio.run(main())

def test_in_memory(workflow_engine, tmp_path):
    async def main():
        async with workflow_engine(Reminder, env="done", path=":memory:") as engine:
            assert await (await engine.workflow(Reminder).create(id="r")).result() == "done"
    asyncio.run(main())
    assert list(tmp_path.iterdir()) == []
""",
    )


def test_an_engine_that_was_left_open_is_an_error_that_says_what_to_write(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        WORKFLOW
        + """
def test_it(workflow_engine):
    asyncio.run(workflow_engine(Reminder).open())
"""
    )
    outcome = pytester.runpytest_inprocess("-p", PLUGIN, "-p", "no:cacheprovider")
    outcome.assert_outcomes(passed=1, errors=1)
    outcome.stdout.fnmatch_lines(["*left open: use `async with workflow_engine(*"])


def test_an_engine_that_was_made_and_not_opened_is_fine(pytester: pytest.Pytester) -> None:
    passed(
        pytester,
        """
def test_it(workflow_engine):
    workflow_engine(Reminder)
""",
    )


def test_the_fixtures_are_listed_with_what_they_are_for(pytester: pytest.Pytester) -> None:
    outcome = pytester.runpytest_inprocess("-p", PLUGIN, "-p", "no:cacheprovider", "--fixtures")
    outcome.stdout.fnmatch_lines(
        ["virtual_clock*", "*The clock of this test*", "workflow_engine*", "*Makes engines*"]
    )


def test_pytest_finds_the_plugin_by_the_name_of_its_module() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {PLUGIN: PLUGIN}  # so `-p` and the entry point do not clash


def test_loading_the_plugin_loads_nothing_of_perdure() -> None:
    program = f"import sys, {PLUGIN}; print(*sorted(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    assert loaded & {"workflows", "agents_sdk", "integrations", "pydantic", "aiosqlite", "orjson"} == set()
