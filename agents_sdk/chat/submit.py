"""A client submits: its messages are reconciled and stored, and a turn is accepted for them."""

from __future__ import annotations

import logging

from agents_sdk import protocol
from agents_sdk.chat.accepting import Asked
from agents_sdk.chat.chat import Chat
from agents_sdk.chat.reconcile import reconciled
from agents_sdk.chat.shapes import origin
from agents_sdk.connection import Connection
from workflows import StoreError

__all__ = ["submit"]

_log = logging.getLogger(__name__)


async def submit(chat: Chat, connection: Connection, frame: protocol.ChatRequest) -> None:
    """Accepts the turn before it first waits; the others see the messages when they are stored."""
    submission = frame.submission()
    if submission is None:
        _log.warning("a request for a turn is no submission, and was dropped")
        return
    if chat.turns.find(frame.id) is not None:
        return  # it was sent again after a reconnect
    active = chat.turns.active
    streaming = None if active is None or active.stream is None else active.stream.message_id
    incoming = [one for one in submission.messages if one["id"] != streaming]
    found = reconciled(
        chat.transcript.messages,
        incoming,
        trust_stored=chat.agent.trust_stored_history,
        sanitized=chat.agent.sanitize_message_for_persistence,
    )
    statements = [
        *chat.recovering.forget(),
        *chat.transcript.remove(found.removed),
        *chat.transcript.put(found.upserts),
        *chat.transcript.trim(),
        chat.accepting.told(body=submission.body, client_tools=submission.client_tools),
    ]
    asked = Asked(
        kind="submit",
        request=frame.id,
        after=incoming[-1]["id"] if incoming else None,
        message_ids=origin(incoming),
        origin=connection,
    )
    turn = chat.accepting.accept(asked, statements)
    try:
        await turn.stored
    except StoreError:
        await chat.transcript.load()  # the turn tells its client
        return
    for _ in range(2):  # as the original does: before it reconciles, and after
        chat.show(without=[connection])
