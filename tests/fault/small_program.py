"""A program whose commits are few and always the same, for `every_commit`.

One instance has a step, a sleep, an event, a retry and a step with a verified effect; another one ends at
once, is erased, and its id is taken again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from workflows import (
    Engine,
    Happened,
    InstanceExists,
    InstanceFinished,
    InstanceNotFound,
    StepContext,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowInstance,
    WorkflowStep,
)

__all__ = ["main", "wrong_with"]

Tell = Callable[[str], None]
_STEPS = ("first", "flaky", "careful")


class _World:
    """What callbacks reach: a file of effects that no database knows of, and who is told."""

    def __init__(self, folder: Path, life: int, tell: Tell) -> None:
        self.tell = tell
        self.life = life
        self.path = folder / "effects.log"

    def effect(self, step: str) -> None:
        """Cannot be undone."""
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(file, f"{step} {self.life}\n".encode())
        os.close(file)

    def happened(self, step: str) -> bool:
        """Whether there was such an effect."""
        return any(line.startswith(f"{step} ") for line in _lines(self.path))


class Small(WorkflowEntrypoint[_World, None]):
    """One step after the other."""

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> str:
        """What the event said."""
        here = self.env

        async def do(name: str, ctx: StepContext) -> str:
            if name == "flaky" and ctx.attempt == 1:
                raise ConnectionError("once")
            here.effect(name)
            return name

        async def look(_: object) -> Happened | None:
            return Happened("careful") if here.happened("careful") else None

        retries: Any = {"limit": 9, "delay": 0}
        here.tell("done " + await step.do("first", do, "first"))
        received = await step.wait_for_event("gate", "go")
        here.tell("received " + received.payload)
        await step.sleep("nap", 0.001)
        here.tell("done " + await step.do("flaky", do, "flaky", retries=retries))
        here.tell("done " + await step.do("careful", do, "careful", on_interrupted=look))
        return str(received.payload)


class Brief(WorkflowEntrypoint[_World, int]):
    """Ends at once, and is not kept."""

    retention = {"success_retention": 0.001}

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        """Its params."""

        async def say() -> int:
            return event.payload

        return await step.do("say", say)


async def main(folder: Path, life: int, tell: Tell) -> None:
    """One process: everything to its end, whatever an earlier one came to."""
    here = _World(folder, life, tell)
    async with Engine(folder / "engine.db", workflows=[Small, Brief], env=here) as engine:
        small = await engine.workflow(Small).create(id="small", params=None, exist_ok=True)
        tell("created")
        # A send amid a step would sometimes share its commit.
        while (await small.status()).status == "running":  # noqa: ASYNC110  # a subscription would commit, too
            await asyncio.sleep(0.001)
        with contextlib.suppress(InstanceFinished):
            await small.send_event("go", "event")
        tell(f"output {await small.result()}")
        brief = engine.workflow(Brief)
        await _gone(brief.get("x"))
        for params in (life * 10, life * 10 + 1):
            try:
                said = await (await brief.create(id="x", params=params)).result()
            except InstanceExists:
                said = "the id was not free"
            except InstanceNotFound:
                said = params  # it was erased before anybody could ask
            if said != params:
                tell(f"wrong: {params} was said to be {said}")
            await _gone(brief.get("x"))


async def _gone(instance: WorkflowInstance) -> None:
    with contextlib.suppress(InstanceNotFound):
        while True:
            await instance.status()  # only reads: it is no commit
            await asyncio.sleep(0.001)


def wrong_with(folder: Path, first: Iterable[str], then: Iterable[str]) -> list[str]:
    """What may not be, after two processes have told this."""
    first, then = list(first), list(then)
    wrong = [line for line in (*first, *then) if line.startswith("wrong")]
    if "output event" not in then:
        wrong.append(f"the second process told {then}")
    effects = Counter(_lines(folder / "effects.log"))
    for step in _STEPS:
        if f"done {step}" in first and effects[f"{step} 2"]:
            wrong.append(f"{step} was acknowledged and done again")
        if not effects[f"{step} 1"] + effects[f"{step} 2"]:
            wrong.append(f"{step} was never done")
    if effects["careful 1"] + effects["careful 2"] != 1:
        wrong.append("the effect that is verified was not done once")
    return wrong + _orphans(folder / "engine.db")


def _orphans(path: Path) -> list[str]:
    """Rows of an instance that is not there any more."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return [
            f"{table} has rows of an instance that was erased"
            for table in ("entry", "event", "moment", "chunk")
            if connection.execute(
                f"SELECT 1 FROM {table} WHERE instance NOT IN (SELECT id FROM instance)"
            ).fetchone()
        ]


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
