"""`self.fibers`: the work of an agent's own code that a crash does not make forgotten."""

from __future__ import annotations

import asyncio
import builtins
import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Any, TypeVar, get_args

from agents_sdk.errors import InvalidFiber, NotRunning
from agents_sdk.fibers.fiber import Fiber, FiberStatus, Resolution, Row, encoded
from agents_sdk.fibers.recovery import Hook, Recovery
from agents_sdk.fibers.rows import Rows
from agents_sdk.fibers.run import Function, Run
from agents_sdk.living import Living
from agents_sdk.part import Part
from agents_sdk.security.log import audited
from workflows import Clock, Store

__all__ = ["Fibers"]

T = TypeVar("T")

_ENDED: tuple[FiberStatus, ...] = ("completed", "aborted", "error")
_ENDING = "the agent is stopping: a fiber that has begun is told to on_fiber_recovered at the next start"


class Fibers(Part):
    """The fibers of one agent; those that `start_fiber` began are retained until they are deleted."""

    def __init__(
        self, store: Store, owner: int, *, living: Living, clock: Clock, hook: Hook, max_age: float
    ) -> None:
        self._rows = Rows(store, owner)
        self._living = living
        self._clock = clock
        self._recovery = Recovery(self._rows, living, clock, hook=hook, max_age=max_age)
        self._runs: dict[int, Run] = {}
        self._resting = False

    async def run(self, name: str, function: Function[T]) -> T:
        """See `Agent.run_fiber`."""
        self._refuse_late()
        run = self._new()
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        async def work() -> None:
            try:
                outcome.set_result(await run.once(_new_id(), name, function))
            except Exception as error:  # noqa: BLE001  # the caller gets it
                outcome.set_exception(error)

        task = self._living.spawn(work())
        try:
            with self._clock.waiting():
                await task  # a task of its own, so that it ends with its life, whoever waits for it
        except asyncio.CancelledError:
            if self._resting and not _is_cancelled():
                raise NotRunning(_ENDING) from None
            raise
        return outcome.result()

    async def start(
        self,
        name: str,
        function: Function[object],
        *,
        id: str | None = None,
        key: str | None = None,
        metadata: Any = None,
        wait: bool = False,
    ) -> Fiber:
        """See `Agent.start_fiber`."""
        self._refuse_late()
        if id == "" or key == "":
            raise InvalidFiber("a fiber cannot have an empty id or key: give another one, or none")
        kept = None if metadata is None else encoded("metadata", metadata)
        accepting = self._rows.accept(id or _new_id(), name, key=key, metadata=kept, at=self._clock.now())
        accepting.add_done_callback(lambda done: self._accepted(done, function))
        row, new = await asyncio.shield(accepting)
        run = self._runs.get(row.number)
        if wait and run is not None:
            with self._clock.waiting():
                await run.over.wait()
            row = await self._rows.get(row.id) or row
            if self._resting and row.status in ("pending", "running"):
                raise NotRunning(_ENDING)
        return row.fiber(accepted=new)

    async def get(self, id: str) -> Fiber | None:
        """The retained fiber with this id."""
        row = await self._rows.get(id)
        return None if row is None else row.fiber()

    async def get_by_key(self, key: str) -> Fiber | None:
        """The retained fiber with this key."""
        row = await self._rows.get_by_key(key)
        return None if row is None else row.fiber()

    async def list(
        self,
        *,
        status: FiberStatus | None = None,
        name: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> builtins.list[Fiber]:
        """Retained fibers that fit, the oldest first; `after` is the id of the last one of a page."""
        return [row.fiber() for row in await self._rows.list(status, name, after=after, limit=limit)]

    async def cancel(self, id: str) -> bool:
        """True: it has not ended, is aborted for good, and its function gets a CancelledError."""
        number = await self._rows.cancel(id, at=self._clock.now())
        if number is None:
            return False
        if (run := self._runs.get(number)) is not None:
            run.cancel()
        audited("cancel", f"fiber {id} of {self._living}")
        return True

    async def cancel_by_key(self, key: str) -> bool:
        """As `cancel`, of the fiber with this key."""
        row = await self._rows.get_by_key(key)
        return row is not None and await self.cancel(row.id)

    async def resolve(self, id: str, status: Resolution = "completed", *, error: str | None = None) -> bool:
        """Says what became of an interrupted fiber; false when it is not interrupted."""
        if status not in get_args(Resolution):
            raise InvalidFiber(f'{status!r} is no end of a fiber: give "completed", "aborted" or "error"')
        resolved = await self._rows.resolve(id, status, error=error, at=self._clock.now())
        if resolved:
            audited("resolve", f"fiber {id} of {self._living}")
        return resolved

    async def delete(
        self,
        id: str | None = None,
        *,
        status: Collection[FiberStatus] = _ENDED,
        before: datetime | None = None,
    ) -> int:
        """Deletes retained fibers that have ended, or this one, and says how many; interrupted by request."""
        wanted = (status,) if isinstance(status, str) else tuple(status)
        if not set(wanted) <= {*_ENDED, "interrupted"}:
            raise InvalidFiber(f"fibers that have not ended cannot be deleted: cancel them, {wanted}")
        until = None if before is None else before.timestamp()
        deleted = await self._rows.clear(wanted, id=id, before=until)
        if deleted:
            which = f"{deleted} fibers" if id is None else f"fiber {id}"
            audited("delete", f"{which} of {self._living}")
        return deleted

    async def begin(self) -> None:
        """Tells the agent of those that are left of an earlier life."""
        await self._recovery.begin()

    def rest(self) -> None:
        """What runs may come to its end."""
        self._resting = True
        self._recovery.rest()

    def _new(self) -> Run:
        return Run(self._rows, self._clock, resting=lambda: self._resting)

    def _refuse_late(self) -> None:
        if self._resting:
            raise NotRunning(_ENDING)

    def _accepted(self, accepting: asyncio.Future[tuple[Row, bool]], function: Function[object]) -> None:
        # A callback, so that it happens also when the caller of `start` was cancelled.
        if accepting.cancelled() or accepting.exception() is not None:
            return
        row, new = accepting.result()
        if not new or self._resting:
            return
        run = self._runs[row.number] = self._new()
        run.task = self._living.spawn(self._retained(run, row, function))
        run.task.add_done_callback(lambda _: self._ended(row.number))

    async def _retained(self, run: Run, row: Row, function: Function[object]) -> None:
        failure = await run.retained(row, function)
        run.over.set()
        if failure is not None:
            await self._living.report(failure)

    def _ended(self, number: int) -> None:
        self._runs.pop(number).over.set()


def _new_id() -> str:
    return secrets.token_urlsafe(12)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
