"""Asks the model at URL, as it is told to, and prints the answer: `FILE URL BACKGROUND`."""

from __future__ import annotations

import asyncio
import sys

from integrations.llm import LLM, Patience
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class Ask(WorkflowEntrypoint[LLM, None]):
    """Asks once."""

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> str:
        answer = await self.env.complete(step, "ask", "Where is the bug?")
        return f"{answer.text}, attempt {answer.attempts}"


async def main(file: str, url: str, background: bool) -> None:
    patience = Patience(first=0.1, jitter=0)
    llm = LLM("m", base_url=url, wire="responses", background=background, patience=patience)
    async with llm, Engine(file, [Ask], env=llm) as engine:
        instance = await engine.workflow(Ask).create(id="1", exist_ok=True)
        print(await instance.result(), flush=True)  # noqa: T201  # the parent reads it


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3] == "background"))
