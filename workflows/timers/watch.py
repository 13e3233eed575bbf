"""Watching the timers of one realm: the next of them in memory, and their calls."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable
from contextvars import copy_context
from typing import Protocol

from workflows.clock import Clock
from workflows.errors import StoreError
from workflows.sqlite.store import Store
from workflows.timers.overdue import Overdue
from workflows.timers.runs import Fire, Runs
from workflows.timers.table import delete, dues
from workflows.timers.window import Entry, Load, Window, timer_window

__all__ = ["Ticks", "Watch"]

_DISK_RETRY = 1.0

_log = logging.getLogger(__name__)


class Ticks(Protocol):
    """What says that something of a window is due."""

    def attach(
        self, name: str, window: Window[int], *, free: Callable[[], int], start: Callable[[list[Entry]], None]
    ) -> None:
        """From now on `start` gets what is due in `window`, never more than `free()` of it."""

    def detach(self, name: str) -> None:
        """Nothing more is started of this window."""

    def look_again(self) -> None:
        """Something may be due sooner than it was."""


class Watch:
    """Calls `fire` for timers of `realm` that belong to `owners` (None: to anybody), until it is closed."""

    def __init__(
        self,
        store: Store,
        realm: str,
        fire: Fire,
        *,
        clock: Clock,
        ticks: Ticks,
        owners: Iterable[str] | None,
        most_running: int,
        window: int,
        overdue: Overdue,
    ) -> None:
        self._store = store
        self._realm = realm
        self._clock = clock
        self._ticks = ticks
        self._owners = None if owners is None else frozenset(owners)
        self._window = timer_window(window)
        self._runs = Runs(
            store,
            clock=clock,
            fire=fire,
            most=most_running,
            ended=self._ended,
            overdue=overdue,
        )
        self._context = copy_context()
        self._loading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Starts to call; what became due in the meantime is called now, each by its `catchup`."""
        self._runs.open()
        load = self._window.begin_load()
        if load is not None:
            await self._load(load)
        self._ticks.attach(self._realm, self._window, free=self._runs.free, start=self._start)

    async def close(self, grace: float) -> None:
        """Starts nothing more, gives running calls `grace` seconds, then cuts them off: they come again."""
        self._ticks.detach(self._realm)
        await self._runs.close(grace)
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.wait([self._loading])

    def offer(self, owner: str, entry: Entry) -> None:
        """A row has become due at another time, or is new; told after its COMMIT."""
        if self._owners is None or owner in self._owners:
            self._window.offer(entry)
            self._ticks.look_again()

    async def cancel(self, timer: int) -> bool:
        """See `Timers.cancel`."""
        cancelled = await self._runs.cancel(timer, delete(timer, self._realm))
        self._window.forget(timer)
        return cancelled

    def wanted(self, timer: int) -> bool:
        """See `Timers.wanted`."""
        return self._runs.wanted(timer)

    def _start(self, due: list[Entry]) -> None:
        self._runs.start(due)
        self._refill()

    def _ended(self, entry: Entry | None) -> None:
        if entry is not None:
            self._window.offer(entry)
        self._ticks.look_again()

    def _refill(self) -> None:
        load = self._window.begin_load()
        if load is not None:
            loop = asyncio.get_running_loop()
            self._loading = loop.create_task(self._load(load), context=self._context.copy())

    async def _load(self, load: Load[int]) -> None:
        while (rows := await self._read(load)) is None:
            await self._clock.sleep(_DISK_RETRY)
        self._window.end_load(rows)
        self._ticks.look_again()

    async def _read(self, load: Load[int]) -> list[Entry] | None:
        try:
            with self._clock.busy():
                rows = await self._store.read(*dues(self._realm, self._owners, load.after, load.room))
        except (StoreError, sqlite3.Error) as error:
            _log.warning("the next timers could not be read: %s", error)
            return None
        return [(due, timer) for due, timer in rows]
