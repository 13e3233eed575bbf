"""The process that the demo kills: an agent that schedules a durable review. `examples/demo.py` starts it.

It tells its parent what happens, one line of JSON each. Two things are here for the demo only: every step
waits a moment before it does its work, so that there is a middle to be killed in; and before that it writes
its name to a file that only grows, so that everybody can see afterwards how often each step was begun.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel

from agents_sdk import Agent, AgentsApp, Schedule, Source
from integrations.code_review import CodeReview, Finding, ReviewInput, ReviewReport, choose_change
from workflows import Duration, RetryOptions, StepOptions, WorkflowEvent, WorkflowStep

__all__ = ["DemoAgent", "SlowedReview"]


@dataclass(frozen=True, slots=True)
class Slowed:
    """The env of the demo: how many seconds a step waits, and where it says that it begins."""

    pause: float
    log: Path

    async def before(self, step: str) -> None:
        with self.log.open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\t{step}\n")
            file.flush()
            os.fsync(file.fileno())
        await asyncio.sleep(self.pause)


class SlowedStep(WorkflowStep):
    """Hands every step on to the real one; a review has no sleeps and waits."""

    def __init__(self, step: WorkflowStep, slowed: Slowed) -> None:
        self._step = step
        self._slowed = slowed

    def do(  # type: ignore[override]  # the one form that a review uses
        self,
        name: str,
        fn: Callable[..., Any],
        /,
        *args: object,
        result: Any = None,
        retries: RetryOptions | None = None,
        timeout: Duration | None = None,
        sensitive: Any = None,
        config: StepOptions | None = None,
        on_interrupted: Any = "rerun",
    ) -> Coroutine[Any, Any, Any]:
        async def slowly(*given: object) -> Any:
            await self._slowed.before(name)
            return await asyncio.to_thread(fn, *given)

        kind = result or get_type_hints(fn)["return"]
        return self._step.do(name, slowly, *args, result=kind, retries=retries, timeout=timeout)


class SlowedReview(CodeReview):
    async def run(self, event: WorkflowEvent[ReviewInput], step: WorkflowStep, /) -> ReviewReport:
        assert isinstance(self.env, Slowed)
        return await super().run(event, SlowedStep(step, self.env))


class Review(BaseModel):
    id: str | None = None
    findings: list[Finding] | None = None


class DemoAgent(Agent[Slowed, Review]):
    initial_state = Review()

    def __init__(self) -> None:
        self.launched = asyncio.Event()
        self.finished = asyncio.Event()

    async def on_start(self) -> None:
        await self.on_state_changed(self.state, "server")

    async def review(self, repository: str) -> None:
        change = await asyncio.to_thread(choose_change, Path(repository))
        review = await self.workflow(SlowedReview).create(id=change.workflow_id, params=change, exist_ok=True)
        await self.schedule_every(0.5, self.look, review.id)
        await self.set_state(Review(id=review.id))

    async def look(self, id: str, schedule: Schedule) -> None:
        status = await self.workflow(SlowedReview).get(id).status()
        if status.finished:
            await self.set_state(Review(id=id, findings=list(status.output.findings)))
            await self.cancel_schedule(schedule.id)

    async def on_state_changed(self, state: Review, source: Source) -> None:
        if state.id is not None:
            self.launched.set()
        if state.findings is not None:
            self.finished.set()


def tell(kind: str, **what: object) -> None:
    print(json.dumps({"kind": kind, **what}), flush=True)


async def main(repository: Path, folder: Path, pause: float) -> None:
    began = datetime.now(UTC)
    slowed = Slowed(pause, folder / "steps-begun.log")
    async with AgentsApp([DemoAgent], [SlowedReview], data=folder / "data", env=slowed) as app:
        agent = await app.get_agent(DemoAgent, "reviewer")
        if not agent.launched.is_set():
            schedule = await agent.schedule(1, agent.review, str(repository), key="first review")
            tell("scheduled", delay=schedule.delay)
            await agent.launched.wait()
            tell("launched")
        assert agent.state.id is not None
        async for event in agent.workflow(SlowedReview).get(agent.state.id).subscribe():
            if event.type == "step_completed" and event.step_name is not None:
                name = event.step_name.rpartition("-")[0]
                tell("recorded", step=name, before=event.timestamp < began)
        await agent.finished.wait()
        assert agent.state.findings is not None
        tell("found", findings=[finding.model_dump(mode="json") for finding in agent.state.findings])


if __name__ == "__main__":
    logging.getLogger().addHandler(logging.NullHandler())
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])))
