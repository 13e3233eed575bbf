"""The agent of the schedules: what is asked is a plan of the answer, in JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from agents_sdk import Answered, ChatAgent, Turn
from agents_sdk.chat.policy import Concurrency
from tests.agents_sdk.chat.chats import text_of

__all__ = ["PLANNED", "Seen", "talker"]

PLANNED = "planned"


@dataclass
class Seen:
    """What the agent was called for, over all its lives."""

    running: int = 0
    most: int = 0
    began: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    dead: bool = False
    """The life that it belongs to was cut off."""


def talker(concurrency: Concurrency, *, most: int | None) -> type[ChatAgent[Seen, Any]]:
    """A class of agents with this policy."""

    class Talker(ChatAgent[Seen, Any]):
        """Says what the plan says."""

        message_concurrency = concurrency
        max_persisted_messages = most
        recovery_attempts = 100

        async def on_chat_message(self, turn: Turn) -> Any:
            self.env.began[turn.request_id] += 1
            plan = _plan(turn)
            await self._pause(plan)
            if plan["how"] == "none":
                return None
            if plan["how"] == "throw":
                raise ValueError(PLANNED)
            return self._said(turn, plan)

        async def _said(self, turn: Turn, plan: dict[str, Any]) -> AsyncIterator[Any]:
            self.env.running += 1
            self.env.most = max(self.env.most, self.env.running)
            try:
                async for chunk in self._chunks(turn, plan):
                    yield chunk
            finally:
                self.env.running -= 1

        async def _chunks(self, turn: Turn, plan: dict[str, Any]) -> AsyncIterator[Any]:
            is_plain = plan["how"] == "plain"
            for number, step in enumerate(plan["steps"]):
                what, *more = step if isinstance(step, list) else [step]
                match what:
                    case "sleep":
                        await self.ctx.clock.sleep(more[0])
                    case "fail":
                        raise ValueError(PLANNED)
                    case "say" if is_plain:
                        yield f"{turn.request_id}/{number} "
                    case "say":
                        yield {"type": "text-start", "id": f"t{number}"}
                        for word in ("a", "b", "c"):
                            yield {"type": "text-delta", "id": f"t{number}", "delta": f"{word}{number} "}
                            if more:
                                await self.ctx.clock.sleep(more[0])
                        yield {"type": "text-end", "id": f"t{number}"}
                    case "call" | "ask" if not is_plain:
                        call = f"{turn.request_id}/{number}"
                        yield {
                            "type": "tool-input-available",
                            "toolCallId": call,
                            "toolName": "look",
                            "input": {"of": call},
                        }
                        if what == "ask":
                            yield {"type": "tool-approval-request", "toolCallId": call, "approvalId": call}
            if not is_plain:
                yield {"type": "finish"}

        async def _pause(self, plan: dict[str, Any]) -> None:
            if plan["pause"]:
                await self.ctx.clock.sleep(plan["pause"])

        async def on_chat_response(self, response: Answered) -> None:
            self.env.answered[response.request_id] += 1

        async def on_error(self, error: Exception) -> None:
            if str(error) != PLANNED and not self.env.dead:
                self.env.errors.append(repr(error))

    return Talker


def _plan(turn: Turn) -> dict[str, Any]:
    """Of the last question; a continuation only says a little more."""
    if turn.continuation:
        return {"how": "chunks", "pause": 0, "steps": [["say", 0.03]]}
    asked = [message for message in turn.messages if message["role"] == "user"]
    text = text_of(asked[-1]).split("\n\n")[-1] if asked else ""
    plan: dict[str, Any] = json.loads(text or '{"how": "plain", "pause": 0, "steps": ["say"]}')
    return plan
