"""Turns are accepted: each is a row, in one operation with whatever it is about."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents_sdk.chat.accepted import Accepted
from agents_sdk.chat.life import Life
from agents_sdk.chat.rows import ChatRows, Context, KeptTurn
from agents_sdk.chat.turns import Turns
from agents_sdk.connection import Connection
from workflows import Clock, Statement

__all__ = ["Accepting", "Asked", "new_id"]


def new_id() -> str:
    """An id of a message or a request that nobody else has."""
    return secrets.token_urlsafe(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a turn is to be."""

    kind: str
    request: str = field(default_factory=new_id)
    after: str | None = None
    """The message behind which the answer stands; None: at the end."""
    answer: str = field(default_factory=new_id)
    """The message that is made, or continued."""
    message_ids: Sequence[str] = ()
    origin: Connection | None = None
    owner: Connection | None = None
    delay: float = 0.0
    """Seconds from its commit until it may run."""


class Accepting:
    """Accepts turns, with what the last client has said besides messages."""

    def __init__(self, life: Life, rows: ChatRows, turns: Turns, clock: Clock) -> None:
        self._life = life
        self._rows = rows
        self._turns = turns
        self._clock = clock
        self.context = Context()

    async def load(self) -> None:
        """Reads what is stored."""
        self.context = await self._rows.context()

    def told(self, *, body: dict[str, Any] | None, client_tools: list[dict[str, Any]] | None) -> Statement:
        """This is what later turns are given."""
        self.context = Context(body, client_tools)
        return self._rows.put_context(self.context)

    def accept(self, asked: Asked, statements: Iterable[Statement], *, first: bool = False) -> Accepted:
        """A turn that is durable when it is `stored`; `first`: it comes before those that wait."""
        kept = KeptTurn(
            first=asked.request,
            request=asked.request,
            kind=asked.kind,
            attempt=0,
            answer=asked.answer,
            after=asked.after,
            message_ids=tuple(asked.message_ids),
            context=self.context,
            created=self._clock.now(),
        )
        stored = self._rows.write([*statements, self._rows.put_turn(kept)])
        ready = self._later(stored, asked.delay) if asked.delay else stored
        turn = Accepted(kept=kept, stored=stored, ready=ready, origin=asked.origin, owner=asked.owner)
        self._turns.add(turn, first=first)
        return turn

    def write(self, statements: Iterable[Statement]) -> asyncio.Future[None]:
        """Without a turn."""
        return self._rows.write(statements)

    def _later(self, stored: asyncio.Future[None], delay: float) -> asyncio.Future[None]:
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._life.spawn(self._wait(stored, delay, ready))
        return ready

    async def _wait(self, stored: asyncio.Future[None], delay: float, ready: asyncio.Future[None]) -> None:
        await asyncio.wait([stored])
        if stored.exception() is None:
            await self._clock.sleep(delay)
        if not ready.done():
            ready.set_result(None)
