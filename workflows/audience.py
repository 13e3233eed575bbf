"""Who watches an instance in this process: subscribers, readers of streams, who waits for its end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from workflows.backend import Instance, Seen
from workflows.entry import Key
from workflows.streams.bell import Bell

__all__ = ["Audience"]


class Audience:
    """The watchers of one incarnation, over all its runs."""

    __slots__ = ("_bells", "_ends", "_queues")

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Seen | Exception | None]] = set()
        self._bells: set[Bell] = set()
        self._ends: list[asyncio.Future[Instance]] = []
        """Of those who wait for the end: one each, as who waits may be cancelled."""

    @property
    def deserted(self) -> bool:
        """Nobody is there."""
        return not (self._queues or self._bells or self._ends)

    @property
    def listening(self) -> bool:
        """Somebody subscribes, or reads a stream."""
        return bool(self._queues or self._bells)

    def join(self) -> asyncio.Queue[Seen | Exception | None]:
        """A queue of every moment from now on; None: the history began anew, an error: it ends here."""
        queue: asyncio.Queue[Seen | Exception | None] = asyncio.Queue()
        self._queues.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[Seen | Exception | None]) -> None:
        """Nothing more comes into `queue`."""
        self._queues.discard(queue)

    def attend(self, key: Key) -> Bell:
        """A bell that rings for what a step streams, until `dismiss`."""
        bell = Bell(key)
        self._bells.add(bell)
        return bell

    def dismiss(self, bell: Bell) -> None:
        """Its reader has left."""
        self._bells.discard(bell)

    def ring(self, key: Key, *, over: bool = False) -> None:
        """Something of a step has become durable; `over`: its end."""
        for bell in self._bells:
            if bell.key == key:
                bell.over = bell.over or over
                bell.ring()

    def show(self, seen: Iterable[Seen | None]) -> None:
        """Gives moments, which must be durable, to every subscriber."""
        for one in seen:
            for queue in self._queues:
                queue.put_nowait(one)
            for bell in self._bells if one is None else ():
                bell.anew = True
                bell.over = False
                bell.ring()

    def await_end(self) -> asyncio.Future[Instance]:
        """The instance, once it has ended; until `give_up`."""
        end: asyncio.Future[Instance] = asyncio.get_running_loop().create_future()
        self._ends.append(end)
        return end

    def give_up(self, end: asyncio.Future[Instance]) -> None:
        """Nobody waits for it there any more."""
        if end in self._ends:
            self._ends.remove(end)

    def ended(self, instance: Instance) -> None:
        """Tells those who wait for the end."""
        for bell in self._bells:
            bell.over = True
            bell.ring()
        ends, self._ends = self._ends, []
        for end in ends:
            if not end.done():
                end.set_result(instance)

    def failed(self, error: Exception) -> None:
        """The end will not be seen here, because of `error`."""
        for bell in self._bells:
            bell.error = error
            bell.ring()
        for queue in self._queues:
            queue.put_nowait(error)
        ends, self._ends = self._ends, []
        for end in ends:
            if not end.done():
                end.set_exception(error)
                end.exception()  # a waiter that is cancelled meanwhile does not have to look at it
