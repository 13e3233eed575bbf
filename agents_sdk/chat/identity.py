"""Which stored message is meant by a message of a client: clients know some of them by ids of their own."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from itertools import islice

import orjson

from agents_sdk.chat.shapes import Message, Part, tool_call

__all__ = ["Calls", "identified", "same_part"]

_NOISE = {"text": {"state"}, "reasoning": {"state", "id"}}
"""What clients and this side note differently of the same part."""
_MOST = 20
"""Answers that are looked at for a message, of those that have something in common with it.

A client that sends thousands of its own making holds up the loop for milliseconds, not for minutes."""


def identified(stored: Sequence[Message], incoming: Sequence[Message]) -> list[Message]:
    """`incoming`, where answers that are stored under another id have that id.

    A message is, in this order, the one with its id, the one with the same calls of tools, the one with the
    same parts; each stored one is at most one of them. Ids of calls alone prove nothing: providers use them
    again.
    """
    places = {message["id"]: place for place, message in enumerate(stored)}
    taken = {places[message["id"]] for message in incoming if message["id"] in places}
    answers: Answers | None = None
    known: list[Message] = []
    behind = -1
    for message in incoming:
        place = places.get(message["id"])
        if place is None and message["role"] == "assistant":
            answers = answers or Answers(stored, taken)
            place = answers.take(message, behind)
        if place is not None:
            behind = place
        known.append(message if place is None else message | {"id": stored[place]["id"]})
    return known


class Answers:
    """Stored answers, found by what is in them; each is taken once."""

    def __init__(self, stored: Sequence[Message], taken: Collection[int]) -> None:
        self._stored = stored
        self._places: dict[Hashable, list[int]] = {}
        """By what a message with the same calls, or the same parts, has too; ascending."""
        for place, message in enumerate(stored):
            if message["role"] == "assistant" and place not in taken:
                for key in _keys(message):
                    self._places.setdefault(key, []).append(place)

    def take(self, message: Message, behind: int) -> int | None:
        """Where the same answer is, the next one behind `behind` if it can be; None when there is none."""
        found: set[int] = set()
        for key in islice(_keys(message), _MOST):
            places = self._places.get(key, [])
            next_one = bisect_left(places, behind)
            found.update(places[next_one : next_one + _MOST], places[:_MOST])
        ordered = sorted(found, key=lambda place: (place < behind, place))
        taken = next((place for place in ordered if _alike(self._stored[place], message)), None)
        if taken is not None:
            self._forget(taken)
        return taken

    def _forget(self, taken: int) -> None:
        for key in _keys(self._stored[taken]):
            places = self._places[key]
            del places[bisect_left(places, taken)]


def _keys(message: Message) -> Iterator[Hashable]:
    calls = {call for part in message["parts"] if (call := tool_call(part)) is not None}
    if calls:
        yield from calls
    yield orjson.dumps([(part["type"], part.get("text")) for part in message["parts"]])


def _alike(stored: Message, incoming: Message) -> bool:
    calls: dict[str, Part] = {}
    for part in incoming["parts"]:
        if (call := tool_call(part)) is None:
            continue
        if not same_call(known := calls.setdefault(call, part), part):
            return False  # two calls with one id
        if "toolName" not in known:  # the one that says most stands for all
            calls[call] = part
    if calls:
        shared = [part for part in stored["parts"] if tool_call(part) in calls]
        return bool(shared) and all(same_call(part, calls[part["toolCallId"]]) for part in shared)
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


class Calls:
    """Calls of tools, found by any part that is of the same call."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts: dict[tuple[str | None, str], list[Part]] = {}
        for part in parts:
            alike = self._parts.setdefault(_mark(part), [])
            if len(alike) < _MOST and not any(_tool(one) == _tool(part) for one in alike):
                alike.append(part)

    def __contains__(self, part: Part) -> bool:
        return any(same_call(one, part) for one in self._parts.get(_mark(part), ()))


def _tool(part: Part) -> tuple[object, ...]:
    """A part without the name of its tool is alike to parts with two names, which are not alike."""
    return part["type"], "toolName" in part, part.get("toolName")


def _mark(part: Part) -> tuple[str | None, str]:
    return tool_call(part), json.dumps(part.get("input"), sort_keys=True)


def same_part(stored: Part, incoming: Part) -> bool:
    """Whether the client says nothing of the part that is not known."""
    noise = _NOISE.get(stored["type"], set())
    said = {key: value for key, value in incoming.items() if value is not None and key not in noise}
    return stored | said == stored and stored.get("text") == incoming.get("text")
