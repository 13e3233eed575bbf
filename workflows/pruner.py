"""Retention: finished instances are erased when their time is over, a few hundred in a transaction."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextvars import Context

from workflows.clock import Alarm, Clock
from workflows.errors import StoreError
from workflows.ledger import Ledger

__all__ = ["Pruner"]

log = logging.getLogger("workflows")

_AT_ONCE = 200
_AGAIN = 5.0


class Pruner:
    """Erases what has expired."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._alarm: Alarm | None = None
        self._pruning: asyncio.Task[None] | None = None
        self._closed = False
        self._missed = False
        """Something expired while a pass was at its end."""

    async def open(self) -> None:
        """From now on nothing stays longer than it should; what expired meanwhile goes first."""
        self.expects(await self._ledger.next_expiry())

    def expects(self, when: float | None) -> None:
        """An instance expires at `when`."""
        if when is None or self._closed or (self._alarm is not None and self._alarm.when <= when):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._clock.call_at(when, self._begin)

    async def close(self) -> None:
        """Nothing is erased any more."""
        self._closed = True
        if self._alarm is not None:
            self._alarm.cancel()
        if self._pruning is not None:
            await asyncio.wait((self._pruning,))

    def _begin(self) -> None:
        self._alarm = None
        if self._pruning is not None:
            self._missed = True
            return
        self._missed = False
        self._pruning = asyncio.create_task(self._prune(), context=Context())
        self._pruning.add_done_callback(self._ended)

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._pruning = None
        if self._missed and not self._closed:
            self._begin()

    async def _prune(self) -> None:
        with self._clock.busy():
            try:
                await self._ledger.expire(self._clock.now(), _AT_ONCE)
                when = await self._ledger.next_expiry()
            except (StoreError, sqlite3.Error) as error:
                log.warning("expired instances could not be erased: %s", error)
                when = self._clock.now() + _AGAIN
        self.expects(when)
