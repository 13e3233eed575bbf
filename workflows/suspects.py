"""Instances that may end the process: one of them is tried at a time, so that innocent ones are told apart.

A process that dies does not say which of its instances has ended it. Those of which nothing had ended in
several processes that died are suspects. They are let in after all others, and one after the other: the next
one when those before have come further, wait, or ran for some time without ending the process. Only who was
alone when the process died has ended it; who was let in last, beside such as had had their time, is the first
one the next time.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from workflows.claims import Tried, runs
from workflows.clock import Clock, Pending
from workflows.errors import StoreError
from workflows.lease import Lease
from workflows.ledger import Ledger, Suspect
from workflows.spawned import Spawned

__all__ = ["Suspects"]

log = logging.getLogger("workflows")

_PATIENCE = 10.0
"""Seconds that one is tried for the first time; twice as many each time that this told nothing."""
_DOUBLINGS = 6
_LONG = _PATIENCE * 2**_DOUBLINGS
"""Seconds after which a process that still lives was not ended by what was let in at its start."""
_FIRST_LOOK = 0.01
"""Seconds until what was taken up is looked at; then twice as many, up to `_LAST_LOOK`."""
_LAST_LOOK = 1.0


class _Watched:
    """A lease that was taken up in vain before, and where it was when this process took it up."""

    __slots__ = ("_ended", "_order", "lease")

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self._order = lease.order
        self._ended = lease.ended

    @property
    def gone_on(self) -> bool:
        """Something of it has ended, or it is nobody's any more, or waits for a slot."""
        lease = self.lease
        if not lease.lease_ok() or lease.queued or not runs(lease.status):
            return True
        if self.lease.order == self._order:  # cheap to ask, as thousands may be watched
            return False
        self._order = self.lease.order
        return self.lease.ended != self._ended


class Suspects:
    """Lets suspects in one by one, and watches all that were taken up in vain before.

    `let_in` takes one up, and is false while there is no slot for it. Those that only wait are acquitted, as
    it is not they who end a process.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        after: int | None,
        let_in: Callable[[Suspect, Tried], Awaitable[bool]],
    ) -> None:
        """`after` so many processes that died one is quarantined; None: nobody is a suspect."""
        self.after = after
        self._ledger = ledger
        self._clock = clock
        self._let_in = let_in
        self._line: deque[Suspect] = deque()
        self._watched: dict[int, _Watched] = {}
        self._tried: Suspect | None = None
        """Who was let in last, and is still in its time."""
        self._undecided: set[int] = set()
        """They ran for their time, and may still end the process."""
        self._waited = 0.0
        """Seconds since the start, or since somebody was let in; no jump of a clock changes them."""
        self._pause = _FIRST_LOOK
        self._alarm: Pending | None = None
        self._looking = False
        self._open = False
        self.tasks = Spawned()

    async def open(self, workflows: Iterable[str]) -> frozenset[int]:
        """From now on suspects of these workflows are let in; those that are to be left alone until then."""
        self.close()
        if self.after is None:
            return frozenset()
        self._line.extend(await self._ledger.suspects(workflows, self.after))
        self._open = True
        self._waited, self._pause = 0.0, _FIRST_LOOK
        if self._line:
            log.warning(
                "%d instance(s) may have ended the process several times: they are taken up one at a time",
                len(self._line),
            )
            self._look_later()
        return frozenset(one.incarnation for one in self._line)

    def close(self) -> None:
        """Nobody is let in any more."""
        self._open = False
        self._line.clear()
        self._forget()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def watch(self, leases: Iterable[Lease]) -> None:
        """They have been taken up; it is seen how far those come that may be in the way of suspects."""
        if not self._open:
            return
        for lease in leases:
            if self._line or lease.claims > 1:
                self._watched[lease.ref.incarnation] = _Watched(lease)
        if self._watched and self._alarm is None and not self._looking:
            self._look_later()

    def _look_later(self) -> None:
        self._alarm = self._clock.call_later(self._pause, self._is_time)

    def _is_time(self) -> None:
        self._alarm, self._looking = None, True
        self._waited += self._pause
        self._pause = min(2 * self._pause, _LAST_LOOK)
        self.tasks.spawn(self._look())

    async def _look(self) -> None:
        resting = self._sort_out()
        undecided = self._over()
        try:
            if resting or undecided:
                await self._ledger.acquit(resting, undecided)
        except (StoreError, sqlite3.Error) as error:
            log.warning("that %d instance(s) do not end the process was not written: %s", len(resting), error)
        if self._tried is None and self._others_have_gone_on():
            await self._next()
        self._looking = False
        if self._open and (self._line or self._tried is not None or self._is_early):
            self._look_later()
        else:
            self._forget()

    @property
    def _is_early(self) -> bool:
        return bool(self._watched) and self._waited < _PATIENCE

    def _sort_out(self) -> list[int]:
        """Forgets those that have come further; those that only wait, or live long, are to be acquitted."""
        watched = self._watched.items()
        gone_on = [one for one, each in watched if each.gone_on]
        over = self._waited >= _LONG
        resting = [one for one, each in watched if over or each.lease.seen_waiting]
        in_vain = [one for one in resting if self._watched[one].lease.claims > 1]
        for one in {*gone_on, *resting}:
            del self._watched[one]
            self._undecided.discard(one)
        if self._tried is not None and self._tried.incarnation not in self._watched:
            self._tried = None
        return in_vain

    def _over(self) -> list[int]:
        """Who has had its time, when another one is let in now."""
        tried = self._tried
        if tried is None or not self._line or self._waited < self._patience(tried):
            return []
        self._tried = None
        self._undecided.add(tried.incarnation)
        return [tried.incarnation]

    def _others_have_gone_on(self) -> bool:
        """Nobody that the start has taken up may end the process, or they have had their time."""
        fresh = self._watched.keys() - self._undecided
        if fresh and self._waited < _PATIENCE:
            return False
        self._undecided |= fresh
        return True

    def _patience(self, suspect: Suspect) -> float:
        assert self.after is not None, "else there are no suspects"
        times: int = 2 ** min(suspect.claims + 1 - self.after, _DOUBLINGS)
        return _PATIENCE * times

    async def _next(self) -> None:
        for _ in range(len(self._line)):
            if not self._open:
                return
            suspect = self._line.popleft()
            tried = Tried.BESIDE if self._undecided else Tried.ALONE
            if not await self._let_in(suspect, tried):
                self._line.append(suspect)
            elif suspect.incarnation in self._watched:
                self._tried = suspect
                self._waited, self._pause = 0.0, _FIRST_LOOK
                return

    def _forget(self) -> None:
        self._watched.clear()
        self._undecided.clear()
        self._tried = None
