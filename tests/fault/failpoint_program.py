"""What is killed at failpoints: the program of the crash test, and what it does not come to.

An instance that was parked is told of and erased, an operation fails beside its neighbour, a copy is taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from pathlib import Path

from tests.fault.crash_program import Witness
from tests.fault.crash_program import drive as drive_mixed
from workflows import (
    Engine,
    Finished,
    InstanceNotFound,
    Statement,
    Store,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowStep,
)

__all__ = ["drive"]

_TABLE = "CREATE TABLE pair(key INTEGER PRIMARY KEY) STRICT"
_BRIEF = 12
_INSERT = "INSERT INTO pair(key) VALUES(?)"


class _Told:
    name = "told"

    def __init__(self) -> None:
        self.event = asyncio.Event()

    async def deliver(self, finished: Finished, /) -> None:
        """Says that it was."""
        self.event.set()


async def drive(database: Path, witness: Witness, known: frozenset[tuple[int, str]]) -> None:
    """Everything to its end, whatever an earlier process came to."""
    await drive_mixed(database, witness, known)
    hook = _Told()

    class Brief(WorkflowEntrypoint[Witness, None]):
        """Is parked, ends, tells, and is not kept."""

        retention = {"success_retention": 0.001}
        on_complete = [hook]

        async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> None:
            """Nothing, but after a while, and when it is told."""
            await step.do("nothing", lambda: None)
            await step.sleep("a moment", 0.01)
            await step.wait_for_event("a word", "go")

    async with Engine(database, workflows=[Brief], env=witness, hot_waits=0) as engine:
        brief, *others = [
            await engine.workflow(Brief).create(id=os.urandom(4).hex(), params=None) for _ in range(_BRIEF)
        ]
        async for _ in brief.subscribe(filter=["wait_started"]):
            break
        await asyncio.sleep(0.05)  # until they are parked
        await asyncio.gather(*(one.send_event("go") for one in (*others, brief)))
        await _apart(engine.store)
        await engine.store.backup(database.with_name(f"copy{os.getpid()}.db"))
        await hook.event.wait()
        with contextlib.suppress(InstanceNotFound):
            while True:
                await brief.status()
                await asyncio.sleep(0.001)


async def _apart(store: Store) -> None:
    """An operation that fails, and the neighbours that do not."""
    await store.migrate("pairs", [_TABLE])
    await store.write(Statement("DELETE FROM pair"))
    outcomes = await asyncio.gather(
        *(store.write(Statement(_INSERT, (key,))) for key in (1, 2, 2, 3)), return_exceptions=True
    )
    assert [type(one) for one in outcomes] == [int, int, sqlite3.IntegrityError, int]
    assert await store.read("SELECT key FROM pair") == [(1,), (2,), (3,)]
