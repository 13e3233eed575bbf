"""The vocabulary of the contract suite."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from tests.contract.liveness import alive
from workflows import (
    Engine,
    InstanceStatus,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowInstance,
    WorkflowStep,
)
from workflows.testing import VirtualClock

__all__ = ["NOTHING", "ONCE", "Event", "Step", "World", "ended", "history", "named", "workflow"]

Event = WorkflowEvent[Any]
Step = WorkflowStep
Body = Callable[[Event, Step], Awaitable[Any]]
Flow = type[WorkflowEntrypoint[Any, Any]]

ONCE: Any = {"limit": 0, "delay": 0}
"""`retries=` for a step that has one attempt."""
NOTHING: Any = object()


def workflow(body: Body, **attributes: Any) -> Flow:
    """A workflow class named `Flow` whose `run` is `body`."""

    async def run(self: WorkflowEntrypoint[Any, Any], event: Event, step: Step) -> Any:
        return await body(event, step)

    return type("Flow", (WorkflowEntrypoint,), {"run": run, **attributes})


def named(name: str, flow: Flow) -> Flow:
    """The same workflow under another name."""
    return type(name, (flow,), {})


class World:
    """One backend on virtual time."""

    def __init__(self, path: str, *, park: Literal["always"] | None = None) -> None:
        self.path = path
        self.park = park
        self.clock = VirtualClock()
        self.started_at = self.clock.now()

    def open(self, *flows: Flow, env: Any = None, **options: Any) -> Engine:
        """An engine on this backend, to be entered."""
        self.engine = Engine(self.path, workflows=flows, env=env, clock=self.clock, park=self.park, **options)
        return self.engine

    @asynccontextmanager
    async def started(
        self, body: Body, params: Any = NOTHING, **attributes: Any
    ) -> AsyncIterator[WorkflowInstance]:
        """An instance with the id `i`, just created."""
        flow = workflow(body, **attributes)
        async with self.open(flow) as engine:
            given = {} if params is NOTHING else {"params": params}
            yield await engine.workflow(flow).create(id="i", **given)
            await alive(engine)

    async def run(self, body: Body, params: Any = NOTHING, **attributes: Any) -> InstanceStatus:
        """How an instance ended."""
        async with self.started(body, params, **attributes) as instance:
            return await ended(instance)

    @asynccontextmanager
    async def reopened(self, body: Body, **attributes: Any) -> AsyncIterator[WorkflowInstance]:
        """The instance `i` in a new engine on the same backend."""
        flow = workflow(body, **attributes)
        async with self.open(flow) as engine:
            yield engine.workflow(flow).get("i")
            await alive(engine)

    def as_killed(self, folder: Path) -> World:
        """What the file holds now, as a process that is killed leaves it."""
        folder.mkdir()
        for name in Path(self.path).parent.glob(f"{Path(self.path).name}*"):
            shutil.copy(name, folder)
        world = World(str(folder / Path(self.path).name), park=self.park)
        world.clock = VirtualClock(datetime.fromtimestamp(self.clock.now(), UTC))
        return world

    async def later(self, seconds: float) -> None:
        """Lets this much virtual time go by."""
        await self.clock.sleep(seconds)

    async def run_twice(self, body: Body, params: Any = NOTHING, **attributes: Any) -> InstanceStatus:
        """How an instance ended that was run again from its journal after 5 seconds."""
        async with self.started(body, params, **attributes) as instance:
            await self.later(5)
            await self.engine.replay()
            return await ended(instance)


async def ended(instance: WorkflowInstance) -> InstanceStatus:
    """Its status once it is finished."""
    async for _ in instance.subscribe():
        pass
    return await instance.status()


async def history(instance: WorkflowInstance) -> list[str]:
    """The types of all events of an instance that is going to finish."""
    return [event.type async for event in instance.subscribe()]
