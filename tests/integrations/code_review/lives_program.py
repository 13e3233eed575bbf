"""Reviews a change, and kills itself after so many steps; tells what is asked, and what is recorded."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from integrations.code_review import (
    CodeReview,
    ModelAnswer,
    ModelRequest,
    ReviewEnv,
    ScriptedReviewer,
    choose_change,
    render,
)
from workflows import Engine, StepContext


class Telling:
    """Says what it is asked."""

    model = "scripted"

    def __init__(self, answers: Path) -> None:
        self._scripted = ScriptedReviewer.from_file(answers)

    async def complete(self, request: ModelRequest, ctx: StepContext) -> ModelAnswer:
        print(f"asked {ctx.step.name}", flush=True)  # noqa: T201 the parent reads it
        return await self._scripted.complete(request, ctx)


async def main(folder: Path, steps: int) -> None:
    subject = choose_change(folder / "repo", staged=True, model="scripted")
    env = ReviewEnv(Telling(folder / "answers.json"))
    async with Engine(folder / "r.db", [CodeReview], env=env, quarantine_after=None) as engine:
        instance = await engine.workflow(CodeReview).create(
            id=subject.workflow_id, params=subject, exist_ok=True
        )
        status = await instance.status()
        known, fresh = status.usage.steps, 0
        async for event in instance.subscribe():
            if event.type != "step_completed":
                continue
            fresh += 1
            print(f"kept {event.step_name}", flush=True)  # noqa: T201
            if fresh == known + steps:
                os.kill(os.getpid(), signal.SIGKILL)
        report = render(await instance.result(), "json").replace("\n", "")
        print(f"report {report}", flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
