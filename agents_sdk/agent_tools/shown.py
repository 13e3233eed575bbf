"""A run as clients are shown it: the same frames, with the same numbers, for those that come later."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pydantic_core import from_json

from agents_sdk.agent_tools.run import Row, ToolRun
from agents_sdk.protocol import AgentToolEvent

__all__ = ["Shown"]


class Shown:
    """One run in memory. The chat of its sub-agent calls `chunk`, and asks `wanted` before it begins."""

    def __init__(self, row: Row, send: Callable[[AgentToolEvent], None]) -> None:
        self.row = row
        self.wanted = True
        self.followed = False
        """It is under way in this life."""
        self.over: asyncio.Future[ToolRun] = asyncio.get_running_loop().create_future()
        self._send = send
        self.bodies: list[str] = [] if row.chunks is None else json.loads(row.chunks)

    def begin(self) -> None:
        """Clients are told of it."""
        self.followed = True
        self._send(self._started())

    def chunk(self, seq: int, body: str) -> None:
        """The sub-agent has sent this, the next one."""
        self.bodies.append(body)
        self._send(self._chunk(seq))

    def end(self, row: Row) -> None:
        """It has ended: clients get what they do not have yet."""
        self.row = row
        kept: Sequence[str] = [] if row.chunks is None else json.loads(row.chunks)
        for seq in range(len(self.bodies), len(kept)):
            self.chunk(seq, kept[seq])
        self._send(self._last())

    def replay(self) -> Iterator[AgentToolEvent]:
        """All of it, for a new connection."""
        frames = [self._started(), *(self._chunk(seq) for seq in range(len(self.bodies)))]
        if self.row.run.ended:
            frames.append(self._last())
        for frame in frames:
            yield frame.model_copy(update={"replay": True})

    def _started(self) -> AgentToolEvent:
        row = self.row
        said = {"agentType": row.cls, "order": row.number}
        for name, value in (("inputPreview", row.preview), ("display", row.display)):
            if value is not None:
                said[name] = from_json(value)
        return self._frame(0, "started", **said)

    def _chunk(self, seq: int) -> AgentToolEvent:
        return self._frame(1 + seq, "chunk", body=self.bodies[seq])

    def _last(self) -> AgentToolEvent:
        row, sequence = self.row, 1 + len(self.bodies)
        match row.status:
            case "completed":
                return self._frame(sequence, "finished", summary=row.summary or "")
            case "aborted":
                return self._frame(sequence, "aborted")
            case "interrupted":
                return self._frame(sequence, "interrupted", error=row.error or "")
        return self._frame(sequence, "error", error=row.error or "")

    def _frame(self, sequence: int, kind: str, **said: Any) -> AgentToolEvent:
        event = {"kind": kind, "runId": self.row.id, **said}
        return AgentToolEvent(parent_tool_call_id=self.row.call, sequence=sequence, event=event)
