"""Tasks that nobody awaits."""

from __future__ import annotations

import asyncio
import gc
from contextvars import ContextVar, copy_context

import pytest

from workflows.spawned import Spawned

pytestmark = pytest.mark.anyio

asked: ContextVar[str] = ContextVar("asked", default="nobody")


async def test_they_are_held_until_they_have_ended() -> None:
    spawned, go = Spawned(), []

    async def wait() -> str:
        waits: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        go.append(lambda: waits.set_result(None))
        await waits
        return asked.get()

    asked.set("somebody")
    spawned.spawn(wait(), name="waiting")
    await asyncio.sleep(0)
    gc.collect()  # the loop holds them weakly, and so does what they wait for
    [task] = spawned
    assert isinstance(task, asyncio.Task)
    assert (task.get_name(), len(spawned)) == ("waiting", 1)
    go[0]()
    assert await task == "nobody"
    await asyncio.sleep(0)
    assert not spawned


async def test_a_context_is_copied_for_each() -> None:
    asked.set("somebody")
    spawned = Spawned(copy_context())
    asked.set("somebody else")

    async def ask() -> str:
        said = asked.get()
        asked.set("the first one")
        return said

    tasks = [spawned.spawn(ask()) for _ in range(2)]
    assert await asyncio.gather(*tasks) == ["somebody", "somebody"]


async def test_what_has_no_task_is_under_way_until_it_is_released() -> None:
    spawned, written = Spawned(), asyncio.get_running_loop().create_future()
    spawned.hold(written)
    assert list(spawned) == [written]
    spawned.release(written)
    assert not spawned
