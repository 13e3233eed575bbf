"""Fibers that are left of an earlier life: their agent is told, until it has heard of each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import get_args

from agents_sdk.errors import InvalidFiber
from agents_sdk.fibers.fiber import Fiber, Resolution, Row
from agents_sdk.fibers.rows import Rows
from agents_sdk.fibers.waits import come_or
from agents_sdk.living import Living
from workflows import Clock, StoreError

__all__ = ["Hook", "Recovery"]

Hook = Callable[[Fiber], Awaitable[Resolution | None]]
"""`Agent.on_fiber_recovered`."""

_PATIENCE = 10.0  # seconds that a start, or the next fiber, waits for a hook
_LONGEST = 300.0  # seconds between two attempts

_log = logging.getLogger(__name__)


class Recovery:
    """Calls the hook for each left fiber, in their order; one that fails is tried again beside the others."""

    def __init__(self, rows: Rows, living: Living, clock: Clock, *, hook: Hook, max_age: float) -> None:
        self._rows = rows
        self._living = living
        self._clock = clock
        self._hook = hook
        self._max_age = max_age
        self._resting = asyncio.Event()

    async def begin(self) -> None:
        """Returns when the agent was told of all that is left, or that takes long."""
        left = await self._rows.interrupt(at=self._clock.now())
        if left:
            told = asyncio.Event()
            self._living.spawn(self._all(left, told))
            await come_or(self._clock, _PATIENCE, told)

    def rest(self) -> None:
        """Tries no more; what is left is told in the next life."""
        self._resting.set()

    async def _all(self, left: Sequence[Row], told: asyncio.Event) -> None:
        for row in left:
            tried = asyncio.Event()
            self._living.spawn(self._one(row, tried))
            await come_or(self._clock, _PATIENCE, tried)
        told.set()

    async def _one(self, row: Row, tried: asyncio.Event) -> None:
        left: Row | None = row
        while left is not None and not self._resting.is_set():
            again = await self._tell(left)
            tried.set()
            if again is None or await come_or(self._clock, again, self._resting):
                return
            left = await self._rows.owed(left)

    async def _tell(self, row: Row) -> float | None:
        """Calls the hook; in how many seconds again, if that has to be."""
        if row.damage is not None:
            _log.error("%s", row.damage)
            await self._rows.damaged(row, row.damage, at=self._clock.now())
            await self._living.report(StoreError(row.damage))
            return None
        try:
            resolved = await self._hook(row.fiber())
            if resolved is not None and resolved not in get_args(Resolution):
                raise InvalidFiber(f"on_fiber_recovered returned {resolved!r}: {_MAY_RETURN}")
        except Exception as error:  # noqa: BLE001  # whatever it is, the agent has not heard of it
            return await self._failed(row, error)
        await self._rows.recovered(row, resolved, at=self._clock.now())
        return None

    async def _failed(self, row: Row, error: Exception) -> float | None:
        await self._rows.missed(row, f"{type(error).__name__}: {error}")
        await self._living.report(error)
        since = row.created if row.interrupted is None else row.interrupted
        if self._max_age and self._clock.now() - since >= self._max_age:
            _log.error('fiber "%s" (%s) could not be recovered, and is given up', row.name, row.id)
            await self._rows.recovered(row, None, at=self._clock.now())
            return None
        return min(_LONGEST, 2.0 ** min(row.attempt + 1, 16))


_MAY_RETURN = "it may return None, " + ", ".join(f'"{one}"' for one in get_args(Resolution))
