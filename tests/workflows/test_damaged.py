"""A record that the disk has changed is never served: its instance is paused, and everything else goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import pytest

from workflows import (
    Engine,
    StepStream,
    StoreError,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowFailed,
    WorkflowStep,
)
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

DAMAGE = {
    "result": ("UPDATE entry SET result = x'31323334' WHERE name = 's' AND instance = 1", "step s-1"),
    "moments of a step": ("UPDATE entry SET moments = x'7b7b' WHERE name = 's' AND instance = 1", "step s-1"),
    "state": ("UPDATE entry SET state = 99 WHERE name = 's' AND instance = 1", "step s-1"),
    "config": ("UPDATE entry SET config = x'80' WHERE name = 's' AND instance = 1", "step s-1"),
    "name": (
        "UPDATE entry SET name = CAST(x'73ff' AS TEXT) WHERE name = 's' AND instance = 1",
        "step s\ufffd-1",
    ),
    "history": ("UPDATE moment SET detail = '{{' WHERE instance = 1 AND place = 1", "workflow_queued"),
}
every_damage = pytest.mark.parametrize(("statement", "what"), DAMAGE.values(), ids=DAMAGE)
parked = pytest.mark.parametrize("park", [None, "always"])
Park = Literal["always"] | None


class Flow(WorkflowEntrypoint[None, Any]):
    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        value = await step.do("s", lambda: 12345)
        await step.sleep("z", 1_000)
        return value


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as file:
        assert file.execute(statement).rowcount == 1
        file.commit()


async def damaged(path: Path, clock: VirtualClock, statement: str, park: Park) -> None:
    """A file with three instances in their sleep, the first of them damaged."""
    async with Engine(path, [Flow], clock=clock, park=park) as engine:
        for id in "abc":
            await engine.workflow(Flow).create(id=id)
        await clock.sleep(10)
    change(path, statement)


@parked
@every_damage
async def test_only_the_damaged_instance_is_paused_and_it_says_why(
    tmp_path: Path, statement: str, what: str, park: Park, caplog: pytest.LogCaptureFixture
) -> None:
    path, clock = tmp_path / "a.db", VirtualClock()
    await damaged(path, clock, statement, park)
    async with Engine(path, [Flow], clock=clock, park=park) as engine:
        binding = engine.workflow(Flow)
        assert [await binding.get(id).result() for id in "bc"] == [12345, 12345]
        await clock.sleep(10)
        status = await binding.get("a").status()
        assert (status.status, status.output, status.usage.steps) == ("paused", None, 1)
        assert status.reason is not None
        assert f"the record of {what}" in status.reason
        assert "restore the file from a backup, or restart or delete the instance" in status.reason
        assert [one.status for one in (await binding.list()).instances] == ["paused", "complete", "complete"]
        assert caplog.text.count('Flow "a" is paused: the record of') == 1
        with pytest.raises(StoreError, match=f"the record of {what}"):
            await binding.get("a").resume()
        with pytest.raises(StoreError, match=f"the record of {what}"):
            [event async for event in binding.get("a").subscribe()]
        assert (await binding.get("a").status()).reason == status.reason
    async with Engine(path, [Flow], clock=clock, park=park) as engine:  # it stays so, and is said once
        assert await engine.workflow(Flow).get("a").status() == status
    assert caplog.text.count('Flow "a" is paused: the record of') == 1


@pytest.mark.parametrize("command", ["restart", "terminate", "delete"])
@every_damage
async def test_it_can_be_begun_anew_or_ended(tmp_path: Path, statement: str, what: str, command: str) -> None:
    path, clock = tmp_path / "a.db", VirtualClock()
    await damaged(path, clock, statement, None)
    async with Engine(path, [Flow], clock=clock) as engine:
        instance = engine.workflow(Flow).get("a")
        await getattr(instance, command)()
        if command == "restart":
            assert await instance.result() == 12345
        left = [one.status for one in (await engine.workflow(Flow).list()).instances]
    ends = {"restart": ["complete"], "terminate": ["terminated"], "delete": []}
    assert left[:-2] == ends[command]


@parked
async def test_resume_goes_on_with_what_was_repaired(tmp_path: Path, park: Park) -> None:
    path, clock = tmp_path / "a.db", VirtualClock()
    await damaged(path, clock, DAMAGE["result"][0], park)
    async with Engine(path, [Flow], clock=clock, park=park) as engine:
        await clock.sleep(2_000)
        instance = engine.workflow(Flow).get("a")
        assert (await instance.status()).status == "paused"
        change(path, "UPDATE entry SET result = CAST('12345' AS BLOB) WHERE name = 's' AND instance = 1")
        await instance.resume()
        assert await instance.result() == 12345
        assert (await instance.status()).reason is None


async def pieces() -> AsyncIterator[bytes]:
    for _ in range(3):
        yield b"a" * 200_000


class Long(WorkflowEntrypoint[None, Any]):
    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        result = await step.do("s", pieces)
        assert isinstance(result, StepStream)
        await step.sleep("z", 1_000)
        return (await result.read())[-1:]


async def test_a_result_that_is_a_stream_is_looked_at_as_a_whole_too(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.db", VirtualClock()
    async with Engine(path, [Long], clock=clock) as engine:
        for id in "ab":
            await engine.workflow(Long).create(id=id)
        await clock.sleep(10)
    last = "SELECT max(id) FROM chunk WHERE instance = 1 AND data IS NOT NULL"
    flipped = "CAST(substr(data, 1, length(data) - 1) || x'62' AS BLOB)"  # and its own checksum is gone
    change(path, f"UPDATE chunk SET data = {flipped}, crc = NULL WHERE id = ({last})")
    async with Engine(path, [Long], clock=clock) as engine:
        assert await engine.workflow(Long).get("b").result() == b"a"
        with pytest.raises(WorkflowFailed, match="the stream of step s-1 is damaged: restore the file"):
            await engine.workflow(Long).get("a").result()
