"""An agent's state: one typed value, a row of the engine's store.

A change takes effect for readers at once and for the world after its commit: `{**self.state, …}` between two
awaits never loses an update, and what leaves the agent (`settled`) is never ahead of the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, Literal, Protocol, TypeAlias, TypeVar

from agents_sdk.connection import Connection
from agents_sdk.current import current_agent
from agents_sdk.errors import InvalidState, ReadonlyConnection, StateUnreadable
from agents_sdk.part import Part
from agents_sdk.shape import Shape, ShapeError

__all__ = ["NO_STATE", "Change", "Source", "StateCell"]

S = TypeVar("S")

Source: TypeAlias = Literal["server"] | Connection
"""Who changes a state: the agent's own code, or a client."""

NO_STATE: Final = object()
"""What stands for the initial state of a class that has none."""


class Change(Protocol):
    """Called with the new state as JSON, and who changed it."""

    def __call__(self, encoded: bytes, source: Source, /) -> object: ...


class StateCell(Part, Generic[S]):
    """The state of one living agent: `stored`, else `initial`, which is asked when it begins."""

    def __init__(
        self,
        shape: Shape[S],
        *,
        owner: str,
        stored: bytes | None,
        whole: bool,
        initial: Callable[[], object],
        save: Callable[[bytes], asyncio.Future[int]],
        validate: Callable[[S, Source], object],
        committed: Change,
    ) -> None:
        self._shape = shape
        self._owner = owner
        self._stored = stored
        self._whole = whole
        self._initial = initial
        self._save = save
        self._validate = validate
        self._announce = committed
        self._current: bytes | None = None
        self._committed: bytes | None = None
        self._last: asyncio.Future[int] | None = None

    @property
    def encoded(self) -> bytes | None:
        """The state as JSON; None when there is none."""
        return self._current

    @property
    def value(self) -> S:
        """A new copy of the state."""
        if self._current is not None:
            return self._shape.decode(self._current)
        try:
            return self._shape.decode(b"null")  # a type that allows None says that there may be no state
        except ShapeError:
            raise InvalidState(
                f"{self._owner} has no state yet: give its class an initial_state, or await set_state first"
            ) from None

    async def begin(self) -> None:
        """Raises `StateUnreadable` when what is stored is damaged, or does not fit today's type.

        An initial state is kept with its first change, and is no change itself.
        """
        if self._stored is not None:
            self._load(self._stored)
        elif (initial := self._initial()) is not NO_STATE:
            self._current = self._committed = self._encode(initial)

    def _load(self, stored: bytes) -> None:
        if not self._whole:
            raise StateUnreadable(
                f"the stored state of {self._owner} is damaged, and was left as it is: "
                "restore the file from a backup"
            )
        try:
            self._shape.decode(stored)
        except ShapeError as error:
            raise StateUnreadable(
                f"the stored state of {self._owner} does not fit its type: {error}; it was left as it is"
            ) from error
        self._current = self._committed = stored

    async def replace(self, value: object, source: Source) -> None:
        """Validates, lets `validate` refuse, commits, announces; durable when it returns.

        Takes effect for readers before it first waits; undone when the commit fails. What is done for a
        readonly connection changes nothing: `ReadonlyConnection`.
        """
        asking = current_agent().connection if source == "server" else source
        if asking is not None and asking.is_readonly:
            raise ReadonlyConnection
        encoded = self._encode(value)
        self._validate(self._shape.decode(encoded), source)
        written = self._last = self._save(encoded)
        self._current = encoded
        written.add_done_callback(lambda done: self._written(encoded, source, done))
        await asyncio.shield(written)

    @property
    def unsettled(self) -> Awaitable[object] | None:
        """What ends when all changes so far are committed, or have failed; None when they are."""
        return None if self._last is None or self._last.done() else asyncio.wait([self._last])

    async def settled(self) -> None:
        """Returns when all changes so far are committed, or have failed."""
        if (unsettled := self.unsettled) is not None:
            await unsettled

    def _written(self, encoded: bytes, source: Source, done: asyncio.Future[int]) -> None:
        # A callback, so that it happens also when the caller of `replace` was cancelled, and in commit order.
        if done.cancelled() or done.exception() is not None:
            if self._current is encoded:
                self._current = self._committed
            return
        self._committed = encoded
        self._announce(encoded, source)

    def _encode(self, value: object) -> bytes:
        try:
            return self._shape.encode(value)
        except ShapeError as error:
            raise InvalidState(f"this cannot be the state of {self._owner}: {error}") from error
