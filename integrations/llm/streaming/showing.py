"""The answer of a model step for those who take back nothing that they have shown: clients of a chat."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, TypeAlias

from integrations.llm.completion import ToolCall
from integrations.llm.delta import Delta, ReasoningDelta, Restarted, TextDelta, ToolCallDelta
from integrations.llm.streaming.following import Piece, follow
from integrations.llm.streaming.standing import Standing, raise_failure
from workflows import WorkflowError, WorkflowInstance

__all__ = ["AnswerChanged", "Showing", "Shown", "show", "written"]

Shown: TypeAlias = str | dict[str, Any]
"""Text, or a chunk of a UI message stream."""


class AnswerChanged(WorkflowError):
    """The recorded answer is not the one of which some was shown; asked for again, it is shown whole."""


async def show(instance: WorkflowInstance, name: str, /, count: int = 1) -> AsyncGenerator[Shown, None]:
    """The answer of a streamed step, each piece of text once, for `on_chat_message` to yield.

    An attempt that was cut off is followed by one that begins anew: of what it says, only that is shown which
    goes beyond what was shown already. `AnswerChanged` when it says something else. Thoughts come as they
    are thought, calls of tools when the step has ended. Raises what the step fails with.
    """
    showing = Showing(f"{name}-{count}", await Standing.of(instance, name, count))
    async with aclosing(follow(instance, name, count)) as pieces:
        async for piece in pieces:
            for shown in showing.take(piece):
                yield shown
    await raise_failure(instance, name, count)
    for shown in (*showing.end(), *(one for call in showing.calls for one in written(call))):
        yield shown


class Showing:
    """What of one step was shown, and what is to be."""

    def __init__(self, id: str, standing: Standing) -> None:
        """`standing` is that of the step before it is read."""
        self._dead = standing.dead
        self._thoughts = f"{id}-reasoning"
        self._shown = ""
        self._text = ""
        """Of this attempt."""
        self._thinks = False
        self._thought = False
        self._stale: list[Delta] = []
        self._calls: dict[int, ToolCall] = {}

    @property
    def calls(self) -> list[ToolCall]:
        """The tools that the model wants called."""
        return [self._calls[index] for index in sorted(self._calls)]

    def take(self, piece: Piece) -> list[Shown]:
        """What is to be shown of it now."""
        if isinstance(piece.delta, Restarted):
            self._thought = self._thought or self._thinks
            self._text = ""
            self._calls.clear()
            self._stale.clear()
            return []
        if piece.stale or piece.attempt <= self._dead:
            self._stale.append(piece.delta)
            return []
        return self._say(piece.delta)

    def end(self) -> list[Shown]:
        """What is left when the step has ended, as the last attempt was the last one."""
        left = [shown for delta in self._stale for shown in self._say(delta)]
        self._stale.clear()
        if self._text != self._shown:
            raise _changed()
        return [*left, *self._hush()]

    def _say(self, delta: Delta) -> list[Shown]:
        match delta:
            case TextDelta(text=text):
                return self._more(text)
            case ReasoningDelta(text=text) if not self._thought and not self._text:
                self._thinks = True
                return [{"type": "reasoning-delta", "id": self._thoughts, "delta": text}]
            case ToolCallDelta(index=index, id=id, name=name, arguments=arguments):
                call = self._calls.get(index, ToolCall(id=id, name=name, arguments=""))
                self._calls[index] = call.model_copy(update={"arguments": call.arguments + arguments})
                return []
            case _:
                return []

    def _more(self, text: str) -> list[Shown]:
        self._text += text
        if self._shown.startswith(self._text):
            return []
        if not self._text.startswith(self._shown):
            raise _changed()
        more = self._text[len(self._shown) :]
        self._shown = self._text
        return [*self._hush(), more]

    def _hush(self) -> list[Shown]:
        if not self._thinks:
            return []
        self._thinks, self._thought = False, True
        return [{"type": "reasoning-end", "id": self._thoughts}]


def _changed() -> AnswerChanged:
    return AnswerChanged(
        "the model was cut off, and then answered in other words than those that were shown: "
        "ask for the answer again"
    )


def written(call: ToolCall) -> list[Shown]:
    """The call of a tool; `agents_sdk.chat` makes JSON of its input, or says that it is none."""
    start = {"type": "tool-input-start", "toolCallId": call.id, "toolName": call.name}
    return [start, start | {"type": "tool-input-available", "input": call.arguments}]
