"""The chunks of a streamed Chat Completions answer: one answer in the end, pieces to tell on the way."""

from __future__ import annotations

from collections.abc import Iterator

from integrations.llm.chat_answer import ChatAnswer, ChatChunk, Choice, SentCall, SentMessage
from integrations.llm.delta import Delta, ReasoningDelta, TextDelta, ToolCallDelta

__all__ = ["Assembly"]


class Assembly:
    """Puts chunks together, in the order in which they came; `whole` is the answer so far."""

    def __init__(self) -> None:
        self._choice = Choice(message=SentMessage())
        self._calls: list[SentCall] = []
        self._places: dict[int, int] = {}
        self.whole = ChatAnswer(choices=[self._choice])

    def add(self, chunk: ChatChunk) -> Iterator[Delta]:
        """Takes the chunk, when it is run through; gives what is new in it."""
        self.whole.model = chunk.model or self.whole.model
        self.whole.usage = chunk.usage or self.whole.usage
        for piece in (chunk.choices or ())[:1]:
            self._choice.finish_reason = piece.finish_reason or self._choice.finish_reason
            yield from self._message(piece.delta)

    def _message(self, delta: SentMessage) -> Iterator[Delta]:
        message = self._choice.message
        if thought := delta.reasoning_content or delta.reasoning:
            yield ReasoningDelta(thought)
        if delta.content:
            message.content = (message.content or "") + delta.content
            yield TextDelta(delta.content)
        if delta.refusal:
            message.refusal = (message.refusal or "") + delta.refusal
            if not message.content:
                yield TextDelta(delta.refusal)
        for piece in delta.tool_calls or ():
            yield self._call(piece)

    def _call(self, piece: SentCall) -> Delta:
        place = self._place(piece)
        call = self._calls[place]
        call.id = call.id or piece.id
        call.function.name = (call.function.name or "") + (piece.function.name or "")
        call.function.arguments = (call.function.arguments or "") + (piece.function.arguments or "")
        self._choice.message.tool_calls = self._calls
        return ToolCallDelta(place, piece.id or "", piece.function.name or "", piece.function.arguments or "")

    def _place(self, piece: SentCall) -> int:
        """Where the call stands. Some servers give no index, and some the same one to every call."""
        index = len(self._calls) if piece.index is None else piece.index
        place = self._places.get(index)
        if place is None or (piece.id and piece.function.name and piece.id != self._calls[place].id):
            place = self._places[index] = len(self._calls)
            self._calls.append(SentCall())
        return place
