"""A workflow that asks the model once, and waits: `live(FILE, URL)`, in a process that may be killed."""

from __future__ import annotations

from integrations.llm import LLM, Completion
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

__all__ = ["Ask", "live"]


class Ask(WorkflowEntrypoint[LLM, str]):
    """Asks, says what was answered, and waits to be let go."""

    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> Completion[None]:
        answer = await self.env.complete(step, "ask", event.payload, max_tokens=24)
        print(f"answered {answer.text!r}", flush=True)  # noqa: T201 the parent waits for it
        await step.wait_for_event("go on", "go")
        return answer


async def live(path: str, url: str, then: str) -> None:
    """Asks and stays; or is let go, and says what the answer took."""
    async with LLM("small", base_url=url) as llm, Engine(path, [Ask], env=llm) as engine:
        instance = await engine.workflow(Ask).create(id="1", params="Say hello.", exist_ok=True)
        if then == "go on":
            await instance.send_event("go")
        answer = Completion[None].model_validate(await instance.result())
        print(f"used {answer.usage.input} {answer.usage.output} {answer.model_asked}", flush=True)  # noqa: T201
