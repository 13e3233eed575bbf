"""What a run waits for: instants, events, the end of a child, and for a cut step to be cancelled again."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from workflows.backend import Activation, Awaited, InboxEvent
from workflows.clock import Clock, Pending
from workflows.entry import Entry, Kind, State

__all__ = ["Waits"]

_PATIENCE = 5.0
_TURNS = 4
"""Turns of the loop in which a replay comes to the waits that were under way."""


class _Wait:
    """One wait under way: for `entry.due`, for an event of a type, or for whatever comes first."""

    __slots__ = ("alarm", "claim", "entry", "late", "over", "type")

    def __init__(self, entry: Entry, type: str | None, claim: Callable[[], bool] | None = None) -> None:
        self.entry = entry
        self.type = type
        self.claim = claim
        self.over: asyncio.Future[InboxEvent | None] = asyncio.get_running_loop().create_future()
        self.alarm: Pending | None = None
        self.late = False
        """Its due has come, and it goes on once the instance is open."""

    def end(self, event: InboxEvent | None) -> None:
        if not self.over.done():
            self.over.set_result(event)


class Waits:
    """The waits of one run, oldest first.

    None of them ends while the instance is not open, except within an attempt, which goes on to its end.
    """

    def __init__(self, activation: Activation, clock: Clock, changed: Callable[[], object]) -> None:
        """`changed` is called when one more or one less is under way."""
        self._activation = activation
        self._clock = clock
        self._changed = changed
        self.under_way: dict[_Wait, None] = {}
        self._cuts = 0
        self._parked = False
        self._unasked = {entry.ordinal for entry in activation.journal.values() if _waits_for_event(entry)}
        """Waits for events that were under way in an earlier run, and that this one has not come to."""
        self._turns = _TURNS

    def close(self) -> None:
        """None is under way, and none will be."""
        self._changed = _nobody_asks

    def none_is_over(self) -> bool:
        """No due has come and no event is there that ends one of them at once."""
        now = self._clock.now()
        types = {event.type for event in self._activation.inbox}
        return all(_due(wait) > now and wait.type not in types for wait in self.under_way)

    def park(self) -> list[Awaited]:
        """What is waited for; from now on nothing ends a wait, and the instance counts as waiting."""
        self._parked = True
        return [Awaited(_due(wait), wait.type) for wait in self.under_way]

    async def until_due(self, entry: Entry) -> None:
        """Returns once `entry.due` has come."""
        await self._for(_Wait(entry, None))

    async def event(
        self, entry: Entry, type: str, *, claim: Callable[[], bool] | None = None
    ) -> InboxEvent | None:
        """The oldest event of `type` that no older wait gets; None once `entry.due`, if any, has come.

        An event is left in the inbox when `claim` says that it must not be taken.
        """
        return await self._for(_Wait(entry, type, claim))

    async def cut_again(self, entry: Entry, stands: Callable[[], bool]) -> None:
        """Waits to be cancelled as on the first run; returns when the run is blocked on nothing else.

        `stands`: another step is going to begin, once the instance is open. This one needs no slot to wait.
        """
        self._activation.waiting += 1
        self._cuts += 1
        patience = entry.lasted + _PATIENCE
        try:
            while True:
                await self._pass(patience)
                others = self._activation.waiting - self._cuts
                runs = self._activation.status == "running"
                if runs and self._activation.running == 0 and others == 0 and not stands():
                    return
                patience = _PATIENCE
        finally:
            self._cuts -= 1
            self._activation.waiting -= 1

    def look(self) -> None:
        """The status, a due or the inbox has changed."""
        for wait in self.under_way:
            if wait.alarm is not None:
                wait.alarm.cancel()
                wait.alarm = None
        for wait in self.under_way:
            self._arm(wait)
        self._match()

    async def _for(self, wait: _Wait) -> InboxEvent | None:
        self._activation.waiting += 1
        self.under_way[wait] = None
        self._unasked.discard(wait.entry.ordinal)
        self._changed()
        try:
            self._arm(wait)
            self._match()
            with self._clock.waiting():
                return await wait.over
        except asyncio.CancelledError:
            self._give_back(wait)
            raise
        finally:
            self.under_way.pop(wait, None)
            if wait.alarm is not None:
                wait.alarm.cancel()
            self._is_late(wait, late=False)
            if not self._parked:
                self._activation.waiting -= 1
                self._changed()

    def _arm(self, wait: _Wait) -> None:
        paused = self._activation.status in ("waitingForPause", "paused")  # its due is going to move
        held = paused and not self._goes_on(wait)
        armed = wait.entry.due is not None and not (held or self._parked or wait.over.done())
        self._is_late(wait, late=armed and _due(wait) <= self._clock.now())
        if armed:
            wait.alarm = self._clock.call_at(_due(wait), lambda: self._over(wait))

    def _is_late(self, wait: _Wait, *, late: bool) -> None:
        self._activation.late += late - wait.late
        wait.late = late

    def _over(self, wait: _Wait) -> None:
        wait.alarm = None
        if self._goes_on(wait):
            wait.end(None)
        else:
            self._is_late(wait, late=True)
            self._activation.ask()  # `look` finds it due once there is a slot

    def _goes_on(self, wait: _Wait) -> bool:
        """It may end now: the instance is open, or it belongs to an attempt that goes on in spite of that."""
        status = self._activation.status
        return self._activation.open or (wait.entry.within > 0 and status not in ("paused", "queued"))

    def _match(self) -> None:
        inbox = self._activation.inbox
        if self._parked or not inbox:
            return
        held: set[str] = set()
        for wait in sorted(self.under_way, key=lambda wait: wait.entry.ordinal):
            if wait.type is None or wait.over.done():
                continue
            place = next((place for place, event in enumerate(inbox) if event.type == wait.type), None)
            if place is None:
                continue
            if wait.type in held or not self._goes_on(wait):
                held.add(wait.type)  # what comes first is for the oldest one, also when that has to stay
                self._activation.ask()
                continue
            if any(older < wait.entry.ordinal for older in self._unasked):
                self._match_later()
                return
            if wait.claim is None or wait.claim():
                wait.end(inbox.pop(place))

    def _match_later(self) -> None:
        """An older wait may be for the same type: it gets the event, if the run asks for it at once."""
        if self._turns == _TURNS:
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._turns -= 1
        if self._turns:
            asyncio.get_running_loop().call_soon(self._turn)
        else:
            self._unasked.clear()
            self._match()

    def _give_back(self, wait: _Wait) -> None:
        """The waiter was cancelled with an event in its hands that it has not recorded."""
        if not wait.over.done() or wait.over.cancelled():
            return
        event = wait.over.result()
        if event is not None:
            self._activation.inbox.append(event)
            self._activation.inbox.sort(key=lambda kept: kept.number)
            self.under_way.pop(wait, None)
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


def _nobody_asks() -> None:
    pass


def _waits_for_event(entry: Entry) -> bool:
    return entry.key.kind is Kind.WAIT and entry.state is State.WAITING


def _due(wait: _Wait) -> float:
    return math.inf if wait.entry.due is None else wait.entry.due
