"""Who follows an instance in this process: subscribers to its moments, and those who wait for its end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from workflows.backend import Instance, Seen

__all__ = ["Audience"]


class Audience:
    """The followers of one incarnation, over all its runs."""

    __slots__ = ("_end", "_queues")

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Seen | Exception | None]] = set()
        self._end: asyncio.Future[Instance] | None = None

    @property
    def listening(self) -> bool:
        """Somebody subscribes."""
        return bool(self._queues)

    def join(self) -> asyncio.Queue[Seen | Exception | None]:
        """A queue of every moment from now on; None: the history began anew, an error: it ends here."""
        queue: asyncio.Queue[Seen | Exception | None] = asyncio.Queue()
        self._queues.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[Seen | Exception | None]) -> None:
        """Nothing more comes into `queue`."""
        self._queues.discard(queue)

    def show(self, seen: Iterable[Seen | None]) -> None:
        """Gives moments, which must be durable, to every subscriber."""
        for one in seen:
            for queue in self._queues:
                queue.put_nowait(one)

    async def end(self) -> Instance:
        """The instance, once it has ended; a waiter that is cancelled disturbs nobody."""
        if self._end is None:
            self._end = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._end)

    def ended(self, instance: Instance) -> None:
        """Tells those who wait for the end."""
        if self._end is not None and not self._end.done():
            self._end.set_result(instance)
        self._end = None

    def failed(self, error: Exception) -> None:
        """The end will not be seen here, because of `error`."""
        for queue in self._queues:
            queue.put_nowait(error)
        if self._end is not None and not self._end.done():
            self._end.set_exception(error)
            self._end.exception()  # a waiter that was cancelled meanwhile does not have to look at it
        self._end = None
