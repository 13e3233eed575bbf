"""A turn that was accepted: what is kept of it, and how it stands."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from agents_sdk import protocol
from agents_sdk.chat.resume import Ending, Expected
from agents_sdk.chat.rows import KeptTurn
from agents_sdk.chat.shapes import Chunk, Message
from agents_sdk.chat.stream import Stream
from agents_sdk.chat.turn import TurnResult, TurnStatus
from agents_sdk.connection import Connection

__all__ = ["Accepted", "Interrupted", "Watching"]


class Watching(Protocol):
    """A parent that this agent answers as a tool."""

    @property
    def wanted(self) -> bool:
        """Whether it still wants an answer."""

    def chunk(self, seq: int, body: str) -> None:
        """A chunk was sent."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """What the end of a process has left of an answer."""

    message: Message
    """As clients saw it."""
    chunks: tuple[Chunk, ...]


@dataclass(slots=True, eq=False, kw_only=True)
class Accepted:
    """In memory; `kept` is its row."""

    kept: KeptTurn
    stored: asyncio.Future[None]
    """Done when its row is committed."""
    ready: asyncio.Future[None]
    """Done when it may run; cancelled when it is dropped."""
    origin: Connection | None = None
    """Who submitted it."""
    owner: Connection | None = None
    """Whose tool it goes on after."""
    ended: asyncio.Future[TurnResult] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    stream: Stream | None = None
    reading: asyncio.Task[bool] | None = None
    interrupted: Interrupted | None = None
    """It is taken up again."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Nothing is read any more, or nobody waits for it."""
    watching: list[Watching] = field(default_factory=list)
    """Who is shown each chunk that is sent."""
    overhead: int | None = None
    """What the provider counted beside the messages of its prompt."""
    aborted: bool = False
    cleared: bool = False
    """The chat was cleared since: nothing of it is stored any more."""

    @property
    def continuation(self) -> bool:
        """It goes on with a message."""
        return self.kept.kind == "continuation"

    @property
    def expected(self) -> Expected | None:
        """What those who come now are told of it; None when it streams already."""
        if self.stream is not None and self.stream.begun:
            return None
        return Expected(self.kept.request, self.origin, self.continuation, self.owner)

    async def committed(self) -> None:
        """Returns when its row is, whatever becomes of who waits; raises `StoreError`."""
        await asyncio.shield(self.stored)

    def watched(self, seq: int, body: str) -> None:
        """Shows a chunk."""
        for one in self.watching:
            one.chunk(seq, body)

    def end(self, status: TurnStatus, error: str | None = None) -> None:
        """Tells whoever awaits it."""
        if not self.ended.done():
            self.ended.set_result(TurnResult(self.kept.request, status, error))

    def last(self, **said: object) -> protocol.ChatResponse:
        """A frame that ends its request, or says why it fails."""
        ids = list(self.kept.message_ids) or None
        return protocol.ChatResponse(
            id=self.kept.request, message_ids=ids, continuation=self.continuation
        ).model_copy(update=said)

    def skipped(self) -> protocol.ChatResponse:
        """What its submitter is told when it is not run."""
        return self.last(done=True, outcome="skipped")

    def aborting(self) -> Ending:
        """What all are told when it is not run as nobody wants it any more."""
        return Ending((self.last(done=True, outcome="aborted"),))
