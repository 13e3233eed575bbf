"""One fiber while its function runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

from agents_sdk.fibers.fiber import FiberContext, Row
from agents_sdk.fibers.rows import Rows
from workflows import Clock

__all__ = ["Function", "Run"]

T = TypeVar("T")

Function: TypeAlias = Callable[[FiberContext], Awaitable[T]]


class Run:
    """Calls a function and keeps what became of it. When its life ends first, the row stays as it is."""

    def __init__(self, rows: Rows, clock: Clock, *, resting: Callable[[], bool]) -> None:
        self._rows = rows
        self._clock = clock
        self._resting = resting
        self._ctx: FiberContext | None = None
        self.task: asyncio.Task[None] | None = None
        self.over = asyncio.Event()
        """It has ended, or was cancelled."""

    async def once(self, id: str, name: str, function: Function[T]) -> T:
        """What the function returns; afterwards nothing is known of the fiber."""
        inserting = self._rows.insert(id, name, at=self._clock.now())
        try:
            row = await asyncio.shield(inserting)
            result = await self._called(row, function)
        except asyncio.CancelledError:
            if not self._resting():
                await self._rows.drop(await inserting)
            raise
        except Exception:
            if inserting.exception() is None:
                await self._rows.drop(inserting.result())
            raise
        await self._rows.drop(row)
        return result

    async def retained(self, row: Row, function: Function[object]) -> Exception | None:
        """What the function raised."""
        if not await self._rows.begin(row, at=self._clock.now()):
            return None
        failure: Exception | None = None
        try:
            await self._called(row, function)
        except asyncio.CancelledError:
            if not self._resting():
                await self._rows.end(row, "aborted", at=self._clock.now())
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, it is how the fiber ended
            failure = error
        text = None if failure is None else f"{type(failure).__name__}: {failure}"
        await self._rows.end(
            row, "completed" if failure is None else "error", error=text, at=self._clock.now()
        )
        return failure

    def cancel(self) -> None:
        """Its function gets a CancelledError, wherever it waits."""
        if self._ctx is not None:
            self._ctx.cancel()
        if self.task is not None:
            self.task.cancel()
        self.over.set()

    async def _called(self, row: Row, function: Function[T]) -> T:
        self._ctx = FiberContext(row.id, row.name, lambda snapshot: self._rows.stash(row, snapshot))
        return await function(self._ctx)
