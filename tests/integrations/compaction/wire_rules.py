"""What a provider accepts, checked without the code under test."""

from collections import Counter
from collections.abc import Sequence

from integrations.compaction import Message


def complaint(messages: Sequence[Message]) -> str | None:
    """Why a provider would answer 400, or None."""
    if len({message.id for message in messages}) < len(messages):
        return "two messages share an id"
    place = 0
    while place < len(messages):
        message = messages[place]
        if _answers(message):
            return f"{message.id} answers a call that is not before it"
        place += 1
        waiting = Counter(_calls(message))
        while place < len(messages) and _answers(messages[place]):
            answers = Counter(_answers(messages[place]))
            if answers - waiting:
                return f"{messages[place].id} answers {answers - waiting}, which {message.id} does not call"
            waiting -= answers
            place += 1
        if waiting and place < len(messages):
            return f"{waiting} of {message.id} has no result"
    return None


def _calls(message: Message) -> list[str]:
    wire = message.wire()
    listed = wire.get("tool_calls") or []
    assert isinstance(listed, list)
    return [call["id"] for call in listed] + [
        part["id"] for part in _parts(wire) if part["type"] == "tool_use"
    ]


def _answers(message: Message) -> list[str]:
    wire = message.wire()
    if wire["role"] == "tool":
        return [str(wire["tool_call_id"])]
    return [part["tool_use_id"] for part in _parts(wire) if part["type"] == "tool_result"]


def _parts(wire: dict[str, object]) -> list[dict[str, str]]:
    content = wire.get("content")
    return content if isinstance(content, list) else []
