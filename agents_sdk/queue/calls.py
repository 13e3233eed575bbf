"""Calls the items of a queue, one after the other, for as long as there are any."""

from __future__ import annotations

import asyncio
import inspect
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any, TypeVar

from agents_sdk.errors import UnknownMethod
from agents_sdk.living import Living
from agents_sdk.methods import Methods
from agents_sdk.queue.item import Row
from agents_sdk.queue.rows import Rows
from workflows import Clock, NonRetryableError, StoreError, StoreFailed, TryAgain

__all__ = ["Calls"]

T = TypeVar("T")

_DISK_RETRY = 1.0

_log = logging.getLogger(__name__)


class Calls:
    """The calls of one life: they keep it alive, and end when the queue is empty."""

    def __init__(self, rows: Rows, methods: Methods, living: Living, clock: Clock) -> None:
        self._rows = rows
        self._methods = methods
        self._living = living
        self._clock = clock
        self._context = copy_context()  # not that of whoever happens to queue something
        self._may_begin = False
        self._under_way = False
        self._left = False  # the first item may be one that has ended the life before
        self._changed = asyncio.Event()
        self._taken = 0
        self.place: int | None = None
        """Of the item that is being called."""

    def begin(self) -> None:
        """From now on items may be called; looks whether there are any."""
        self._may_begin = self._left = True
        self.look()

    def rest(self) -> None:
        """Begins no other call."""
        self._may_begin = False
        self._changed.set()

    def look(self) -> None:
        """Something was queued."""
        self._changed.set()
        if self._may_begin and not self._under_way:
            self._under_way = True
            self._context.copy().run(self._living.spawn, self._run())

    def taken(self) -> None:
        """Something was deleted, which is not called any more although it was read before."""
        self._taken += 1
        self._changed.set()

    async def _run(self) -> None:
        try:
            while self._may_begin:
                self._changed.clear()
                taken = self._taken
                row = await self._lasting(self._rows.head)
                self._left = self._left and row is not None
                if row is None and not self._changed.is_set():
                    return
                if row is None or taken != self._taken or not self._may_begin:
                    continue
                if row.due > self._clock.now():
                    await self._change_or(row.due)
                    continue
                self.place = row.place
                if not self._left or await self._is_counted(row):
                    async with self._living.event() as agent:
                        await self._call(agent, row)
                self.place = None
                self._left = False
        finally:
            self.place = None
            self._under_way = False

    async def _is_counted(self, row: Row) -> bool:
        """Counts the first call of a life before it is made: what ends the process each time is found so.

        False: all its attempts are used up, and this life has begun without the outcome of the last.
        """
        if row.attempt < row.attempts:
            await self._lasting(lambda: self._rows.counted(row, row.attempt + 1))
            return True
        error = RuntimeError(
            f'item "{row.id}" ({self._methods.cls}.{row.method}) is dead: its process ended each time that '
            "it was called; see what it does, then redrive it"
        )
        await self._lasting(lambda: self._rows.dead(row, f"RuntimeError: {error}"))
        _log.error("%s", error)
        await self._living.report(error)
        return False

    async def _call(self, agent: object, row: Row) -> None:
        error = await self._failure(agent, row)
        if error is None:
            await self._lasting(lambda: self._rows.done(row))
            return
        due = self._next(row, error)
        text = f"{type(error).__name__}: {error}"
        await self._lasting(lambda: self._rows.failed(row, text, due=due))
        what = f'item "{row.id}" ({self._methods.cls}.{row.method})'
        if due is None:
            _log.error("%s: dead after %d attempts: %s", what, row.attempt + 1, text)
            await self._living.report(error)
        else:
            _log.warning("%s: attempt %d failed: %s", what, row.attempt + 1, text)

    async def _failure(self, agent: object, row: Row) -> Exception | None:
        try:
            item = row.item(calling=True)
            method = self._methods.named(row.method)
            result: Any = method.call(agent, *(item.payload, item)[: method.takes])
            if inspect.isawaitable(result):
                await result
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                if self._left:
                    self._rows.uncount(row)
                raise  # this life ends: the item is called again in the next one
            return RuntimeError(f"the callback was cancelled: {error}")
        except Exception as error:  # noqa: BLE001  # whatever it is, it is one failed attempt
            return error
        return None

    def _next(self, row: Row, error: Exception) -> float | None:
        """When it is due again; None: never."""
        failed = row.attempt + 1
        if failed >= row.attempts or isinstance(error, NonRetryableError | UnknownMethod):
            return None
        after = error.after if isinstance(error, TryAgain) else None
        return self._clock.now() + (row.patience.delay(failed) if after is None else after)

    async def _change_or(self, due: float) -> None:
        alarm = self._clock.call_at(due, self._changed.set)
        try:
            with self._clock.waiting():
                await self._changed.wait()
        finally:
            alarm.cancel()

    async def _lasting(self, verb: Callable[[], Awaitable[T]]) -> T:
        """What a verb of the file gives; a full disk is waited for."""
        while True:
            try:
                return await verb()
            except StoreFailed:
                raise
            except (StoreError, sqlite3.Error) as error:
                if not self._may_begin:
                    raise
                _log.warning("the queue of a %s waits for its file: %s", self._methods.cls, error)
            await self._clock.sleep(_DISK_RETRY)
