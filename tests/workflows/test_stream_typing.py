"""What type checkers know of streams; this file is right when mypy and pyright accept it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, assert_type

from workflows import (
    StepContext,
    StepStream,
    Streamed,
    StreamPart,
    StreamReset,
    WorkflowInstance,
    WorkflowStep,
)


async def generator() -> AsyncIterator[bytes]:
    yield b""


async def buffers(count: int) -> AsyncIterator[bytearray]:
    yield bytearray(count)


async def returning() -> AsyncIterator[bytes]:
    return generator()


def threaded() -> AsyncIterator[bytes]:
    return generator()


async def number() -> int:
    return 1


async def known(step: WorkflowStep, ctx: StepContext, instance: WorkflowInstance) -> None:
    """Never called."""
    stream = await step.do("a", generator)
    assert_type(stream, StepStream)
    assert_type(await step.do("b", buffers, 3), StepStream)
    assert_type(await step.do("c", returning, result=StepStream), StepStream)
    assert_type(await step.do("d", threaded), StepStream)
    assert_type(await step.do("e", lambda: buffers(3)), StepStream)
    assert_type(await step.do("f", number), int)
    assert_type(await step.do("g", generator, result=dict[str, Any]), dict[str, Any])
    assert_type(await step.do("h", number, result=str), str)
    assert_type(await stream.read(), bytes)
    async for chunk in stream:
        assert_type(chunk, bytes)
    assert_type(ctx.stream(1), Streamed)
    assert_type(await ctx.stream(1), int)
    assert_type(ctx.stream(1).result(), int)
    assert_type(await step.progress(1), int)
    async for item in instance.stream("a", 2, offset=3):
        assert_type(item, StreamPart | StreamReset)


def test_this_file_is_about_types() -> None:
    assert callable(known)
