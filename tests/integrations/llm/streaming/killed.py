"""Reads a streamed answer: `python -m tests.integrations.llm.streaming.killed FILE URL OFFSET`.

Each piece is a line of JSON: its offset, its attempt, and its text, or null at a restart. The last line is
the recorded text.
"""

from __future__ import annotations

import asyncio
import json
import sys

from integrations.llm import LLM
from integrations.llm.streaming import Restarted, TextDelta, follow
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class Answer(WorkflowEntrypoint[LLM, None]):
    """One streamed step."""

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> str:
        return (await self.env.complete(step, "answer", "Why?", stream=True)).text


def say(*said: object) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


async def main(file: str, url: str, offset: str) -> None:
    async with (
        LLM("m", base_url=url) as llm,
        Engine(file, [Answer], env=llm, quarantine_after=None) as engine,
    ):
        instance = await engine.workflow(Answer).create(id="1", exist_ok=True)
        async for piece in follow(instance, "answer", offset=int(offset)):
            match piece.delta:
                case TextDelta(text=text):
                    say(piece.offset, piece.attempt, text)
                case Restarted():
                    say(piece.offset, piece.attempt, None)
                case _:
                    raise AssertionError(piece)
        say(await instance.result())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
