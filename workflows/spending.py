"""What the function of a step reports as spent: written when it is told, whatever becomes of the attempt."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

from workflows.durable import Durable, on_loop
from workflows.entry import Key
from workflows.errors import WorkflowError, WorkflowFatalError
from workflows.run import Run
from workflows.spent import Spent
from workflows.sqlite.store import Store

__all__ = ["StepAccount"]


class StepAccount:
    """`Account` of one step of a run."""

    __slots__ = ("_key", "_run")

    def __init__(self, run: Run, key: Key) -> None:
        self._run = run
        self._key = key

    @property
    def key(self) -> str:
        """See `StepContext.key`."""
        workflow, id, incarnation = self._run.activation.ref
        return f"{workflow}/{id}/{incarnation}/{self._key}"

    @property
    def store(self) -> Store:
        """See `StepContext.store`."""
        if self._run.store is None:
            raise WorkflowError("nothing is written in a replay of an exported history: it has no store")
        return self._run.store

    def spend(self, spent: Spent) -> Durable[None]:
        """See `StepContext.spend`."""
        if (fault := spent.fault()) is not None:
            raise WorkflowFatalError(f"step {self._key} cannot spend {fault}")
        written: Future[None] = Future()
        written.set_running_or_notify_cancel()  # who stops waiting does not stop the write
        loop = self._run.ended.get_loop()
        if on_loop(loop):
            self._write(spent, written)
        else:
            loop.call_soon_threadsafe(self._write, spent, written)
        return Durable(written, loop)

    async def spent(self) -> Spent:
        """See `StepContext.spent`."""
        return await self._run.activation.spent()

    def _write(self, spent: Spent, written: Future[None]) -> None:
        done = self._run.activation.spend(str(self._key), spent)
        done.add_done_callback(lambda done: _pass_on(done, written))


def _pass_on(done: asyncio.Future[None], written: Future[None]) -> None:
    error = asyncio.CancelledError() if done.cancelled() else done.exception()
    if error is None:
        written.set_result(None)
    else:
        written.set_exception(error)
