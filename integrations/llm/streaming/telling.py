"""What one attempt hears of its model, told to the readers of its step, a batch at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from integrations.llm.completion import ToolCall
from integrations.llm.delta import Delta, Restarted, TextDelta, ToolCallDelta
from integrations.llm.streaming.parts import dump, merged
from workflows import Streamed

__all__ = ["Telling"]

_SECONDS = 0.05
_PIECES = 20


class Telling:
    """A batch is written 50 ms after its first piece came, or with its 20th; one is on its way at a time.

    Use it with `async with`, around the attempt; call `end` when there is an answer.
    """

    def __init__(
        self, stream: Callable[[object], Streamed], *, seconds: float = _SECONDS, pieces: int = _PIECES
    ) -> None:
        """`stream` is that of the step's context."""
        self._stream = stream
        self._seconds = seconds
        self._pieces = pieces
        self._waiting: list[Delta] = []
        self._some = asyncio.Event()
        self._order = asyncio.Lock()
        self._heard = False
        """Anything, since the last request began."""
        self._text: list[str] = []

    async def tell(self, delta: Delta) -> None:
        """As `integrations.llm.delta.Tell`; raises what keeps the stream from being written."""
        match delta:
            case Restarted():
                if not self._heard:
                    return
                self._heard = False
                self._text.clear()
            case TextDelta(text=text):
                self._heard = True
                self._text.append(text)
            case _:
                self._heard = True
        if self._pace.done():
            self._pace.result()
        self._waiting.append(delta)
        self._some.set()
        if len(self._waiting) >= self._pieces:
            await self._write()

    async def end(self, text: str, calls: Sequence[ToolCall]) -> None:
        """The attempt has its answer: what the readers have is made equal to it."""
        if "".join(self._text) != text:
            await self.tell(Restarted())
            await self.tell(TextDelta(text))
            for index, call in enumerate(calls):
                await self.tell(ToolCallDelta(index, call.id, call.name, call.arguments))
        if self._pace.done():
            self._pace.result()
        await self._write()

    async def __aenter__(self) -> Self:
        self._pace = asyncio.create_task(self._keep_pace())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pace.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):  # who tells next has met the error too
            await self._pace

    async def _keep_pace(self) -> None:
        while True:
            await self._some.wait()
            await asyncio.sleep(self._seconds)
            await self._write()

    async def _write(self) -> None:
        async with self._order:
            self._some.clear()
            waiting, self._waiting = self._waiting, []
            written = None
            for delta in merged(waiting):
                written = self._stream(dump(delta))
            if written is not None:
                await written
