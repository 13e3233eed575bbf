"""What time it is, and who is called when: the only source of time."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

__all__ = ["Alarm", "Alarms", "Clock", "Pending", "SystemClock"]

_RECHECK = 1.0
_MANY = 512


class Alarm:
    """One pending call of a clock."""

    __slots__ = ("_alarms", "callback", "when")

    def __init__(self, when: float, callback: Callable[[], object], alarms: Alarms) -> None:
        self.when = when
        self.callback: Callable[[], object] | None = callback
        self._alarms = alarms

    def cancel(self) -> None:
        """The callback is not called any more; no-op when it was."""
        if self.callback is not None:
            self.callback = None
            self._alarms.forget_one()


class Pending(Protocol):
    """A call that is to come."""

    def cancel(self) -> None:
        """It does not come any more; no-op when it came."""


class Clock(Protocol):
    """Epoch seconds, and calls at a time; every wait of the project goes through one of these."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def call_at(self, when: float, callback: Callable[[], object]) -> Alarm:
        """Calls `callback` on the event loop once `now()` has reached `when`, an instant."""

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Pending:
        """Calls `callback` after `seconds`, however the wall clock is set meanwhile: a time limit."""

    async def sleep(self, seconds: float) -> None:
        """Returns after `seconds`; the sleeper does not count as busy meanwhile."""

    def busy(self) -> AbstractContextManager[None]:
        """While anyone is inside, a virtual clock stands still."""

    def waiting(self) -> AbstractContextManager[None]:
        """While the caller is inside, the `busy` around it does not count: it waits for this clock."""


class Alarms:
    """Pending calls in the order of their time; cancelled ones are dropped when they are many."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Alarm]] = []
        self._count = 0
        self._cancelled = 0

    def add(self, when: float, callback: Callable[[], object]) -> Alarm:
        """A new pending call."""
        alarm = Alarm(when, callback, self)
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, alarm))
        return alarm

    def forget_one(self) -> None:
        """Counts a cancelled alarm, and rebuilds the heap when most of it is cancelled."""
        self._cancelled += 1
        if self._cancelled > _MANY and self._cancelled * 2 > len(self._heap):
            self._heap = [item for item in self._heap if item[2].callback is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def next_at(self) -> float | None:
        """When the next call is due; None when nothing is pending."""
        heap = self._heap
        while heap and heap[0][2].callback is None:
            heapq.heappop(heap)
            self._cancelled = max(0, self._cancelled - 1)
        return heap[0][0] if heap else None

    def fire(self, now: float) -> None:
        """Calls everything that is due at `now`, earliest first."""
        while (when := self.next_at()) is not None and when <= now:
            alarm = heapq.heappop(self._heap)[2]
            callback, alarm.callback = alarm.callback, None
            assert callback is not None, "next_at() has dropped what was cancelled"
            callback()


_NEVER_STILL = nullcontext()


class SystemClock:
    """The wall clock, looked at once a second while something is pending, so that its jumps are noticed."""

    def __init__(self) -> None:
        self._alarms = Alarms()
        self._handle: asyncio.TimerHandle | None = None
        self._looks_at = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def call_at(self, when: float, callback: Callable[[], object]) -> Alarm:
        """Calls `callback` on the running event loop once `now()` has reached `when`."""
        alarm = self._alarms.add(when, callback)
        if self._handle is None or when < self._looks_at:
            self._arm()
        return alarm

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Pending:
        """Calls `callback` after `seconds`."""
        return asyncio.get_running_loop().call_later(max(0.0, seconds), callback)

    async def sleep(self, seconds: float) -> None:
        """Returns after `seconds`."""
        await asyncio.sleep(max(0, seconds))

    def busy(self) -> AbstractContextManager[None]:
        """Nothing to do: this clock never stands still."""
        return _NEVER_STILL

    def waiting(self) -> AbstractContextManager[None]:
        """Nothing to do: this clock never stands still."""
        return _NEVER_STILL

    def _arm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        when = self._alarms.next_at()
        if when is not None:
            now = self.now()
            delay = min(max(0.0, when - now), _RECHECK)
            self._looks_at = now + delay
            self._handle = asyncio.get_running_loop().call_later(delay, self._wake)

    def _wake(self) -> None:
        self._handle = None
        try:
            self._alarms.fire(self.now())
        finally:
            self._arm()
