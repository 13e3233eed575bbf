"""A virtual clock, on which a sleep of 30 days takes milliseconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from weakref import WeakKeyDictionary

from workflows.clock import Alarm, Alarms

__all__ = ["VirtualClock"]

_START = datetime.fromisoformat("2026-01-01T00:00:00+00:00").timestamp()
_POLLS = 2  # the second look follows a poll of the sockets that found nothing
_PASSES = 64  # for loops that do not show what is ready


class _Holder:
    """One piece of work that is under way, or asleep on this clock."""

    __slots__ = ("ended", "sleepers")

    def __init__(self) -> None:
        self.sleepers = 0
        self.ended = False


_looking: WeakKeyDictionary[asyncio.AbstractEventLoop, int] = WeakKeyDictionary()
"""How many clocks are going to look whether their loop has anything else to do."""
_holders: ContextVar[tuple[_Holder, ...]] = ContextVar("_holders", default=())


class VirtualClock:
    """A clock that jumps to the next pending call when nothing runs.

    It stands still while a callback, a thread or a write is under way, and while the event loop has
    anything ready. A callback that waits should wait with `await clock.sleep(seconds)`: that lets time go on,
    so that the time limit of its step can pass. It never moves by itself: with nothing pending, time stops.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._now = _START if start is None else start.timestamp()
        self._set = 0.0
        """By how much `shift` has set it."""
        self._alarms = Alarms()
        self._spans = Alarms()
        """Time limits; in a time that is not shifted."""
        self._awake: set[_Holder] = set()
        self._watching: asyncio.Handle | None = None
        self._quiet = 0

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now

    def call_at(self, when: float, callback: Callable[[], object]) -> Alarm:
        """Calls `callback` once the clock has jumped to `when`."""
        alarm = self._alarms.add(when, callback)
        self._watch()
        return alarm

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Alarm:
        """Calls `callback` once the clock has jumped over `seconds`; a `shift` does not count."""
        alarm = self._spans.add(self._now - self._set + seconds, callback)
        self._watch()
        return alarm

    async def sleep(self, seconds: float) -> None:
        """Returns after `seconds` of virtual time; whoever sleeps is not busy."""
        woken = asyncio.Event()
        alarm = self.call_later(seconds, woken.set)
        try:
            with self.waiting():
                await woken.wait()
        finally:
            alarm.cancel()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While the caller is inside, the `busy` around it does not count."""
        holders = _holders.get()
        for holder in holders:
            holder.sleepers += 1
            self._awake.discard(holder)
        self._watch()
        try:
            yield
        finally:
            for holder in holders:
                holder.sleepers -= 1
                if not holder.sleepers and not holder.ended:
                    self._awake.add(holder)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """While anyone is inside and awake, this clock stands still."""
        holder = _Holder()
        token = _holders.set((*_holders.get(), holder))
        self._awake.add(holder)
        try:
            yield
        finally:
            holder.ended = True
            self._awake.discard(holder)
            _holders.reset(token)
            self._watch()

    def shift(self, seconds: float) -> None:
        """Sets the wall clock forward or back, as an operator does."""
        self._now += seconds
        self._set += seconds
        self._watch()

    def _watch(self) -> None:
        if self._watching is None and self._next_at() is not None:
            self._quiet = 0
            self._look_soon()

    def _look(self) -> None:
        self._watching = None
        loop = asyncio.get_running_loop()
        _looking[loop] -= 1
        when = self._next_at()
        if when is None or self._awake:
            return  # whoever is awake looks again when it is done
        self._quiet = 0 if len(getattr(loop, "_ready", ())) > _looking[loop] else self._quiet + 1
        if self._quiet >= (_POLLS if hasattr(loop, "_ready") else _PASSES):
            self._quiet = 0
            self._now = max(self._now, when)
            self._alarms.fire(self._now)
            self._fire_spans()
        if self._next_at() is not None and self._watching is None:
            self._look_soon()

    def _look_soon(self) -> None:
        loop = asyncio.get_running_loop()
        _looking[loop] = _looking.get(loop, 0) + 1
        self._watching = loop.call_soon(self._look)

    def _fire_spans(self) -> None:
        span = self._spans.next_at()
        if span is not None and span + self._set <= self._now:
            self._spans.fire(max(span, self._now - self._set))  # the sum and the difference may round apart

    def _next_at(self) -> float | None:
        alarm, span = self._alarms.next_at(), self._spans.next_at()
        if span is None:
            return alarm
        return span + self._set if alarm is None else min(alarm, span + self._set)
