"""The events of a streamed response, as pieces to tell on the way. Imports openai."""

from __future__ import annotations

from collections.abc import Iterator

from openai.types.responses import ResponseStreamEvent

from integrations.llm.delta import Delta, ReasoningDelta, TextDelta, ToolCallDelta

__all__ = ["Pieces"]


class Pieces:
    """What there is to tell of each event."""

    def __init__(self) -> None:
        self._calls: dict[str, int] = {}
        """Where the call of an item stands."""
        self._has_text = False

    def of(self, event: ResponseStreamEvent) -> Iterator[Delta]:
        """Nothing for most kinds of events."""
        match event.type:
            case "response.output_text.delta":
                self._has_text = True
                yield TextDelta(event.delta)
            case "response.refusal.delta" if not self._has_text:
                yield TextDelta(event.delta)
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                yield ReasoningDelta(event.delta)
            case "response.output_item.added" if event.item.type == "function_call":
                call = event.item
                place = self._calls.setdefault(call.id or call.call_id, len(self._calls))
                yield ToolCallDelta(place, call.call_id, call.name, call.arguments or "")
            case "response.function_call_arguments.delta" if event.item_id in self._calls:
                yield ToolCallDelta(self._calls[event.item_id], arguments=event.delta)
            case _:
                pass
