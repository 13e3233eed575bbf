"""Turns: of what is done to one instance, one thing at a time, whether it is leased or a row."""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["InTurn", "Turns"]

_Waiting = deque[asyncio.Future[None]]


class Turns:
    """Who is at it, by incarnation; nothing is kept of instances to which nobody does anything."""

    __slots__ = ("_taken",)

    def __init__(self) -> None:
        self._taken: dict[int, _Waiting] = {}

    def of(self, incarnation: int) -> InTurn:
        """To be entered: first come, first served."""
        return InTurn(self, incarnation)

    def take_now(self, incarnation: int) -> bool:
        """Takes the turn without waiting; false when somebody else is at it. To be given back."""
        if incarnation in self._taken:
            return False
        self._taken[incarnation] = deque()
        return True

    async def take(self, incarnation: int) -> None:
        """Waits for the turn; to be given back."""
        if self.take_now(incarnation):
            return
        given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._taken[incarnation].append(given)
        try:
            await given
        except asyncio.CancelledError:
            if given.done() and not given.cancelled():
                self.give(incarnation)
            raise

    def give(self, incarnation: int) -> None:
        """The next one, if any, goes on."""
        waiting = self._taken[incarnation]
        while waiting:
            given = waiting.popleft()
            if not given.done():
                given.set_result(None)
                return
        del self._taken[incarnation]


class InTurn:
    """Inside of it, nobody else does anything to the instance."""

    __slots__ = ("_incarnation", "_turns")

    def __init__(self, turns: Turns, incarnation: int) -> None:
        self._turns = turns
        self._incarnation = incarnation

    async def __aenter__(self) -> None:
        await self._turns.take(self._incarnation)

    async def __aexit__(self, *_: object) -> None:
        self._turns.give(self._incarnation)
