"""Everything of one chat, as a part of its agent."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Coroutine, Sequence
from typing import Any

from agents_sdk import protocol
from agents_sdk.chat.accepted import Accepted, Watching
from agents_sdk.chat.accepting import Accepting, Asked
from agents_sdk.chat.answer import Answers
from agents_sdk.chat.cleared import Cleared
from agents_sdk.chat.continuing import Continuing
from agents_sdk.chat.life import Chatting, Life
from agents_sdk.chat.notes import ChatNotes
from agents_sdk.chat.reconcile import reconciled
from agents_sdk.chat.recovery import Recovering
from agents_sdk.chat.resume import Resuming
from agents_sdk.chat.rows import ChatRows, Context
from agents_sdk.chat.shapes import Message, last_assistant, origin
from agents_sdk.chat.transcript import Transcript
from agents_sdk.chat.turn import TurnResult
from agents_sdk.chat.turns import Turns
from agents_sdk.connection import Connection
from agents_sdk.part import Part
from workflows import Clock, Statement

__all__ = ["Chat"]

_ON_ITS_WAY = 60.0  # seconds


class Chat(Part):
    """What clients and the agent's own code do to a chat: it is committed before anybody is told."""

    def __init__(self, agent: Chatting, rows: ChatRows, life: Life, clock: Clock) -> None:
        self.agent = agent
        self.rows = rows
        self.notes = ChatNotes(rows)
        self._clock = clock
        self._cleared_at = -math.inf
        self._life = life
        self._connections = life.connections
        self.cleared = Cleared(rows)
        self.transcript = Transcript(
            rows,
            sanitized=agent.sanitize_message_for_persistence,
            most=lambda: agent.max_persisted_messages,
            needed=self._needed,
        )
        self.resuming = Resuming(
            life.connections, clock, expected=self._expected, transcript=lambda: self.transcript.frame
        )
        self.answers = Answers(
            life,
            rows,
            self.transcript,
            self.resuming,
            clock,
            store=self._store_end,
        )
        self.turns = Turns(life, clock, self.answers.run)
        self.accepting = Accepting(life, rows, self.turns, clock)
        self.recovering = Recovering(agent, rows, self.transcript, clock)
        self.continuing = Continuing(
            self.accepting,
            self.turns,
            self.transcript,
            life.connections,
            in_vain=self.resuming.settle,
        )

    def __str__(self) -> str:
        return f"the chat of {self._life}"

    async def begin(self) -> None:
        """Loads it, and takes up the turns that the life before has left: they run when it has started."""
        await self.transcript.load()
        await self.cleared.load()
        await self.accepting.load()
        for turn in await self.recovering.found():
            self.turns.add(turn)

    def rest(self) -> None:
        """No other turn begins."""
        self.turns.rest()

    def greet(self, connection: Connection) -> None:
        """Tells a new connection what is under way."""
        self.resuming.greet(connection)
        for turn in self.turns:
            if turn.interrupted is not None:
                recovering = protocol.ChatRecovering(recovering=True, id=turn.kept.first)
                connection.send(protocol.encode(recovering))

    async def resume(self, connection: Connection, probe: str | None) -> None:
        """Answers whether there is anything to resume, after what came before it."""
        async with self.continuing.order:
            failed = self.recovering.failed
            self.resuming.request(connection, probe, failed=None if failed is None else failed.kept.request)

    def acknowledge(self, connection: Connection, request: str) -> None:
        """Sends what the connection was offered; of what nobody knows any more, the end."""
        failed = self.recovering.failed
        if self.resuming.acknowledge(connection, request):
            return
        if failed is not None and failed.kept.request == request:
            failed.show(connection)
            return
        gone = protocol.ChatResponse(id=request, done=True, replay=True)
        connection.send(protocol.encode(gone))

    @property
    def cleared_lately(self) -> bool:
        """A client may not have heard of a clear when it sent what comes now."""
        return self._clock.now() - self._cleared_at < _ON_ITS_WAY

    async def keep(self, messages: Sequence[Message]) -> None:
        """Stores messages, and shows the transcript; no turn is run."""
        await self._store([*self.transcript.put(messages), *self.transcript.trim()])
        self.show()

    async def keep_for(self, connection: Connection, messages: Sequence[Message]) -> None:
        """Stores what a client has changed, and shows the transcript to the others; nothing is deleted."""
        incoming = self.without_streaming(messages)
        crossed = self.cleared_lately
        try:
            await self._store([*self.take_over(incoming, delete=False), *self.transcript.trim()])
        except Exception:
            connection.send(protocol.encode(self.transcript.frame))  # it shows what is not there
            raise
        self.show(without=[] if crossed else [connection])

    def without_streaming(self, messages: Sequence[Message]) -> list[Message]:
        """Of the message that is being made, no client knows more than this side."""
        active = self.turns.active
        streaming = None if active is None or active.stream is None else active.stream.message_id
        return [one for one in messages if one["id"] != streaming]

    def without_cleared(self, messages: Sequence[Message]) -> list[Message]:
        """Without what a clear has deleted: who submits that has not heard of the clear."""
        return self.cleared.without(messages, self.transcript.messages)

    def take_over(self, incoming: Sequence[Message], *, delete: bool = True) -> list[Statement]:
        """What a client shows, reconciled with what is here."""
        found = reconciled(
            self.transcript.messages,
            incoming,
            trust_stored=self.agent.trust_stored_history,
            sanitized=self.agent.sanitize_message_for_persistence,
        )
        removed = self.transcript.remove(found.removed) if delete else []
        return [*removed, *self.transcript.take_over(found.upserts, [one["id"] for one in incoming])]

    def show(self, *, without: Collection[Connection] = ()) -> None:
        """Sends the transcript."""
        self.tell(self.transcript.frame, without=without)

    def shown(self) -> protocol.ChatMessages:
        """The transcript, with what is being made."""
        active = self.turns.active
        stream = None if active is None else active.stream
        messages = self.transcript.messages
        if active is not None and stream is not None and stream.begun:
            made = stream.message
            known = [one["id"] for one in messages]
            if made["id"] in known:
                messages[known.index(made["id"])] = made
            else:
                behind = self.transcript.answered(active.kept.after)
                at = known.index(behind) + 1 if behind in known else len(known)
                messages.insert(at, made)
        return protocol.ChatMessages(messages=messages)

    async def cancel(self, request: str) -> None:
        """Nobody wants more of a turn; an unknown one is no error."""
        turn = self.turns.find(request)
        if turn is None:
            return
        if turn is self.turns.active:
            self.answers.abort(turn)
            return
        self.turns.drop(turn)
        try:
            await self.rows.write(self.rows.drop_turn(turn.kept.first))
        finally:  # whether that can be written or not, it is not run in this life
            self.end_unrun(turn)

    def forget(self, shown: Sequence[str]) -> list[Statement]:
        """Deletes everything but the turns, of which clients have seen messages with the ids `shown`."""
        self._cleared_at = self._clock.now()
        gone = [*(one["id"] for one in self.transcript.messages), *shown]
        self.transcript.clear()
        self.resuming.forget()
        self.continuing.forget()
        self.recovering.forget()
        self.accepting.context = Context()
        return self.cleared.clear(gone)

    async def reload(self) -> None:
        """Something could not be stored: what is in memory is again what is on the disk."""
        await self.transcript.load()
        await self.cleared.load()
        await self.accepting.load()
        await self.recovering.load()

    def spawn(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        """Runs `work` on its own, whatever becomes of who asked for it."""
        return self._life.spawn(work)

    def tell(self, frame: protocol.ChatServerFrame, *, without: Collection[Connection] = ()) -> None:
        """Sends a frame to all but these."""
        self._connections.send(protocol.encode(frame), without=without)

    def end_unrun(self, turn: Accepted) -> None:
        """A turn that was dropped: who waits for it is told."""
        turn.end("skipped")
        self.resuming.end_silently(turn.kept.request, turn.aborting())

    async def run(self, messages: Sequence[Message]) -> TurnResult:
        """Stores messages, and runs a turn for them."""
        statements = [*self.transcript.put(messages), *self.transcript.trim()]
        stored = self.transcript.messages
        after = stored[-1]["id"] if stored else None
        turn = self.accepting.accept(
            Asked(kind="server", after=after, message_ids=origin(stored)), statements
        )
        await turn.committed()
        self.show()
        return await self.result(turn)

    async def go_on(self, body: dict[str, Any] | None = None) -> TurnResult | None:
        """Runs a turn that goes on with the last message of the assistant; None when there is none."""
        last = last_assistant(self.transcript.messages)
        if last is None:
            return None
        told = [] if body is None else [self._told(body)]
        turn = self.accepting.accept(Asked(kind="continuation", answer=last["id"]), told)
        await turn.committed()
        return await self.result(turn)

    async def answer(self, run_id: str, text: str, watching: Watching) -> TurnResult | None:
        """Runs the turn of an agent tool, if there was none, and shows it to the parent; None: it is over."""
        turn = self.turns.find(run_id)
        if turn is None:
            if self.transcript.get(run_id) is not None:
                return None
            if not watching.wanted:
                return TurnResult(run_id, "aborted")
            asked = {"id": run_id, "role": "user", "parts": [{"type": "text", "text": text}]}
            statements = [*self.transcript.put([asked]), *self.transcript.trim()]
            turn = self.accepting.accept(
                Asked(kind="tool", request=run_id, after=run_id, message_ids=[run_id]), statements
            )
            turn.stored.add_done_callback(self._stored)
        for frame in () if turn.stream is None or turn.stream.is_held else turn.stream.replay():
            watching.chunk(frame.seq or 0, frame.body)
        turn.watching.append(watching)
        try:
            return await self.result(turn)
        finally:
            turn.watching.remove(watching)

    async def result(self, turn: Accepted) -> TurnResult:
        """How it has ended, when it has."""
        with self._clock.waiting():
            return await asyncio.shield(turn.ended)

    def refuse_inside(self, verb: str) -> None:
        """Raises when the turn that is under way would wait for itself."""
        active = self.turns.active
        if active is not None and active.reading is asyncio.current_task():
            raise RuntimeError(
                f"{verb} inside on_chat_message would wait for its own turn to end: "
                f"call self.spawn(self.{verb}(…)), or do it in on_chat_response"
            )

    async def _store(self, statements: list[Statement]) -> None:
        try:
            await asyncio.shield(self.rows.write(statements))
        except Exception:
            await self.reload()
            raise

    def _store_end(
        self, message: Message | None, statements: list[Statement], completed: bool
    ) -> asyncio.Future[None]:
        return self.continuing.end(message, statements, completed)

    def _stored(self, stored: asyncio.Future[None]) -> None:
        if not stored.cancelled() and stored.exception() is None:
            self.show()

    def _told(self, body: dict[str, Any]) -> Any:
        return self.accepting.told(body=body, client_tools=self.accepting.context.client_tools)

    def _needed(self) -> set[str]:
        """Behind these, answers are still to come."""
        return {one.kept.after or one.kept.answer for one in self.turns if not one.over.is_set()}

    def _expected(self) -> list[Any]:
        return [*self.turns.expected(), *self.continuing.expected()]
