"""What the parts of a chat ask of the life that they hang on, and of the agent that has it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from agents_sdk.chat.compacting import Compacting
from agents_sdk.chat.policy import Concurrency
from agents_sdk.chat.shapes import Message
from agents_sdk.chat.turn import Answered, Recovery, Turn
from agents_sdk.connection import Connection
from agents_sdk.connections import Connections

__all__ = ["Chatting", "Life"]


class Chatting(Protocol):
    """The agent, for modules on which its class stands."""

    @property
    def max_persisted_messages(self) -> int | None:
        """Of more messages, the oldest are deleted."""

    @property
    def message_concurrency(self) -> Concurrency:
        """What becomes of messages that overlap."""

    @property
    def turn_limit(self) -> int:
        """How many turns may wait."""

    @property
    def trust_stored_history(self) -> bool:
        """Whether a client cannot change what is stored."""

    @property
    def compaction(self) -> Compacting | None:
        """Who shortens what models are given."""

    @property
    def recovery_attempts(self) -> int:
        """How often a turn is taken up again."""

    @property
    def recovery_age(self) -> float:
        """Seconds after which it is not."""

    @property
    def recovery_error(self) -> str:
        """What clients are told then."""

    def on_chat_message(self, turn: Turn) -> Any:
        """Answers."""

    async def on_chat_response(self, response: Answered) -> None:
        """An answer has ended."""

    async def on_chat_recovery(self, recovery: Recovery) -> bool:
        """Whether a turn that was cut off is taken up again."""

    def sanitize_message_for_persistence(self, message: Message) -> Message:
        """The message as it is kept."""


class Life(Protocol):
    """The host of the agent."""

    @property
    def connections(self) -> Connections:
        """The open connections of the agent."""

    def event(self, connection: Connection | None = None) -> AbstractAsyncContextManager[Any]:
        """The started agent, for one thing that happens to it."""

    def spawn(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        """Runs `work` beside everything else, and keeps the agent for it."""

    async def report(self, error: Exception) -> object:
        """Tells `on_error`."""
