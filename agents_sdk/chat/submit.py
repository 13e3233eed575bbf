"""A client submits: its messages are reconciled and stored, and a turn is accepted for them, or not."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence

from agents_sdk import protocol
from agents_sdk.chat.accepted import Accepted
from agents_sdk.chat.accepting import Asked
from agents_sdk.chat.chat import Chat
from agents_sdk.chat.policy import Decision, decide, merged
from agents_sdk.chat.shapes import Message, origin
from agents_sdk.connection import Connection
from workflows import Statement, StoreError

__all__ = ["submit"]

_log = logging.getLogger(__name__)

_TOO_MANY = "Too many questions wait for an answer here: ask again when some of them are answered."


async def submit(chat: Chat, connection: Connection, frame: protocol.ChatRequest) -> None:
    """Accepts the turn before it first waits; the others see the messages when they are stored."""
    submission = frame.submission()
    if submission is None:
        _log.warning("a request for a turn is no submission, and was dropped")
        return
    if chat.turns.find(frame.id) is not None:
        return  # it was sent again after a reconnect
    again = submission.trigger == "regenerate-message"
    waiting = [one for one in chat.turns.queued if one.kept.kind == "submit"]
    decision = decide(
        chat.agent.message_concurrency,
        busy=bool(list(chat.turns)),
        waiting=[one.kept.request for one in waiting],
        again=again,
    )
    uncleared = chat.without_cleared(submission.messages)
    if not decision.accept or (submission.messages and not uncleared):
        _refuse(chat, connection, frame.id, submission.messages, outcome="skipped")
        return
    skipped = [one for one in waiting if one.kept.request in decision.skipped]
    if len(chat.turns.queued) - len(skipped) >= chat.agent.turn_limit:
        _refuse(chat, connection, frame.id, submission.messages, error=True, body=_TOO_MANY)
        return
    incoming = chat.without_streaming(uncleared)
    before = [one["id"] for one in chat.transcript.messages]
    statements = [
        *chat.recovering.forget(),
        *chat.take_over(incoming),
        chat.accepting.told(body=submission.body, client_tools=submission.client_tools),
        *_skip(chat, skipped),
        *(_merge(chat, skipped, incoming) if decision.merge else ()),
        *chat.transcript.trim(),
    ]
    turn = chat.accepting.accept(_asked(connection, frame.id, incoming, decision, again=again), statements)
    crossed = _has_crossed(chat, before, submission.messages)
    await _tell(chat, turn, skipped, everybody=decision.merge or crossed)


def _has_crossed(chat: Chat, before: Sequence[str], messages: Sequence[Message]) -> bool:
    """Whether its client had not heard of all that is here, or of a clear.

    What it was sent meanwhile did not have its question, which it has then taken off the screen.
    """
    shown = {one["id"] for one in messages}
    active = chat.turns.active
    making = None if active is None or active.stream is None else active.stream.message_id
    if any(one["id"] not in shown and one["id"] != making for one in chat.transcript.messages):
        return True
    if chat.agent.max_persisted_messages is not None:  # it may show what is too old
        return len(chat.without_cleared(messages)) < len(messages)
    asked = {one["id"] for one in messages[-1:]}
    return bool(shown - asked - {*before, making})


def _asked(
    connection: Connection, request: str, incoming: Sequence[Message], decision: Decision, *, again: bool
) -> Asked:
    return Asked(
        kind="regenerate" if again else "submit",
        request=request,
        after=incoming[-1]["id"] if incoming else None,
        message_ids=origin(incoming),
        origin=connection,
        delay=decision.delay,
    )


def _skip(chat: Chat, turns: Sequence[Accepted]) -> list[Statement]:
    """They are not run; what they asked stays."""
    for turn in turns:
        chat.turns.drop(turn)
    return [statement for turn in turns for statement in chat.rows.drop_turn(turn.kept.first)]


def _merge(chat: Chat, skipped: Sequence[Accepted], incoming: Sequence[Message]) -> list[Statement]:
    """What was asked by all of them becomes the last message."""
    active = chat.turns.active
    answered = () if active is None else active.kept.message_ids
    asked = [id for turn in skipped for id in turn.kept.message_ids] + origin(incoming)
    ids = [id for id in dict.fromkeys(asked) if id not in answered]
    found = [message for id in ids if (message := chat.transcript.get(id)) is not None]
    if len(found) < 2:
        return []
    gone = [message["id"] for message in found[:-1]]
    return [*chat.transcript.put([merged(found)]), *chat.transcript.remove(gone)]


def _refuse(
    chat: Chat, connection: Connection, request: str, messages: Sequence[Message], **why: object
) -> None:
    """Its client shows again what is stored, and what is being made."""
    ids = origin(messages) or None
    last = protocol.ChatResponse(id=request, done=True, message_ids=ids).model_copy(update=why)
    for frame in (chat.shown(), last):
        connection.send(protocol.encode(frame))


async def _tell(chat: Chat, turn: Accepted, skipped: Sequence[Accepted], *, everybody: bool) -> None:
    try:
        await turn.committed()
    except (StoreError, sqlite3.Error):  # the turn tells its client
        await chat.reload()
        chat.turns.put_back(skipped)
        return
    for one in skipped:
        one.end("skipped")
        chat.resuming.settle(one.kept.request)
        if one.origin is not None:
            one.origin.send(protocol.encode(one.skipped()))
    without = [turn.origin] if turn.origin is not None and not everybody else []
    for _ in range(2):  # as the original does: before it reconciles, and after
        chat.show(without=without)
