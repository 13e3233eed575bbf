"""Tools of clients and approvals: the answer goes on when all that it waits for is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agents_sdk import protocol
from agents_sdk.chat.accepted import Accepted
from agents_sdk.chat.accepting import Accepting, Asked, new_id
from agents_sdk.chat.resume import Expected
from agents_sdk.chat.shapes import Message
from agents_sdk.chat.stream import Stream
from agents_sdk.chat.tools import holder, unresolved, with_approval, with_result
from agents_sdk.chat.transcript import Transcript
from agents_sdk.chat.turns import Turns
from agents_sdk.connection import Connection
from agents_sdk.connections import Connections
from workflows import Statement

__all__ = ["Continuing"]

_TOGETHER = 0.05  # seconds in which more results come for the same turn


@dataclass(frozen=True, slots=True)
class _Wish:
    """A client wants an answer to go on after its tool."""

    request: str
    owner: Connection


class Continuing:
    """What clients say of calls, in the order in which they say it."""

    def __init__(
        self,
        accepting: Accepting,
        turns: Turns,
        transcript: Transcript,
        connections: Connections,
        *,
        in_vain: Callable[[str], None],
    ) -> None:
        """`in_vain` hears of requests that were promised, and will not be."""
        self._accepting = accepting
        self._in_vain = in_vain
        self._turns = turns
        self._transcript = transcript
        self._connections = connections
        self._wishes: dict[str, _Wish] = {}
        self.order = asyncio.Lock()
        """Held until clients were told of a change: what comes behind it is answered after that."""

    async def take(self, connection: Connection, frame: protocol.ToolResult | protocol.ToolApproval) -> None:
        """Stores it, shows the message to all, and lets the answer go on if it is time; else is dropped."""
        async with self.order:
            active = self._turns.active
            if active is not None and active.cleared:
                return  # its client has not heard of that
            if active is not None and active.stream is not None and active.stream.answer(frame):
                await self._take_meanwhile(active, active.stream, connection, frame)
                return
            found = holder(self._transcript.messages, frame.tool_call_id)
            changed = None if found is None else _with(found, frame)
            if changed is None:
                return
            self._wish(changed["id"], connection, frame)
            try:
                await self._store(changed, [*self._transcript.put([changed]), *self._told(frame)])
            except Exception:
                await self._transcript.load()
                self._show_stored(changed["id"])  # its client shows that it is answered
                raise
            self._show_stored(changed["id"])

    async def _take_meanwhile(
        self,
        active: Accepted,
        stream: Stream,
        connection: Connection,
        frame: protocol.ToolResult | protocol.ToolApproval,
    ) -> None:
        """The answer still comes: what is said of its call goes into its log."""
        self._wish(stream.message_id, connection, frame)
        if told := self._told(frame):
            self._accepting.write(told)
        await stream.flushed()
        if not active.cleared:
            self._show(stream.message)

    def _told(self, frame: protocol.ToolResult | protocol.ToolApproval) -> list[Statement]:
        if not isinstance(frame, protocol.ToolResult) or frame.client_tools is None:
            return []
        body = self._accepting.context.body
        return [self._accepting.told(body=body, client_tools=frame.client_tools)]

    def end(
        self, message: Message | None, statements: list[Statement], completed: bool
    ) -> asyncio.Future[None]:
        """An answer ends with these statements: what was said of its calls meanwhile counts now."""
        if message is not None and completed:
            turn = self._go_on(message, statements, ends=True)
            if turn is not None:
                return turn.stored
        elif message is not None:
            self._forget(message["id"])
        return self._accepting.write(statements)

    def expected(self) -> list[Expected]:
        """Turns that will be accepted when the answer under way has ended."""
        active = self._turns.active
        if active is None or active.stream is None:
            return []
        wish = self._wishes.get(active.stream.message_id)
        if wish is None or unresolved(active.stream.message):
            return []
        return [Expected(wish.request, None, True, wish.owner)]

    def forget(self) -> None:
        """The chat was cleared."""
        for message in list(self._wishes):
            self._forget(message)

    def _forget(self, message: str) -> None:
        """The answer will not go on."""
        if (wish := self._wishes.pop(message, None)) is not None:
            self._in_vain(wish.request)

    def _wish(
        self, message: str, connection: Connection, frame: protocol.ToolResult | protocol.ToolApproval
    ) -> None:
        failed = isinstance(frame, protocol.ToolResult) and frame.state == "output-error"
        if frame.auto_continue and not failed and message not in self._wishes:
            self._wishes[message] = _Wish(new_id(), connection)

    async def _store(self, message: Message, statements: list[Statement]) -> None:
        turn = self._go_on(message, statements)
        await asyncio.shield(self._accepting.write(statements) if turn is None else turn.stored)

    def _go_on(
        self, message: Message, statements: Iterable[Statement], *, ends: bool = False
    ) -> Accepted | None:
        """Accepts a turn, when a client wants one, and nothing is waited for; statements come with it."""
        if message["id"] not in self._wishes or unresolved(message):
            return None
        if self._is_streaming(message) and not ends:
            return None
        wish = self._wishes.pop(message["id"])
        asked = Asked(
            kind="continuation",
            request=wish.request,
            answer=message["id"],
            owner=wish.owner,
            delay=_TOGETHER,
        )
        return self._accepting.accept(asked, statements, first=True)

    def _is_streaming(self, message: Message) -> bool:
        active = self._turns.active
        return active is not None and active.stream is not None and active.stream.message_id == message["id"]

    def _show_stored(self, id: str) -> None:
        message = self._transcript.get(id)
        if message is not None:  # else the chat was cleared meanwhile
            self._show(message)

    def _show(self, message: Message) -> None:
        self._connections.send(protocol.encode(protocol.MessageUpdated(message=message)))


def _with(message: Message, frame: protocol.ToolResult | protocol.ToolApproval) -> Message | None:
    if isinstance(frame, protocol.ToolResult):
        return with_result(message, frame)
    return with_approval(message, frame)
