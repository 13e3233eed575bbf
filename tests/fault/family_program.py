"""What the processes of the family test run: parents that wait for children, and have grandchildren."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

from tests.fault.crash_program import Witness
from workflows import Engine, StepContext, WorkflowEntrypoint, WorkflowEvent, WorkflowFailed, WorkflowStep

__all__ = ["PARENTS", "drive", "fails"]

PARENTS = 24


def fails(number: int) -> bool:
    """Some parents end with an error, while a child that follows them still waits."""
    return number % 3 == 0


class Leaf(WorkflowEntrypoint[Witness, int]):
    """A child that does something that cannot be undone."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> str:
        """The value that its effect made."""
        value = await step.do("work", self._work, event.payload)
        await step.sleep("rest", random.choice((0, 0.001, 0.004)))
        return value

    async def _work(self, number: int, ctx: StepContext) -> str:
        return self.env.effect(number, self.instance.id, ctx.attempt)


class Middle(WorkflowEntrypoint[Witness, int]):
    """A child that has a child."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> str:
        """The value of its child."""
        return await step.run_workflow("leaf", Leaf, event.payload, on_parent_end="terminate")


class Waiting(WorkflowEntrypoint[Witness, int]):
    """A child that never ends by itself."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> None:
        """Waits."""
        await step.wait_for_event("never", "never", timeout="300 days")


class Parent(WorkflowEntrypoint[Witness, int]):
    """Has children side by side, in a race, and one that follows it."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> list[str]:
        """The values of its children."""
        number = event.payload
        following = asyncio.ensure_future(
            step.run_workflow("following", Waiting, number, on_parent_end="terminate")
        )
        values = await asyncio.gather(
            self._told(number, "leaf", step.run_workflow("leaf", Leaf, number)),
            self._told(number, "middle", step.run_workflow("middle", Middle, number)),
        )
        raced = await step.race(
            "race",
            {
                "child": step.run_workflow("racer", Leaf, number),
                "loser": step.run_workflow("loser", Waiting, number, on_parent_end="terminate"),
                "late": step.sleep("late", 3_600),
            },
        )
        self.env.acknowledged(number, "race", f"{raced.winner}:{raced.value}")
        if fails(number):
            raise ValueError("as wished")
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        return [*values, str(raced.value)]

    async def _told(self, number: int, what: str, step: Any) -> str:
        value = str(await step)
        self.env.acknowledged(number, what, value)
        return value


async def drive(database: Path, witness: Witness, known: frozenset[tuple[int, str]]) -> None:
    """Creates what was not acknowledged before, and waits until all have ended."""
    flows = [Parent, Middle, Leaf, Waiting]
    async with Engine(database, workflows=flows, env=witness, quarantine_after=None) as engine:
        binding = engine.workflow(Parent)

        async def see_to(number: int) -> None:
            instance = await binding.create(id=str(number), params=number, exist_ok=True)
            if (number, "created") not in known:
                witness.acknowledged(number, "created", "-")
            try:
                output = ",".join(await instance.result())
            except WorkflowFailed as error:
                output = error.name
            witness.acknowledged(number, "output", output)

        await asyncio.gather(*map(see_to, range(PARENTS)))
