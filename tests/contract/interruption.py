"""Steps whose attempts are cut off between their effect and its record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.contract.world import Event, Step, World
from workflows import WorkflowInstance

__all__ = ["BEGUN", "Effect", "Receipt", "asking", "charging", "interrupted", "kinds"]


@dataclass
class Receipt:
    amount: int


@dataclass
class Effect:
    """A callback that does something at once, and hangs before it can be recorded, the first `cut` times."""

    world: World
    cut: int = 1
    calls: list[int] = field(default_factory=list)

    async def __call__(self, ctx: Any) -> Any:
        self.calls.append(ctx.attempt)
        if len(self.calls) <= self.cut:
            await self.world.clock.sleep(100)
        return f"done by {ctx.attempt}"


def charging(effect: Effect, policy: Any, **options: Any) -> Any:
    """A workflow with one such step."""

    async def run(event: Event, step: Step) -> Any:
        return await step.do("charge", effect, on_interrupted=policy, **options)

    return run


async def interrupted(world: World, instance: WorkflowInstance) -> None:
    """Lets the callback do its work, and takes its run away before it has returned."""
    await world.later(1)
    await world.engine.replay()
    await world.later(1)


async def asking(world: World, instance: WorkflowInstance) -> None:
    """`interrupted`, for a step that asks."""
    await interrupted(world, instance)
    assert (await instance.status()).undecided == ("charge-1",)


def kinds(events: list[str]) -> list[str]:
    """The types of events without those of the instance."""
    return [event for event in events if not event.startswith("workflow_")]


BEGUN = ["step_started", "attempt_started"]
