"""Following an instance: what it becomes from now on, apart from what it was, and without polling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import cast

from workflows.backend import Backend, Ref, Seen
from workflows.testing.rehearsed import Rehearsed
from workflows.types import Status

__all__ = ["Becoming", "following", "moments"]

_STATUS: dict[str, Status] = {
    "workflow_running": "running",
    "workflow_waiting_for_pause": "waitingForPause",
    "workflow_paused": "paused",
    "workflow_completed": "complete",
    "workflow_errored": "errored",
    "workflow_terminated": "terminated",
    # a step that goes on says that the instance does not wait any more
    "attempt_started": "running",
    "sleep_completed": "running",
    "wait_completed": "running",
    "wait_timed_out": "running",
}


def moments(backend: Backend, ref: Ref) -> aclosing[AsyncGenerator[Seen, None]]:
    """All moments of an instance until it ends; left early, the backend forgets the follower at once."""
    return aclosing(cast("AsyncGenerator[Seen, None]", backend.watch(ref, 0)))


class Becoming:
    """The statuses that an instance takes, one after the other."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Status | Exception | None] = asyncio.Queue()

    async def next(self) -> Status | None:
        """The next one; None when the instance has ended."""
        status = await self._queue.get()
        if isinstance(status, Exception):
            raise status
        return status

    def rests(self) -> None:
        """Nothing of the instance runs, and it waits."""
        self._queue.put_nowait("waiting")

    async def follow(self, backend: Backend, ref: Ref) -> None:
        """Takes down what the backend shows."""
        try:
            async with moments(backend, ref) as shown:
                async for seen in shown:
                    if (status := _STATUS.get(seen.moment.type)) is not None:
                        self._queue.put_nowait(status)
            self._queue.put_nowait(None)
        except Exception as error:  # noqa: BLE001  # whoever waits gets it
            self._queue.put_nowait(error)

    async def forget(self) -> None:
        """Forgets the history: it is shown in one go, before anything that is new."""
        last = await self._queue.get()
        while not self._queue.empty():
            last = self._queue.get_nowait()
        if last is None or isinstance(last, Exception):
            self._queue.put_nowait(last)


@asynccontextmanager
async def following(backend: Backend, ref: Ref, rehearsed: Rehearsed) -> AsyncIterator[Becoming]:
    """What the instance becomes from now on."""
    becoming = Becoming()
    follower = asyncio.create_task(becoming.follow(backend, ref))
    try:
        await becoming.forget()
        rehearsed.watch_rest(becoming.rests)
        try:
            yield becoming
        finally:
            rehearsed.leave_rest(becoming.rests)
    finally:
        follower.cancel()
        await asyncio.wait((follower,))
