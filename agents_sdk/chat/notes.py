"""The notes of a chat, in its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agents_sdk.chat.rows import ChatRows

__all__ = ["ChatNotes"]


class ChatNotes:
    """While nobody has cleared the chat, they are kept."""

    def __init__(self, rows: ChatRows, *, cleared: Callable[[], bool] = lambda: False) -> None:
        """Once `cleared`, nothing of what is put is kept: it is of messages that are gone."""
        self._rows = rows
        self._cleared = cleared

    async def get(self, key: str) -> Any:
        """What is kept under a key; None when nothing is."""
        return None if self._cleared() else await self._rows.note(key)

    async def put(self, values: Mapping[str, Any]) -> None:
        """Keeps all of them, durably when it returns; None deletes."""
        if not self._cleared():
            await self._rows.write(self._rows.put_note(key, value) for key, value in values.items())
