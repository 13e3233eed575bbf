"""SIGKILL between what belongs together, and between an end and its report."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agents_sdk.workflow.killed import Notes, Work, app
from tests.mortal import mortal
from workflows import SystemClock

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
]
PATIENCE = 30.0


def said(folder: Path, what: str, *, until: str | None = None, at: str | None = None) -> list[str]:
    """What a process said; it is killed after `until`, else kills itself at a failpoint."""
    command = [sys.executable, "-m", "tests.agents_sdk.workflow.killed", str(folder), what]
    lines = []
    started = subprocess.Popen([*command, *([at] if at else [])], stdout=subprocess.PIPE, text=True)
    with mortal(started) as child:
        assert child.stdout is not None
        for line in child.stdout:
            lines.append(line.strip())
            if lines[-1] == until:
                child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    return lines


def kept(folder: Path) -> tuple[list[str], list[str]]:
    """Ids of instances, and of what agents have started."""
    with sqlite3.connect(folder / "agents.db") as file:
        rows = [
            [id for (id,) in file.execute(f"SELECT {column} FROM {table}").fetchall()]
            for column, table in (("name", "instance"), ("instance", "agent_workflow"))
        ]
    file.close()
    return rows[0], rows[1]


@pytest.mark.parametrize(
    ("at", "are"),
    [("instance.inserted", []), ("store.before_commit", []), ("store.committed", ["w"])],
)
def test_killed_anywhere_there_are_both_rows_or_neither(tmp_path: Path, at: str, are: list[str]) -> None:
    assert said(tmp_path, "wait", at=at) == ["ready"]
    assert kept(tmp_path) == (are, are)


def test_killed_after_the_acknowledgement_there_are_both(tmp_path: Path) -> None:
    assert said(tmp_path, "wait", until="started") == ["ready", "started"]
    assert kept(tmp_path) == (["w"], ["w"])


async def test_the_id_that_was_not_acknowledged_can_be_used(tmp_path: Path) -> None:
    said(tmp_path, "wait", at="instance.inserted")
    async with app(tmp_path) as agents:
        notes = await agents.get_agent(Notes, "a")
        await notes.run_workflow(Work, "wait", id="w", exist_ok=True)
        found = await notes.workflows.get("w")
        assert found is not None
        assert found.metadata is None


@pytest.mark.parametrize(
    ("what", "first", "then"),
    [
        ("end", [["complete", "w", 2]], [["complete", "w", 2]]),
        ("report", [["complete", "w", 1]], [["complete", "w", 1]]),
        ("event", [["event", "w", 1]], [["event", "w", 1], ["complete", "w", 2]]),
    ],
)
async def test_killed_while_an_agent_hears_it_hears_again(
    tmp_path: Path, what: str, first: list[object], then: list[object]
) -> None:
    assert said(tmp_path, what, until="told")[-1] == "told"
    async with app(tmp_path) as agents:
        notes = await agents.get_agent(Notes, "a")
        assert notes.state[:1] == first
        async with asyncio.timeout(PATIENCE):
            while len(notes.state) < 1 + len(then):
                await SystemClock().sleep(0.01)
        while not (await notes.workflows.status("w")).finished:
            await SystemClock().sleep(0.01)
        await SystemClock().sleep(0.1)  # what was told is not told again
        assert notes.state == first + then
        assert [one.metadata for one in (await notes.workflows.list()).workflows] == [{"what": what}]


async def test_killed_between_the_end_and_its_report_it_is_reported(tmp_path: Path) -> None:
    assert said(tmp_path, "end", at="timer.due")[0] == "ready"
    async with app(tmp_path) as agents:
        notes = await agents.get_agent(Notes, "a")
        async with asyncio.timeout(PATIENCE):
            while not notes.state:
                await SystemClock().sleep(0.01)
        assert notes.state == [["complete", "w", 2]]
