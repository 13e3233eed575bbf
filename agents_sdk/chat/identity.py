"""Which stored message is meant by a message of a client: clients know some of them by ids of their own."""

from __future__ import annotations

from collections.abc import Sequence

from agents_sdk.chat.shapes import Message, Part, tool_call

__all__ = ["identified", "same_call", "same_part"]

_NOISE = {"text": {"state"}, "reasoning": {"state", "id"}}
"""What clients and this side note differently of the same part."""


def identified(stored: Sequence[Message], incoming: Sequence[Message]) -> list[Message]:
    """`incoming`, where answers that are stored under another id have that id.

    A message is, in this order, the one with its id, the one with the same calls of tools, the one with the
    same parts; each stored one is at most one of them. Ids of calls alone prove nothing: providers use them
    again.
    """
    places = {message["id"]: place for place, message in enumerate(stored)}
    free = {place for place, message in enumerate(stored) if message["role"] == "assistant"}
    free -= {places[message["id"]] for message in incoming if message["id"] in places}
    known: list[Message] = []
    behind = -1
    for message in incoming:
        place = places.get(message["id"])
        if place is None and message["role"] == "assistant":
            later = sorted(free, key=lambda place: (place < behind, place))
            place = next((place for place in later if _alike(stored[place], message)), None)
        if place is not None:
            free.discard(place)
            behind = place
        known.append(message if place is None else message | {"id": stored[place]["id"]})
    return known


def _alike(stored: Message, incoming: Message) -> bool:
    calls = [part for part in incoming["parts"] if tool_call(part)]
    if calls:
        pairs = [
            (part, call) for part in stored["parts"] for call in calls if tool_call(part) == tool_call(call)
        ]
        return bool(pairs) and all(same_call(part, call) for part, call in pairs)
    parts = stored["parts"]
    return 0 < len(parts) == len(incoming["parts"]) and all(map(same_part, parts, incoming["parts"]))


def same_call(one: Part, other: Part) -> bool:
    """Whether both are the same call, whatever has become of it."""
    return (
        tool_call(one) == tool_call(other)
        and one["type"] == other["type"]
        and one.get("toolName", other.get("toolName")) == other.get("toolName", one.get("toolName"))
        and one.get("input") == other.get("input")
    )


def same_part(stored: Part, incoming: Part) -> bool:
    """Whether the client says nothing of the part that is not known."""
    noise = _NOISE.get(stored["type"], set())
    said = {key: value for key, value in incoming.items() if value is not None and key not in noise}
    return stored | said == stored and stored.get("text") == incoming.get("text")
