"""Every schedule of commands, events, crashes and time leaves an instance as the model says."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Literal, TypeVar

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tests.contract.world import Event, Step, World, workflow
from tests.model.model import FLAKY, PATIENCE, REST, RETRY, WORK, Modelled, Phase
from workflows import InstanceFinished, WorkflowError, WorkflowInstance

__all__ = ["Schedules", "run"]

T = TypeVar("T")

STEPS = 15


class Schedules(RuleBasedStateMachine):
    """Instances of one workflow, each beside its model."""

    path = ":memory:"
    park: Literal["always"] | None = None
    instances = Bundle("instances")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.mkdtemp() if self.path != ":memory:" else None
        path = str(Path(self.folder) / "engine.db") if self.folder else self.path
        self.world = World(path, park=self.park)
        self.done: dict[str, Counter[str]] = {}
        self.models: dict[str, Modelled] = {}
        self.flow = workflow(self.body)
        self.count = 0

    async def body(self, event: Event, step: Step) -> Any:
        """The workflow of the model."""

        async def call(name: str, seconds: float, *, fails: bool = False) -> None:
            await self.world.clock.sleep(seconds)
            self.done[event.instance_id][name] += 1
            if fails:
                raise ValueError("the first attempt")

        async def flaky(ctx: Any) -> None:
            await call("flaky", FLAKY, fails=ctx.attempt == 1)

        await step.do("work", call, "work", WORK)
        await step.sleep("rest", REST)
        received = await step.wait_for_event("event", "go", timeout=PATIENCE)
        await step.do("flaky", flaky, retries={"limit": 1, "delay": RETRY, "backoff": "constant"})
        return received.payload

    def run(self, work: Awaitable[T]) -> T:
        """On the loop that lives as long as the schedule."""

        return self.runner.run(_awaited(work))

    @initialize()
    def open(self) -> None:
        self.run(self.world.open(self.flow).open())

    def teardown(self) -> None:
        self.run(self.world.engine.close())
        self.runner.close()
        if self.folder is not None:
            shutil.rmtree(self.folder)

    def handle(self, id: str) -> WorkflowInstance:
        """Of the engine that is open now."""
        return self.world.engine.workflow(self.flow).get(id)

    @rule(target=instances)
    def create(self) -> Any:
        if len(self.models) == 3:
            return multiple()
        self.count += 1
        id = f"i{self.count}"
        self.done[id], self.models[id] = Counter(), Modelled()
        self.run(self.world.engine.workflow(self.flow).create(id=id))
        return id

    @rule(seconds=st.one_of(st.integers(1, 12), st.integers(1, 60), st.integers(80, 140)))
    def time(self, seconds: int) -> None:
        self.run(self.world.later(seconds))
        for model in self.models.values():
            model.advance(seconds)

    @rule(id=instances, payload=st.integers(0, 9))
    def event(self, id: str, payload: int) -> None:
        accepted = self.models[id].event(payload)
        assert self.run(_accepted(self.handle(id).send_event("go", payload), InstanceFinished)) is accepted

    @rule(id=instances)
    def pause(self, id: str) -> None:
        self.run(self.handle(id).pause())
        self.models[id].pause()

    @rule(id=instances)
    def resume(self, id: str) -> None:
        self.run(self.handle(id).resume())
        self.models[id].resume()

    @rule(id=instances)
    def terminate(self, id: str) -> None:
        accepted = self.models[id].terminate()
        assert self.run(_accepted(self.handle(id).terminate(), InstanceFinished)) is accepted

    @rule(id=instances)
    def restart(self, id: str) -> None:
        self.run(self.handle(id).restart())
        self.models[id].restart()

    @rule(id=instances, to=st.sampled_from(["work", "rest", "event", "flaky"]))
    def restart_from(self, id: str, to: Phase) -> None:
        if self.models[id].perhaps_begun(to):
            return
        kinds: dict[str, Any] = {"rest": "sleep", "event": "wait_for_event"}
        accepted = self.models[id].rewind(to)
        going_back = self.handle(id).restart(from_step=to, kind=kinds.get(to, "do"))
        assert self.run(_accepted(going_back, WorkflowError)) is accepted

    @rule(id=consumes(instances))
    def delete(self, id: str) -> None:
        self.run(self.handle(id).delete())
        del self.models[id]

    @rule(reopens=st.booleans())
    def crash(self, reopens: bool) -> None:
        if reopens and self.folder is not None:
            self.run(self.world.engine.close())
            self.open()
        else:
            self.run(self.world.engine.replay())
        for model in self.models.values():
            model.crash()

    @invariant()
    def is_as_the_model_says(self) -> None:
        self.run(self.compare())

    async def compare(self) -> None:
        """Each instance with its model."""
        await self.world.later(0)  # the clock moves on once what a command sets off has happened
        for id, model in self.models.items():
            status = await self.handle(id).status()
            assert (id, status.status, status.output) == (id, model.shown, _output(model))
            assert (id, self.done[id]) == (id, model.done)


async def _awaited(work: Awaitable[T]) -> T:
    async with asyncio.timeout(30):
        return await work


async def _accepted(command: Awaitable[None], refusal: type[Exception]) -> bool:
    try:
        await command
    except refusal:
        return False
    return True


def _output(model: Modelled) -> int | None:
    return model.output if model.status == "complete" else None


def run(backend: str, *, schedules: int, number: int) -> None:
    """Plays so many schedules; the same `number` gives the same ones."""
    path = "file" if backend.startswith("sqlite") else ":memory:"
    park = "always" if backend.endswith("parked") else None
    machine = type("Schedules", (Schedules,), {"path": path, "park": park})
    run_state_machine_as_test(
        seed(number)(machine),
        settings=settings(
            max_examples=schedules,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=False,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
