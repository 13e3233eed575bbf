"""`ChatLead` answers with a tool that is another agent: `ask:TEXT` has a `ChatEcho` answer TEXT."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from agents_sdk import ChatAgent, Turn
from tests.npm.answers import text_of
from tests.npm.chat import ChatEcho

__all__ = ["ChatLead"]

_TOOL = {"toolCallId": "call-1", "toolName": "research"}


class ChatLead(ChatAgent[None, Any]):
    async def on_chat_message(self, turn: Turn) -> AsyncIterator[Any]:
        asked = text_of(turn.messages).removeprefix("ask:")
        yield {"type": "tool-input-available", **_TOOL, "input": {"question": asked}}
        run = await self.run_agent_tool(
            ChatEcho,
            asked,
            run_id=f"run-of-{turn.messages[-1]['id']}",
            parent_tool_call_id="call-1",
            display={"name": "Researcher"},
        )
        yield {"type": "tool-output-available", "toolCallId": "call-1", "output": run.summary}
        yield f"{run.status}."
