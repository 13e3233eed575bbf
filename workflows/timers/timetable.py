"""`Timetable`: everything of a file that is due at a time, by one timing engine.

Each part of the program that has timers has a realm of them. Whoever serves a realm is called for what is due
in it; a realm that nobody serves rests. APScheduler is imported and started when the first realm is served.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from workflows.clock import Clock
from workflows.sqlite.store import Store
from workflows.timers.overdue import Overdue
from workflows.timers.realm import Timers
from workflows.timers.table import STEPS
from workflows.timers.window import Entry, Window

if TYPE_CHECKING:
    from workflows.timers.scheduler import ClockScheduler

__all__ = ["Timetable"]


class Timetable:
    """The timers of a file, by realm."""

    def __init__(self, store: Store, *, clock: Clock, quarantine_after: int | None = None) -> None:
        """A call with which `quarantine_after` processes in a row have died is given up; None: none is."""
        self._store = store
        self._clock = clock
        self._overdue = Overdue(clock, quarantine_after)
        self._realms: dict[str, Timers] = {}
        self._scheduler: ClockScheduler | None = None

    async def open(self) -> None:
        """Makes the table; nothing is called yet."""
        await self._store.migrate("timers", STEPS)

    def of(self, realm: str) -> Timers:
        """The timers of a realm: the same object whenever it is asked for."""
        if realm not in self._realms:
            self._realms[realm] = Timers(
                self._store, realm, clock=self._clock, ticks=self, overdue=self._overdue
            )
        return self._realms[realm]

    async def close(self, grace: float) -> None:
        """Nothing is called any more; calls that are under way have `grace` seconds."""
        await asyncio.gather(*(timers.close(grace) for timers in self._realms.values()))
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None:
            scheduler.shutdown()
            await asyncio.sleep(0)  # APScheduler shuts down in the next turn of the loop

    def attach(
        self, name: str, window: Window[int], *, free: Callable[[], int], start: Callable[[list[Entry]], None]
    ) -> None:
        """See `Ticks`."""
        if self._scheduler is None:
            from workflows.timers.scheduler import ClockScheduler

            self._scheduler = ClockScheduler(self._clock)
        self._scheduler.attach(name, window, free=free, start=start)

    def detach(self, name: str) -> None:
        """See `Ticks`."""
        if self._scheduler is not None:
            self._scheduler.detach(name)

    def look_again(self) -> None:
        """See `Ticks`."""
        if self._scheduler is not None:
            self._scheduler.look_again()
