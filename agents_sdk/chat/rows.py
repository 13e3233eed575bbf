"""What chats keep in the engine's store: their tables, and the statements that change them."""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from agents_sdk.agent_tools.rows import ending
from agents_sdk.chat.intact import alone, damaged, in_order, turn_crc
from agents_sdk.chat.shapes import Message, text_of
from agents_sdk.chat.turn import AnswerStatus
from agents_sdk.checksum import checksum, is_whole, joined
from agents_sdk.storage import CHAT
from workflows import Statement, Store

__all__ = ["All", "ChatRows", "Context", "KeptTurn", "Placed"]

_LONGEST = 1 << 20  # bytes of a message in one row

_MESSAGE = "INSERT INTO chat_message(agent, id, part, place, body, crc) VALUES(?, ?, ?, ?, ?, ?)"
_UNMESSAGE = "DELETE FROM chat_message WHERE agent = ? AND id = ?"
_PLACE = "UPDATE chat_message SET place = ? WHERE agent = ? AND id = ?"
_MESSAGES = "SELECT id, place, part, body, crc FROM chat_message WHERE agent = ? ORDER BY place, id, part"
_TURN = """
INSERT INTO chat_turn(agent, first, request, kind, attempt, answer, after, ids, body, tools, created, crc)
VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_TURNS = """
SELECT first, request, kind, attempt, answer, after, ids, body, tools, created, error, crc
FROM chat_turn WHERE agent = ? ORDER BY n
"""
_AGAIN = "UPDATE chat_turn SET request = ?, attempt = ? WHERE agent = ? AND first = ?"
_FAILED = "UPDATE chat_turn SET error = ? WHERE agent = ? AND first = ?"
_UNTURN = "DELETE FROM chat_turn WHERE agent = ? AND first = ?"
_CHUNKS = "INSERT INTO chat_chunk(agent, first, seq, body, crc) VALUES(?, ?, ?, ?, ?)"
_UNCHUNKS = "DELETE FROM chat_chunk WHERE agent = ? AND first = ?"
_UNFAILED_CHUNKS = """
DELETE FROM chat_chunk WHERE agent = ?1
AND first IN (SELECT first FROM chat_turn WHERE agent = ?1 AND error IS NOT NULL)
"""
_UNFAILED = "DELETE FROM chat_turn WHERE agent = ? AND error IS NOT NULL"
_CONTEXT = """
INSERT INTO chat_context(agent, body, tools, crc) VALUES(?, ?, ?, ?)
ON CONFLICT(agent) DO UPDATE SET body = excluded.body, tools = excluded.tools, crc = excluded.crc
"""
_CLEARED = "INSERT INTO chat_cleared(agent, digests, crc) VALUES(?, ?, ?)"
_NOTE = """
INSERT INTO chat_note(agent, key, body, crc) VALUES(?, ?, ?, ?)
ON CONFLICT(agent, key) DO UPDATE SET body = excluded.body, crc = excluded.crc
"""
_UNNOTE = "DELETE FROM chat_note WHERE agent = ? AND key = ?"


@dataclass(frozen=True, slots=True)
class All:
    """An operation: all of these statements, or none."""

    statements: tuple[Statement, ...]

    def __call__(self, connection: sqlite3.Connection) -> None:
        for statement in self.statements:
            statement(connection)

    @property
    def size(self) -> int:
        """Bytes of text and blobs, about."""
        return sum(statement.size for statement in self.statements)


@dataclass(frozen=True, slots=True)
class Placed:
    """A message where it stands: by `place`, a number that only orders."""

    place: float
    message: Message


@dataclass(frozen=True, slots=True)
class Context:
    """What a client gave with its request, besides messages."""

    body: dict[str, Any] | None = None
    client_tools: list[dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTurn:
    """A turn from its acceptance to its end; with an `error` one that was given up."""

    first: str
    """The request that it was accepted for; it stays over all attempts."""
    request: str
    """The request under which it is sent."""
    kind: str
    attempt: int
    """How often it was taken up again."""
    answer: str
    """The id of the message that it makes, or goes on with."""
    after: str | None
    """The id of the message behind which the answer stands; None: at the end."""
    message_ids: tuple[str, ...]
    context: Context
    created: float
    error: str | None = None


class ChatRows:
    """The rows of one agent."""

    def __init__(self, store: Store, agent: int) -> None:
        self._store = store
        self._agent = agent
        self._last: asyncio.Future[None] | None = None

    def write(self, statements: Iterable[Statement]) -> asyncio.Future[None]:
        """Queues all of them as one; a future that resolves after COMMIT."""
        self._last = self._store.write(All(tuple(statements)))
        return self._last

    async def settled(self) -> None:
        """Returns when everything so far is committed, or has failed."""
        if self._last is not None and not self._last.done():
            await asyncio.wait([self._last])

    async def room(self) -> None:
        """Waits while the disk is far behind."""
        await self._store.room()

    async def messages(self) -> list[Placed]:
        """All messages, in their order."""
        rows = await self._all_messages()
        found: list[Placed] = []
        for (id, place), parts in itertools.groupby(rows, key=lambda row: row[:2]):
            bodies: list[bytes] = []
            for _, _, part, body, crc in parts:
                if part != len(bodies) or not is_whole(crc, body, self._agent, id, part):
                    raise damaged(f'message "{id}"')
                bodies.append(body)
            found.append(Placed(place, json.loads(b"".join(bodies))))
        return found

    async def _all_messages(self) -> Sequence[Any]:
        """As they are when no write is under way: one that comes while they are read may not be in them."""
        while True:
            await self.settled()
            last = self._last
            rows = await self._store.read(_MESSAGES, (self._agent,))
            if self._last is last:
                return rows

    async def turns(self) -> list[KeptTurn]:
        """All unfinished turns, and the one that was given up, in the order of acceptance."""
        return [self._turn(*row) for row in await self._store.read(_TURNS, (self._agent,))]

    async def chunks(self, first: str) -> list[bytes]:
        """What was kept of an answer, in order: each a JSON array of chunks."""
        sql = "SELECT seq, body, crc FROM chat_chunk WHERE agent = ? AND first = ? ORDER BY seq"
        return [*in_order(await self._store.read(sql, (self._agent, first)), self._agent, first)]

    async def context(self) -> Context:
        """What the last request gave."""
        sql = "SELECT body, tools, crc FROM chat_context WHERE agent = ?"
        found = alone(await self._store.read(sql, (self._agent,)), "the last request", self._agent)
        return Context(*map(json.loads, found)) if found else Context()

    async def note(self, key: str) -> Any:
        """What is kept under a key; None when nothing is."""
        sql = "SELECT body, crc FROM chat_note WHERE agent = ? AND key = ?"
        rows = await self._store.read(sql, (self._agent, key))
        found = alone(rows, f'the note "{key}"', self._agent, key)
        return json.loads(found[0]) if found else None

    async def cleared(self) -> bytes:
        """What is kept of the ids of messages that clears have deleted."""
        sql = "SELECT digests, crc FROM chat_cleared WHERE agent = ?"
        found = alone(await self._store.read(sql, (self._agent,)), "what was cleared", self._agent)
        return bytes(found[0]) if found else b""

    def put_message(self, placed: Placed) -> list[Statement]:
        """Stores a message, or what has become of it."""
        id = placed.message["id"]
        body = _json(placed.message)
        pieces = [body[at : at + _LONGEST] for at in range(0, len(body), _LONGEST)]
        return [
            self.drop_message(id),
            *(
                Statement(
                    _MESSAGE,
                    (self._agent, id, part, placed.place, piece, checksum(piece, self._agent, id, part)),
                )
                for part, piece in enumerate(pieces)
            ),
        ]

    def place_message(self, placed: Placed) -> Statement:
        """A message stands elsewhere."""
        return Statement(_PLACE, (placed.place, self._agent, placed.message["id"]))

    def drop_message(self, id: str) -> Statement:
        """Deletes a message."""
        return Statement(_UNMESSAGE, (self._agent, id))

    def put_turn(self, turn: KeptTurn) -> Statement:
        """Keeps a turn until it is dropped."""
        said = _json(turn.message_ids), _json(turn.context.body), _json(turn.context.client_tools)
        crc = turn_crc(self._agent, turn.first, turn.kind, turn.answer, turn.after, *said, turn.created)
        return Statement(
            _TURN,
            (
                self._agent, turn.first, turn.request, turn.kind, turn.attempt, turn.answer, turn.after,
                *said, turn.created, crc,
            ),
        )  # fmt: skip

    def again(self, turn: KeptTurn) -> Statement:
        """Counts an attempt, before it is made."""
        return Statement(_AGAIN, (turn.request, turn.attempt, self._agent, turn.first))

    def give_up(self, first: str, error: str) -> Statement:
        """The turn stays with its chunks, to be shown."""
        return Statement(_FAILED, (error, self._agent, first))

    def drop_turn(self, first: str) -> list[Statement]:
        """Deletes a turn and its chunks."""
        return [self.drop_chunks(first), Statement(_UNTURN, (self._agent, first))]

    def end_run(
        self,
        turn: KeptTurn,
        status: AnswerStatus,
        message: Message | None,
        bodies: list[str],
        error: str | None,
    ) -> list[Statement]:
        """With the end of a turn that is a run of an agent tool, the run ends."""
        if turn.kind != "tool":
            return []
        text = "" if message is None else text_of(message)
        return [ending(self._agent, turn.first, status, text, bodies, error)]

    def drop_failed(self) -> list[Statement]:
        """Deletes what was given up."""
        return [Statement(_UNFAILED_CHUNKS, (self._agent,)), Statement(_UNFAILED, (self._agent,))]

    def put_chunks(self, first: str, seq: int, bodies: Sequence[str]) -> Statement:
        """Stores chunks, each as JSON, of which the first one has the number `seq`."""
        body = f"[{','.join(bodies)}]".encode()
        return Statement(_CHUNKS, (self._agent, first, seq, body, checksum(body, self._agent, first, seq)))

    def drop_chunks(self, first: str) -> Statement:
        """Deletes what is kept of an answer."""
        return Statement(_UNCHUNKS, (self._agent, first))

    def put_context(self, context: Context) -> Statement:
        """Stores what the turns that follow this request are given."""
        said = _json(context.body), _json(context.client_tools)
        return Statement(_CONTEXT, (self._agent, *said, checksum(joined(*said), self._agent)))

    def put_note(self, key: str, value: object) -> Statement:
        """Keeps a JSON value under a key; None deletes."""
        if value is None:
            return Statement(_UNNOTE, (self._agent, key))
        body = _json(value)
        return Statement(_NOTE, (self._agent, key, body, checksum(body, self._agent, key)))

    def clear(self, digests: bytes) -> list[Statement]:
        """Deletes everything of the chat, and keeps this of what clears have deleted."""
        gone = [Statement(statement, (self._agent,)) for statement in CHAT.forget]
        kept = (self._agent, digests, checksum(digests, self._agent))
        return [*gone, Statement(_CLEARED, kept)]

    def _turn(self, first: str, request: str, kind: str, attempt: int, answer: str, *more: Any) -> KeptTurn:
        after, ids, body, tools, created, error, crc = more
        if crc not in (None, turn_crc(self._agent, first, kind, answer, after, ids, body, tools, created)):
            raise damaged(f'the turn for "{first}"')
        return KeptTurn(
            first=first,
            request=request,
            kind=kind,
            attempt=attempt,
            answer=answer,
            after=after,
            message_ids=tuple(json.loads(ids)),
            context=Context(json.loads(body), json.loads(tools)),
            created=created,
            error=error,
        )


def _json(value: object) -> bytes:
    return to_json(value, inf_nan_mode="null")
