"""Timers on a virtual clock, and what they called."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from workflows.clock import Clock
from workflows.sqlite.store import Store
from workflows.testing import VirtualClock
from workflows.timers.realm import Fire, Timer, Timers
from workflows.timers.timetable import Timetable

__all__ = ["START", "Ticking", "served", "ticking"]

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Ticking:
    """Timers whose callback notes each call, then does what a test wants."""

    clock: VirtualClock
    timers: Timers = field(init=False)
    calls: list[Timer] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    """Seconds since the start, of each call."""
    then: Callable[[Timer], Awaitable[object]] | None = None

    async def fire(self, timer: Timer) -> None:
        self.calls.append(timer)
        self.at.append(round(self.clock.now() - START.timestamp(), 3))
        if self.then is not None:
            await self.then(timer)

    @property
    def nominal(self) -> list[float]:
        """Seconds since the start, of what each call stood for."""
        return [(timer.nominal - START).total_seconds() for timer in self.calls]

    async def until(self, seconds: float) -> None:
        """Goes on until so long after the start."""
        await self.clock.sleep(START.timestamp() + seconds - self.clock.now())


@asynccontextmanager
async def ticking(
    path: Path | str = ":memory:",
    *,
    down: timedelta | float = 0,
    most_running: int = 1_000,
    window: int = 20_000,
    quarantine_after: int | None = None,
) -> AsyncIterator[Ticking]:
    """Opened so long after the start."""
    clock = VirtualClock(START + (down if isinstance(down, timedelta) else timedelta(seconds=down)))
    ticking = Ticking(clock)
    async with await Store.open(path, clock=clock) as store:
        serving = served(
            store,
            clock,
            ticking.fire,
            most_running=most_running,
            window=window,
            quarantine_after=quarantine_after,
        )
        async with serving as ticking.timers:
            yield ticking


@asynccontextmanager
async def served(
    store: Store,
    clock: Clock,
    fire: Fire,
    *,
    most_running: int = 1_000,
    window: int = 20_000,
    quarantine_after: int | None = None,
) -> AsyncIterator[Timers]:
    """The timers of the tests, calling `fire`."""
    timetable = Timetable(store, clock=clock, quarantine_after=quarantine_after)
    await timetable.open()
    try:
        timers = timetable.of("tests")
        await timers.serve(fire, most_running=most_running, window=window)
        yield timers
    finally:
        await timetable.close(10)
