"""What a run waits for: instants, events, and for a cut step to be cancelled again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from workflows.backend import Activation, InboxEvent
from workflows.clock import Clock, Pending
from workflows.entry import Entry

__all__ = ["Waits"]

_PATIENCE = 5.0


class _Wait:
    """One wait under way: for `entry.due`, where there is one, and perhaps for an event of a type."""

    __slots__ = ("alarm", "entry", "over", "type")

    def __init__(self, entry: Entry, type: str | None) -> None:
        self.entry = entry
        self.type = type
        self.over: asyncio.Future[InboxEvent | None] = asyncio.get_running_loop().create_future()
        self.alarm: Pending | None = None

    def end(self, event: InboxEvent | None) -> None:
        if not self.over.done():
            self.over.set_result(event)


class Waits:
    """The waits of one run, oldest first; none of them ends while the instance is not open."""

    def __init__(self, activation: Activation, clock: Clock) -> None:
        self._activation = activation
        self._clock = clock
        self._waits: dict[_Wait, None] = {}
        self._cuts = 0

    async def until_due(self, entry: Entry) -> None:
        """Returns once `entry.due` has come."""
        await self._for(_Wait(entry, None))

    async def event(self, entry: Entry, type: str) -> InboxEvent | None:
        """The oldest event of `type` that no older wait gets; None once `entry.due` has come."""
        return await self._for(_Wait(entry, type))

    async def cut_again(self, entry: Entry) -> None:
        """Waits to be cancelled as on the first run; returns when the run is blocked on nothing else."""
        self._activation.waiting += 1
        self._cuts += 1
        patience = entry.lasted + _PATIENCE
        try:
            while True:
                await self._pass(patience)
                others = self._activation.waiting - self._cuts
                if self._activation.running == 0 and others == 0 and self._activation.open:
                    return
                patience = _PATIENCE
        finally:
            self._cuts -= 1
            self._activation.waiting -= 1

    def look(self) -> None:
        """The status, a due or the inbox has changed."""
        for wait in self._waits:
            if wait.alarm is not None:
                wait.alarm.cancel()
                wait.alarm = None
        for wait in self._waits:
            self._arm(wait)
        self._match()

    async def _for(self, wait: _Wait) -> InboxEvent | None:
        self._activation.waiting += 1
        self._waits[wait] = None
        try:
            self._arm(wait)
            self._match()
            with self._clock.waiting():
                return await wait.over
        except asyncio.CancelledError:
            self._give_back(wait)
            raise
        finally:
            self._waits.pop(wait, None)
            if wait.alarm is not None:
                wait.alarm.cancel()
            self._activation.waiting -= 1

    def _arm(self, wait: _Wait) -> None:
        due = wait.entry.due
        paused = self._activation.status in ("waitingForPause", "paused")  # its due is going to move
        if due is not None and not (paused or wait.over.done()):
            wait.alarm = self._clock.call_at(due, lambda: self._over(wait))

    def _over(self, wait: _Wait) -> None:
        wait.alarm = None
        if self._activation.open:
            wait.end(None)
        else:
            self._activation.ask()  # `look` finds it due once there is a slot

    def _match(self) -> None:
        inbox = self._activation.inbox
        for wait in self._waits:
            if wait.type is None or wait.over.done():
                continue
            for place, event in enumerate(inbox):
                if event.type == wait.type:
                    if not self._activation.open:
                        return self._activation.ask()
                    wait.end(inbox.pop(place))
                    break
        return None

    def _give_back(self, wait: _Wait) -> None:
        """The waiter was cancelled with an event in its hands that it has not recorded."""
        if not wait.over.done() or wait.over.cancelled():
            return
        event = wait.over.result()
        if event is not None:
            self._activation.inbox.append(event)
            self._activation.inbox.sort(key=lambda kept: kept.number)
            self._waits.pop(wait, None)
            self._match()

    async def _pass(self, seconds: float) -> None:
        passed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        end: Callable[[], object] = lambda: passed.done() or passed.set_result(None)  # type: ignore[func-returns-value]  # noqa: E731
        alarm = self._clock.call_later(seconds, end)
        try:
            with self._clock.waiting():
                await passed
        finally:
            alarm.cancel()
