"""Reading what a model step tells while it runs, from wherever the reader was."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

from integrations.llm.delta import Delta, Restarted
from integrations.llm.streaming.parts import PROCESS, load
from workflows import StreamPart, StreamReset, WorkflowInstance

__all__ = ["Piece", "follow"]


@dataclass(frozen=True, slots=True)
class Piece:
    """More of an answer, or `Restarted`; come back with `offset` to get what follows."""

    offset: int
    attempt: int
    delta: Delta
    stale: bool = False
    """It was told by a process that is gone: unless the step has ended, a restart follows."""


async def follow(
    instance: WorkflowInstance, name: str, /, count: int = 1, *, offset: int = 0
) -> AsyncGenerator[Piece, None]:
    """What the model says in `llm.complete(step, name, …, stream=True)`: all, or what follows `offset`.

    At `Restarted`, forget what was read. The text that is left in the end is the recorded one. It may begin
    before the step does, and ends when the step or the instance has ended.
    """
    told = cast("AsyncGenerator[StreamPart | StreamReset, None]", instance.stream(name, count, offset=offset))
    async with aclosing(told) as stream:
        async for item in stream:
            if isinstance(item, StreamReset):
                yield Piece(item.offset, item.attempt, Restarted())
            else:
                process, delta = load(item.value)
                yield Piece(item.offset, item.attempt, delta, stale=process != PROCESS)
