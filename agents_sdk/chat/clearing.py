"""A chat is emptied: what is under way ends, everything is deleted, and those who see it are told."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from agents_sdk import protocol
from agents_sdk.chat.accepted import Accepted
from agents_sdk.chat.chat import Chat
from agents_sdk.chat.stream import Stream
from agents_sdk.connection import Connection
from agents_sdk.security.log import audited

__all__ = ["empty"]


@dataclass(frozen=True, slots=True)
class _Ended:
    """The turns that a clear has ended."""

    active: Accepted | None
    stream: Stream | None
    """Of the active one."""
    dropped: Sequence[Accepted]

    def all_cleared(self, cleared: bool) -> None:
        for turn in (*self.dropped, *([self.active] if self.active is not None else ())):
            turn.cleared = cleared


async def empty(chat: Chat, *, without: Collection[Connection] = ()) -> None:
    """Ends all turns, deletes everything, tells all but these. Nothing of it comes back.

    If that cannot be stored, everything is there again but the answer that was under way, which ends as it
    is; all are told so, and it raises why. It goes on when who waits for it is cancelled: as the answer is
    that empties its own chat.
    """
    ended = _ended(chat)
    made = [] if ended.stream is None else [ended.stream.message_id]
    written = chat.rows.write(chat.forget(made))
    await asyncio.shield(chat.spawn(_settle(chat, ended, written, without)))
    await asyncio.shield(written)  # which raises, if it was not stored


def _ended(chat: Chat) -> _Ended:
    active = chat.turns.active
    ended = _Ended(active, None if active is None else active.stream, chat.turns.queued)
    ended.all_cleared(True)
    for turn in ended.dropped:
        chat.turns.drop(turn)
    if active is not None:
        chat.answers.abort(active)
    if ended.stream is not None:
        ended.stream.discard()
    return ended


async def _settle(
    chat: Chat, ended: _Ended, written: asyncio.Future[None], without: Collection[Connection]
) -> None:
    await asyncio.wait([written])
    if written.exception() is not None:
        await _take_back(chat, ended)
        return
    for turn in ended.dropped:
        chat.end_unrun(turn)
    chat.tell(protocol.ChatClear(), without=without)
    audited("clear", chat)


async def _take_back(chat: Chat, ended: _Ended) -> None:
    """Nothing was deleted, also for those whose screens are empty."""
    if ended.active is not None:  # it ends as one of which nothing is kept
        await chat.result(ended.active)
    await chat.reload()
    ended.all_cleared(False)
    try:
        if ended.active is not None:
            await chat.answers.keep(ended.active, ended.stream)
    finally:
        chat.show()
        chat.turns.put_back(ended.dropped)
