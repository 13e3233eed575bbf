"""An agent's state: one typed value, kept with the engine's data."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from agents_sdk.errors import InvalidState, StateUnreadable
from agents_sdk.shape import Shape, ShapeError
from workflows import Statement, Store

__all__ = ["StateCell"]

S = TypeVar("S")

_SAVE = """
INSERT INTO agent_state(agent, state) VALUES(?, ?)
ON CONFLICT(agent) DO UPDATE SET state = excluded.state
"""


class StateCell(Generic[S]):
    """The state of one agent; changes are serial, and announced only after their commit."""

    def __init__(self, store: Store, agent: int, shape: Shape[S], *, owner: str) -> None:
        self._store = store
        self._agent = agent
        self._shape = shape
        self._owner = owner
        self._stored: bytes | None = None
        self._turn = asyncio.Lock()

    @property
    def known(self) -> bool:
        """There is a state."""
        return self._stored is not None

    @property
    def encoded(self) -> bytes:
        """The state as JSON."""
        return b"null" if self._stored is None else self._stored

    @property
    def value(self) -> S | None:
        """A copy of the state: changing it changes nothing."""
        return None if self._stored is None else self._shape.decode(self._stored)

    async def load(self, initial: S | None) -> None:
        """Reads the stored state; where there is none, `initial` counts until the first change.

        Raises `StateUnreadable` when today's type does not fit; what is stored stays as it is.
        """
        rows = await self._store.read("SELECT state FROM agent_state WHERE agent = ?", (self._agent,))
        if not rows:
            self._stored = None if initial is None else self._encoded(initial)
            return
        stored: bytes = rows[0][0]
        try:
            self._shape.decode(stored)
        except ShapeError as error:
            raise StateUnreadable(
                f"the stored state of {self._owner} does not fit its type: {error}; it was left as it is"
            ) from error
        self._stored = stored

    async def change(
        self, value: object, *, check: Callable[[S], object], announce: Callable[[bytes], Awaitable[None]]
    ) -> S:
        """Validates, lets `check` refuse, commits, then announces; gives the new state."""
        async with self._turn:
            encoded = self._encoded(value)
            check(self._shape.decode(encoded))
            await asyncio.shield(self._store.write(Statement(_SAVE, (self._agent, encoded))))
            self._stored = encoded
            await announce(encoded)
            return self._shape.decode(encoded)

    def _encoded(self, value: object) -> bytes:
        try:
            return self._shape.encode(value)
        except ShapeError as error:
            raise InvalidState(f"this cannot be the state of {self._owner}: {error}") from error
