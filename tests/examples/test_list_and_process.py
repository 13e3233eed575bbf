"""`examples/list_and_process.py`: a folder, a page at a time."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from examples.list_and_process import ListAndProcess, Store, main, make_up_files
from workflows import Engine
from workflows.testing import VirtualClock


@pytest.fixture
def anyio_backend() -> str:
    """The project is asyncio only."""
    return "asyncio"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with ten files."""
    made = tmp_path / "inbox"
    made.mkdir()
    make_up_files(made)
    return made


def test_every_file_is_processed_once(folder: Path, tmp_path: Path) -> None:
    assert asyncio.run(main(folder, tmp_path / "engine.db")) == 10
    counted = {path.name: int(path.read_text()) for path in (folder / "results").iterdir()}
    assert counted == {f"note-{number:02}.txt": number for number in range(1, 11)}
    assert [path for path in folder.iterdir() if path.is_file()] == []


@pytest.mark.anyio
async def test_a_restart_keeps_the_history_as_small_as_a_page(folder: Path, tmp_path: Path) -> None:
    path, clock = tmp_path / "engine.db", VirtualClock()
    async with Engine(path, workflows=[ListAndProcess], env=Store(folder, page=4), clock=clock) as engine:
        instance = await engine.workflow(ListAndProcess).create()
        await instance.result()
        steps = [event.step_name async for event in instance.subscribe() if event.type == "step_completed"]
    assert steps == ["list-1", "process note-09.txt-1", "process note-10.txt-1", "count-1"]


def test_a_file_that_was_processed_just_before_a_crash_is_not_counted_again(folder: Path) -> None:
    store = Store(folder)
    assert [store.count_words("note-03.txt") for _ in range(2)] == [3, 3]


def test_it_runs_by_itself() -> None:
    command = [sys.executable, "examples/list_and_process.py"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert ran.stdout.splitlines()[-1] == "10 files processed"
