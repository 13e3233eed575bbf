"""`self.queued`: what an agent is to do next, durable, strictly in order and one at a time."""

from __future__ import annotations

import asyncio
import builtins
import secrets
from typing import Any

from agents_sdk.errors import InvalidItem
from agents_sdk.living import Living
from agents_sdk.methods import Methods
from agents_sdk.part import Part
from agents_sdk.queue.calls import Calls
from agents_sdk.queue.item import QueueItem, encode
from agents_sdk.queue.rows import Rows
from agents_sdk.retry import Patience
from agents_sdk.schedule import Callback
from agents_sdk.security.log import audited
from agents_sdk.shape import has
from workflows import Clock, Store

__all__ = ["Queue"]


class Queue(Part):
    """The queue of one agent."""

    def __init__(
        self, store: Store, owner: int, methods: Methods, agent: object, *, living: Living, clock: Clock
    ) -> None:
        self._rows = Rows(store, owner)
        self._methods = methods
        self._agent = agent
        self._living = living
        self._clock = clock
        self._calls = Calls(self._rows, methods, living, clock)

    async def add(
        self,
        callback: Callback,
        payload: Any = None,
        *,
        id: str | None = None,
        attempts: int = 3,
        base_delay: float = 0.1,
        max_delay: float = 3.0,
    ) -> str:
        """See `Agent.queue`."""
        method = self._methods.given(callback, self._agent, wrong=InvalidItem)
        if payload is not None and not method.takes:
            raise InvalidItem(
                f"{self._methods.cls}.{method.name} takes no payload: give it a parameter, or no payload"
            )
        if id == "":
            raise InvalidItem("an item cannot have an empty id: give it another one, or none")
        name = secrets.token_urlsafe(12) if id is None else id
        written = self._rows.put(
            name,
            method.name,
            encode(method.name, payload),
            created=self._clock.now(),
            patience=Patience(attempts, base_delay, max_delay),
            replace=id is not None,
        )
        written.add_done_callback(self._written)
        await asyncio.shield(written)
        return name

    async def dequeue(self, id: str) -> bool:
        """See `Agent.dequeue`."""
        return await self._take(id=id) == 1

    async def dequeue_all(self) -> int:
        """Empties the queue, the dead included; says how many there were."""
        return await self._take()

    async def dequeue_all_by_callback(self, callback: Callback) -> int:
        """As `dequeue_all`, of those that call this method, which may be one that the class has no more."""
        known = not isinstance(callback, str) or callback in self._methods.known
        name = self._methods.given(callback, self._agent, wrong=InvalidItem).name if known else str(callback)
        return await self._take(method=name)

    async def get(self, id: str) -> QueueItem | None:
        """The item with this id, while it waits, is being called, or is dead."""
        row = await self._rows.get(id)
        return None if row is None else row.item()

    async def list(
        self, key: str | None = None, value: Any = None, *, dead: bool | None = None
    ) -> builtins.list[QueueItem]:
        """Those that are to be called, in that order, then the dead.

        With `key`, those whose payload is an object that has `value` there; with `dead`, only these or those.
        """
        kinds = (False, True) if dead is None else (dead,)
        found = [row.item() for kind in kinds async for row in self._rows.all(dead=kind)]
        return [item for item in found if key is None or has(item.payload, key, value)]

    async def redrive(self, id: str) -> bool:
        """Queues a dead item again, with all its attempts; false when it is not dead."""
        redriven = await self._rows.redrive(id)
        if redriven:
            self._calls.look()
            audited("redrive", f"item {id} of {self._living}")
        return redriven

    def started(self) -> None:
        """What was left is called."""
        self._calls.begin()

    def rest(self) -> None:
        """The item that is being called may come to its end."""
        self._calls.rest()

    async def _take(self, *, id: str | None = None, method: str | None = None) -> int:
        places = await self._rows.take(id=id, method=method)
        self._calls.taken()
        if places:
            which = f"{len(places)} items" if id is None else f"item {id}"
            audited("dequeue", f"{which} of {self._living}")
        return len(places) - (self._calls.place in places)

    def _written(self, written: asyncio.Future[int]) -> None:
        # A callback, so that it happens also when the caller of `add` was cancelled.
        if not written.cancelled() and written.exception() is None:
            self._calls.look()
