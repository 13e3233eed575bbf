"""What becomes of the turns that a life finds unfinished: the process that ran them is gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agents_sdk import protocol
from agents_sdk.chat.accepted import Accepted, Interrupted
from agents_sdk.chat.accepting import new_id
from agents_sdk.chat.builder import Builder
from agents_sdk.chat.life import Chatting
from agents_sdk.chat.rows import ChatRows, KeptTurn
from agents_sdk.chat.shapes import Chunk, Message, last_assistant
from agents_sdk.chat.transcript import Transcript
from agents_sdk.connection import Connection
from workflows import Clock, Statement

__all__ = ["Failed", "Recovering"]

_ANSWERS: frozenset[type[protocol.ClientFrame]] = frozenset({protocol.ToolResult, protocol.ToolApproval})


@dataclass(frozen=True, slots=True)
class Failed:
    """A turn that was given up; it is shown until a client submits again, or clears."""

    kept: KeptTurn
    chunks: tuple[Chunk, ...]

    def show(self, connection: Connection) -> None:
        """Sends what was made of the answer, and why there is no more."""
        kept = self.kept
        continuation = kept.kind == "continuation"
        for seq, chunk in enumerate(self.chunks):
            frame = protocol.ChatResponse(
                id=kept.request,
                body=protocol.chunk_body(chunk),
                seq=seq,
                replay=True,
                continuation=continuation,
            )
            connection.send(protocol.encode(frame))
        ids = list(kept.message_ids) or None
        last = protocol.ChatResponse(
            id=kept.request, body=kept.error or "", done=True, error=True, message_ids=ids
        )
        connection.send(protocol.encode(last))


class Recovering:
    """Looks at each unfinished turn once, at the beginning of a life."""

    def __init__(self, agent: Chatting, rows: ChatRows, transcript: Transcript, clock: Clock) -> None:
        self._agent = agent
        self._rows = rows
        self._transcript = transcript
        self._clock = clock
        self.failed: Failed | None = None

    async def found(self) -> list[Accepted]:
        """The turns that are to be run, in their order; what is over is stored as it is."""
        turns: list[Accepted] = []
        statements: list[Statement] = []
        is_first = True
        for kept in await self._rows.turns():
            chunks = tuple(_items(await self._rows.chunks(kept.first)))
            if kept.error is not None:
                self.failed = Failed(kept, _chunks(chunks))
                continue
            if chunks or is_first:
                statements += self._take_up(self._aimed(kept), chunks, turns)
            else:  # it had not begun, as only the first one can
                turns.append(_accepted(kept, None))
            is_first = False
        if statements:
            await self._rows.write(statements)
        return turns

    async def load(self) -> None:
        """Reads which turn is stored as given up."""
        self.failed = None
        for kept in await self._rows.turns():
            if kept.error is not None:
                self.failed = Failed(kept, _chunks(tuple(_items(await self._rows.chunks(kept.first)))))

    def forget(self) -> list[Statement]:
        """A turn that was given up is shown no more."""
        self.failed = None
        return self._rows.drop_failed()

    def _aimed(self, kept: KeptTurn) -> KeptTurn:
        """A continuation went on in the last message of the assistant, whichever that was when it began."""
        last = last_assistant(self._transcript.messages)
        return kept if kept.kind != "continuation" or last is None else replace(kept, answer=last["id"])

    def _take_up(self, kept: KeptTurn, chunks: Sequence[Chunk], turns: list[Accepted]) -> list[Statement]:
        message = self._rebuilt(kept, chunks)
        if chunks and _waits_for_human(message.message, kept):
            return self._end(kept, message, chunks)
        is_over = any(chunk["type"] == "finish" for chunk in chunks)
        answers = [frame for chunk in chunks if (frame := _parsed(chunk)) is not None]
        if answers and (not is_over or any(frame.auto_continue for frame in answers)):
            return self._go_on(kept, message, chunks, turns)
        if is_over:
            return self._end(kept, message, chunks)
        if kept.attempt >= self._agent.recovery_attempts or self._is_old(kept):
            return self._give_up(kept, chunks, message)
        message.close(killed=True)
        shown = message.message
        again = replace(
            kept,
            request=new_id() if chunks else kept.request,
            answer=shown["id"],
            attempt=kept.attempt + 1,
        )
        turns.append(_accepted(again, Interrupted(shown, _chunks(chunks))))
        if not shown["parts"] or kept.kind == "continuation":
            return []  # a client cannot begin a continuation anew: it is shown what preceded it
        return self._transcript.put([shown], after=self._transcript.answered(kept.after))

    def _end(self, kept: KeptTurn, message: Builder, chunks: Sequence[Chunk]) -> list[Statement]:
        message.close()
        return [
            *self._rows.end_run(kept, "completed", message.message, _bodies(chunks), None),
            *self._transcript.put([message.message], after=self._transcript.answered(kept.after)),
            *self._rows.drop_turn(kept.first),
        ]

    def _go_on(
        self, kept: KeptTurn, message: Builder, chunks: Sequence[Chunk], turns: list[Accepted]
    ) -> list[Statement]:
        """A client has answered a call of it, which is not asked again: another turn goes on from there."""
        statements = self._end(kept, message, chunks)
        request = new_id()
        again = replace(
            kept,
            first=request,
            request=request,
            kind="continuation",
            answer=message.message["id"],
            after=None,
        )
        turns.append(_accepted(again, None))
        return [*statements, self._rows.put_turn(again)]

    def _give_up(self, kept: KeptTurn, chunks: Sequence[Chunk], message: Builder) -> list[Statement]:
        message.close()
        made = [message.message] if message.message["parts"] else []
        error = self._agent.recovery_error
        self.failed = Failed(replace(kept, error=error), _chunks(chunks))
        return [
            *self._rows.drop_failed(),
            *self._transcript.put(made, after=self._transcript.answered(kept.after)),
            self._rows.give_up(kept.first, error),
            *self._rows.end_run(kept, "error", message.message, _bodies(chunks), error),
        ]

    def _is_old(self, kept: KeptTurn) -> bool:
        return self._clock.now() - kept.created > self._agent.recovery_age

    def _rebuilt(self, kept: KeptTurn, items: Sequence[Chunk]) -> Builder:
        base = self._transcript.get(kept.answer) if kept.kind == "continuation" else None
        builder = Builder(base or {"id": kept.answer, "role": "assistant", "parts": []})
        for item in items:
            frame = _parsed(item)
            if frame is None:
                builder.apply(item)
            else:
                builder.answer(frame)
        return builder


def _accepted(kept: KeptTurn, interrupted: Interrupted | None) -> Accepted:
    stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    stored.set_result(None)
    return Accepted(kept=kept, stored=stored, ready=stored, interrupted=interrupted)


def _items(rows: Sequence[bytes]) -> Iterator[Chunk]:
    """Chunks, and between them what clients said of calls."""
    for row in rows:
        yield from json.loads(row)


def _chunks(items: Sequence[Chunk]) -> tuple[Chunk, ...]:
    return tuple(item for item in items if _parsed(item) is None)


def _bodies(items: Sequence[Chunk]) -> list[str]:
    return [protocol.chunk_body(chunk) for chunk in _chunks(items)]


def _parsed(item: Chunk) -> Any:
    if not item["type"].startswith("cf_agent_"):
        return None
    return protocol.parser(_ANSWERS)(json.dumps(item))


def _waits_for_human(message: Message, kept: KeptTurn) -> bool:
    tools = [tool.get("name") for tool in kept.context.client_tools or ()]  # of any type: clients say it
    return any(
        part.get("state") == "approval-requested"
        or (part.get("state") == "input-available" and part.get("toolName") in tools)
        for part in message["parts"]
    )
