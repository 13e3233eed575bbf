"""Reviews a change with a model that answers `ALLOWED` questions and then never again."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from integrations.code_review import (
    CodeReview,
    ModelAnswer,
    ModelRequest,
    ReviewEnv,
    ScriptedReviewer,
    choose_change,
)
from workflows import Engine, StepContext


class Stalling:
    """Says each question that it answers, and "stalled" when it does not."""

    model = "scripted"

    def __init__(self, allowed: int) -> None:
        self._allowed = allowed

    async def complete(self, request: ModelRequest, ctx: StepContext) -> ModelAnswer:
        if self._allowed == 0:
            print("stalled", flush=True)  # noqa: T201 the parent waits for it
            await asyncio.Event().wait()
        self._allowed -= 1
        print(f"asked {request.path}", flush=True)  # noqa: T201 the parent counts them
        return await ScriptedReviewer().complete(request, ctx)


async def main(folder: str, database: str, allowed: int) -> None:
    subject = choose_change(Path(folder), staged=True, model="scripted")
    async with Engine(database, [CodeReview], env=ReviewEnv(reviewer=Stalling(allowed))) as engine:
        binding = engine.workflow(CodeReview)
        instance = await binding.create(id=subject.workflow_id, params=subject, exist_ok=True)
        report = await instance.result()
        print(f"reviewed {len(report.files_reviewed)}", flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
