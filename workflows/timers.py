"""Durable timers: rows of one table, called when they are due, at least once, caught up after downtime."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from contextvars import copy_context
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, get_args

from workflows.clock import Clock
from workflows.cron import Cron
from workflows.duration import YEAR, seconds
from workflows.errors import InvalidDuration, StoreError
from workflows.sqlite.store import Store
from workflows.timer import Catchup, Every, Kind, State, Timer, When
from workflows.timer_rules import first
from workflows.timer_runs import Fire, Runs
from workflows.timer_scheduler import ClockScheduler
from workflows.timer_table import DUES, STEPS, from_row, insert, milliseconds, moment, redrive, selection
from workflows.timer_window import Entry, Load, Window

__all__ = ["Every", "Fire", "Timer", "Timers", "When"]

_ATTEMPTS = 7
_MOST_RUNNING = 1_000
_WINDOW = 20_000
_DISK_RETRY = 1.0

_log = logging.getLogger(__name__)


class Timers:
    """All timers of a store, calling `fire` from `open` to `close`; an async context manager.

    A row is deleted or moved to its next time only after `fire` returned, so after a crash a timer is called
    again, with the same nominal time. Never are two calls of one timer under way. When `fire` raises, it is
    called again after 2, 4, 8 … seconds (at most 10 minutes, give or take a quarter), then it is dead: kept,
    with its last error, until it is cancelled or driven again. A recurring one goes on with its next time.
    `window` is how many of the next timers are held in memory.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        fire: Fire,
        most_running: int = _MOST_RUNNING,
        window: int = _WINDOW,
    ) -> None:
        self._store = store
        self._clock = clock
        self._window = Window(window)
        self._runs = Runs(store, clock=clock, fire=fire, most=most_running, ended=self._ended)
        self._scheduler = ClockScheduler(self._window, clock=clock, free=self._runs.free, start=self._start)
        self._context = copy_context()
        self._loading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Starts to call; what became due in the meantime is called now, each by its `catchup`."""
        await self._store.migrate("timers", STEPS)
        self._runs.open()
        load = self._window.begin_load()
        if load is not None:
            await self._load(load)
        self._scheduler.start()

    async def close(self, grace: float = 10.0) -> None:
        """Starts nothing more, gives running calls `grace` seconds, then cuts them off: they come again."""
        await self._runs.close(grace)
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.wait([self._loading])
        if self._scheduler.running:
            self._scheduler.shutdown()
            await asyncio.sleep(0)  # APScheduler shuts down in the next turn of the loop

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def add(
        self,
        owner: str,
        method: str,
        when: When,
        payload: bytes | None = None,
        *,
        key: str | None = None,
        catchup: Catchup = "one",
        attempts: int = _ATTEMPTS,
    ) -> Timer:
        """A timer of `owner`, durable when returned; with a `key`, the pending one that has it, if any.

        `catchup` is for recurring timers: of the times that were missed by more than a minute or while it was
        down, call for none (`skip`), the latest (`one`), or each in order (`all`, at most the last 1,000).
        """
        if catchup not in get_args(Catchup):
            raise ValueError(f'catchup {catchup!r} is not known: use "skip", "one" or "all"')
        if attempts < 1:
            raise ValueError(f"attempts {attempts!r} is too few: give at least 1")
        at = self._at(when)
        nominal = first(at, moment(milliseconds(self._now())))
        operation = insert(
            owner, method, payload, at, nominal=nominal, attempts=attempts, catchup=catchup, key=key
        )
        row, new = await self._store.write(operation)
        timer = from_row(row)
        if new:
            self._offer(timer)
        return timer

    async def cancel(self, timer: int, *, owner: str | None = None) -> bool:
        """True when a call that was to come does not come any more, with all that would have followed.

        False when there is no such timer (of `owner`), or when its one call has begun; no other follows then.
        """
        if owner is not None and await self.get(timer, owner=owner) is None:
            return False
        cancelled = await self._runs.cancel(timer)
        self._window.forget(timer)
        return cancelled

    async def get(self, timer: int, *, owner: str | None = None) -> Timer | None:
        """None when there is no such timer (of `owner`)."""
        found = await self._select([("id = ?", timer), ("owner = ?", owner)], 1)
        return found[0] if found else None

    async def find(
        self,
        owner: str | None = None,
        *,
        method: str | None = None,
        kind: Kind | None = None,
        state: State | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> Sequence[Timer]:
        """Those that fit everything given, the soonest first; `since` and `until` are themselves included."""
        return await self._select(
            [
                ("owner = ?", owner),
                ("method = ?", method),
                ("kind = ?", kind),
                ("state = ?", state),
                ("due >= ?", None if since is None else milliseconds(_aware(since))),
                ("due <= ?", None if until is None else milliseconds(_aware(until))),
            ],
            limit,
        )

    async def redrive(self, timer: int, *, owner: str | None = None) -> bool:
        """Calls a dead timer again, with all its attempts; false when it is not dead."""
        now = self._now()
        if not await self._store.write(redrive(timer, now, owner)):
            return False
        self._window.offer((milliseconds(now), timer))
        self._scheduler.look_again()
        return True

    def _at(self, when: When) -> datetime | Cron | Every:
        match when:
            case Cron() | Every():
                return when
            case datetime():
                return _aware(when)
            case delay:
                length = seconds(delay, what="delay", limit=YEAR)
                if length < 0:
                    raise InvalidDuration(
                        f"delay {delay!r} is negative: give seconds from now, or a datetime"
                    )
                return datetime.fromtimestamp(self._clock.now() + length, UTC)

    async def _select(self, conditions: list[tuple[str, str | int | None]], limit: int | None) -> list[Timer]:
        return [from_row(row) for row in await self._store.read(*selection(conditions, limit))]

    def _offer(self, timer: Timer) -> None:
        self._window.offer((milliseconds(timer.due), timer.id))
        self._scheduler.look_again()

    def _start(self, due: list[Entry]) -> None:
        self._runs.start(due)
        self._refill()

    def _ended(self, entry: Entry | None) -> None:
        if entry is not None:
            self._window.offer(entry)
        self._scheduler.look_again()

    def _refill(self) -> None:
        load = self._window.begin_load()
        if load is not None:
            loop = asyncio.get_running_loop()
            self._loading = loop.create_task(self._load(load), context=self._context.copy())

    async def _load(self, load: Load) -> None:
        while (rows := await self._read(load)) is None:
            await self._clock.sleep(_DISK_RETRY)
        self._window.end_load(rows)
        self._scheduler.look_again()

    async def _read(self, load: Load) -> list[Entry] | None:
        try:
            with self._clock.busy():
                rows = await self._store.read(DUES, (*load.after, load.room))
        except (StoreError, sqlite3.Error) as error:
            _log.warning("the next timers could not be read: %s", error)
            return None
        return [(due, timer) for due, timer in rows]

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)


def _aware(when: datetime) -> datetime:
    if when.utcoffset() is None:
        raise ValueError(f"{when.isoformat()} has no time zone: give an aware datetime")
    return when
