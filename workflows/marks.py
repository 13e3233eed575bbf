"""Start marks: what still runs after a quarter of a second, or is cut off, is written down as started."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

__all__ = ["Mark", "StartMarks"]

_AFTER = 0.25


class Mark:
    """A call that is due after a quarter of a second, unless it is cancelled."""

    __slots__ = ("call", "due", "owner")

    def __init__(self, due: float, call: Callable[[], object], owner: object) -> None:
        self.due = due
        self.call: Callable[[], object] | None = call
        self.owner = owner

    def now(self) -> None:
        """Calls it, unless it was called or cancelled."""
        call, self.call = self.call, None
        if call is not None:
            call()

    def cancel(self) -> None:
        """The attempt is over."""
        self.call = self.owner = None


class StartMarks:
    """All marks of an engine: their delays are equal, so a queue and one timer serve them all."""

    def __init__(self) -> None:
        self._queue: deque[Mark] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, call: Callable[[], object], owner: object) -> Mark:
        """Calls `call` after a quarter of a second of real time; crashes know no virtual clock."""
        loop = asyncio.get_running_loop()
        mark = Mark(loop.time() + _AFTER, call, owner)
        self._queue.append(mark)
        if self._timer is None:
            self._timer = loop.call_later(_AFTER, self._look)
        return mark

    def now(self, owner: object) -> None:
        """Calls those of `owner` that are pending."""
        for mark in self._queue:
            if mark.owner is owner:
                mark.now()

    def close(self) -> None:
        """No mark is called any more."""
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        queue = self._queue
        while queue and (queue[0].call is None or queue[0].due <= loop.time()):
            mark = queue.popleft()
            if mark.call is not None:
                mark.now()
        if queue:
            self._timer = loop.call_later(max(0.0, queue[0].due - loop.time()), self._look)
