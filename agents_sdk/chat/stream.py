"""What was sent of one answer: the same chunks, with the same numbers, for those that come later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from agents_sdk import protocol
from agents_sdk.chat.builder import Builder
from agents_sdk.chat.rewrite import rewritten
from agents_sdk.chat.shapes import Chunk, Message
from agents_sdk.connection import Connection

__all__ = ["Log", "Stream"]


class Log(Protocol):
    """Where the chunks are kept."""

    def put(self, body: str) -> None:
        """The next one, as JSON."""

    async def flush(self) -> None:
        """Returns when all so far is on the disk."""

    def close(self) -> None:
        """No more is kept."""


class Stream:
    """The chunks of one answer, and the message that they make.

    `waiting` are the connections that were told of it and have not acknowledged: they are sent none of it.
    """

    def __init__(
        self,
        request: str,
        message: Message,
        *,
        continuation: bool,
        origin: Connection | None,
        owner: Connection | None,
        began: Callable[[Stream], None],
        send: Callable[[Stream, str], None],
        log: Log,
        watch: Callable[[int, str], None] = lambda _seq, _body: None,
    ) -> None:
        """`began` is called before the first chunk is sent by `send`; `watch` with each that is."""
        self.request = request
        self.continuation = continuation
        self.origin = origin
        """Who submitted what it answers: that one never waits."""
        self.owner = owner
        """Whose tool the answer goes on after."""
        self.waiting: set[Connection] = set()
        self.heard: set[Connection] = set()
        """Who was sent some of it, as it came or after an acknowledgement."""
        self.begun = False
        self.message_id: str = message["id"]
        """The id of the message that it makes, which a model may give with the first chunk."""
        self._forced = ""
        self._hold: Callable[[Chunk], bool] | None = None
        self._closed = False
        self.answered = False
        """Clients have answered calls of it, which its chunks do not say."""
        self.cut_back = False
        """Clients may have more of it than it goes on with: they are sent the transcript first."""
        self._builder = Builder(message)
        self._bodies: list[str] = []
        self.size = 0
        """Characters of its chunks."""
        self._began = began
        self._send = send
        self._log = log
        self._watch = watch

    @property
    def message(self) -> Message:
        """What was made so far, a copy."""
        return self._builder.message

    def begin_anew(self, hold: Callable[[Chunk], bool]) -> None:
        """It makes the same message as an attempt before: nothing is sent while `hold` is true."""
        self._forced = self.message_id
        self._hold = hold

    @property
    def is_taken_up(self) -> bool:
        """Clients have seen some of it that an attempt before a crash sent."""
        return bool(self._forced) or self.cut_back

    @property
    def is_held(self) -> bool:
        """What was put so far was not sent."""
        return self._hold is not None

    @property
    def shown(self) -> list[str]:
        """The bodies of the chunks that were sent."""
        return [*self._bodies] if self._hold is None else []

    def release(self) -> None:
        """Sends what was held; no-op when nothing is."""
        if self._hold is not None and not self._closed:
            self._hold = None
            for seq, body in enumerate(self._bodies):
                self._show(seq, body)

    def put(self, chunk: Chunk) -> None:
        """Sends the next chunk at once, and keeps it; raises `InvalidChunk`."""
        if self._forced and chunk.get("type") == "start":
            chunk = chunk | {"messageId": self._forced}
        for one in self._builder.apply(chunk):
            if one["type"] == "start" and not self.continuation:
                self.message_id = one.get("messageId") or self.message_id
            self._put(rewritten(one, message_id=self.message_id, continuation=self.continuation))

    def answer(self, frame: protocol.ToolResult | protocol.ToolApproval) -> bool:
        """Takes what a client says of a call, for the log, too; false if nothing changes."""
        changed = self._builder.answer(frame)
        if changed:
            self.answered = True
            self._log.put(frame.model_dump_json())
        return changed

    async def flushed(self) -> None:
        """Returns when all so far is on the disk."""
        await self._log.flush()

    def discard(self) -> None:
        """The chat was cleared: no more of it is kept, and nobody gets any of it again."""
        self._bodies.clear()
        self._log.close()

    def close(self) -> Message:
        """No more chunks come, and what is held is never sent; the message."""
        self._closed = True
        self._builder.close()
        return self._builder.message

    def replay(self, *, shown: bool = False) -> Iterator[protocol.ChatResponse]:
        """Every chunk, as it was numbered.

        `shown`: the client may have a transcript with all of it. Of what goes on in a message only the first
        chunk is sent then: clients would put the rest behind what they have.
        """
        for seq, body in enumerate(self._bodies[:1] if shown and self.continuation else self._bodies):
            yield protocol.ChatResponse(
                id=self.request, body=body, seq=seq, replay=True, continuation=self.continuation
            )

    def replayed(self) -> protocol.ChatResponse:
        """What says that the replay is complete, and that live chunks follow."""
        return protocol.ChatResponse(
            id=self.request, replay=True, replay_complete=True, continuation=self.continuation
        )

    def _put(self, chunk: Chunk) -> None:
        body = protocol.chunk_body(chunk)
        self._bodies.append(body)
        self.size += len(body)
        if self._hold is None:
            self._show(len(self._bodies) - 1, body)
        elif not self._hold(chunk):
            self.release()

    def _show(self, seq: int, body: str) -> None:
        if not self.begun:
            self.begun = True
            self._began(self)
        frame = protocol.ChatResponse(id=self.request, body=body, seq=seq, continuation=self.continuation)
        self._send(self, protocol.encode(frame))
        self._log.put(body)
        self._watch(seq, body)
