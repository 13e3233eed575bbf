"""What a client's view of the transcript changes in the stored one: clients are behind, and invent ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agents_sdk.chat.identity import Calls, identified, same_part
from agents_sdk.chat.shapes import SETTLED, Message, Part, tool_call

__all__ = ["Reconciled", "reconciled"]

_ORDER = ("input-streaming", "input-available", "approval-requested", "approval-responded")
_OPEN = ("streaming", "input-streaming")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What is to be written, what is to be deleted, by id, and the transcript that results."""

    upserts: list[Message]
    removed: list[str]
    messages: list[Message]


def reconciled(
    stored: Sequence[Message],
    incoming: Sequence[Message],
    *,
    trust_stored: bool,
    sanitized: Callable[[Message], Message] | None = None,
) -> Reconciled:
    """Takes over what is news; doing it again changes nothing.

    A client that submits nothing new is taken to have cut off the end, as it does to have an answer again:
    what stands behind its last message is deleted. Half an answer is never news, nor is a call of a tool that
    has got less far than the stored one. With `trust_stored`, what counts are the messages of the user at its
    end, and nothing else.
    `sanitized` gives a message as it will be stored.
    """
    known = {message["id"]: message for message in stored}
    seen = {message["id"]: message for message in incoming}.values()  # the last of each id
    meant = identified(stored, [sanitized(message) if sanitized else message for message in seen])
    meant = _without_copies(known, meant)
    asked = _asked(meant)
    result = dict(known)
    for message in meant:
        old = known.get(message["id"])
        if trust_stored and (message["id"] not in asked or (old is not None and old["role"] != "user")):
            continue
        if old is not None:
            result[message["id"]] = _merged(old, message)
        elif message["role"] != "assistant" or not _is_half(message):
            result[message["id"]] = message
    removed = _cut_off(stored, [message["id"] for message in meant])
    messages = [message for id, message in result.items() if id not in removed]
    upserts = [message for message in messages if known.get(message["id"]) != message]
    return Reconciled(upserts, removed, messages)


def _is_half(message: Message) -> bool:
    """An answer that is on its way: whoever makes it will store it."""
    return any(part.get("state") in _OPEN for part in message["parts"])


def _asked(messages: Sequence[Message]) -> set[str]:
    """The ids of the messages of the user at the end."""
    ids: set[str] = set()
    for message in reversed(messages):
        if message["role"] != "user":
            break
        ids.add(message["id"])
    return ids


def _cut_off(stored: Sequence[Message], ids: Sequence[str]) -> list[str]:
    places = {message["id"]: place for place, message in enumerate(stored)}
    if not ids or any(id not in places for id in ids):
        return []
    return [message["id"] for message in stored[max(places[id] for id in ids) + 1 :]]


def _merged(old: Message, new: Message) -> Message:
    if old["role"] != "assistant":
        return new
    if _is_half(new):
        return old
    fewer = len(new["parts"]) < len(old["parts"])
    if fewer and all(_has_it(one, other) for one, other in zip(old["parts"], new["parts"], strict=False)):
        return old
    calls = {call: part for part in old["parts"] if (call := tool_call(part))}
    parts: list[Part] = []
    for place, part in enumerate(new["parts"]):
        call = tool_call(part)
        one = old["parts"][place] if place < len(old["parts"]) else None
        if call and (one is None or tool_call(one) != call):
            one = calls.get(call)
        parts.append(one if one is not None and _has_it(one, part) else part)
    return old | new | {"parts": parts}


def _has_it(old: Part, new: Part) -> bool:
    """Whether the stored part says as much, or more."""
    if same_part(old, new):
        return True
    return bool(tool_call(new)) and (old.get("state") in SETTLED or _rank(old) > _rank(new))


def _rank(part: Part) -> int:
    state = part.get("state")
    return len(_ORDER) if state in SETTLED else _ORDER.index(state) if state in _ORDER else -1


def _without_copies(known: dict[str, Message], messages: list[Message]) -> list[Message]:
    """Leaves out what a client shows twice: once as it is stored, and once as it was while it was made.

    Kept, a call would reach the model twice, which providers refuse. The last message is news in any case.
    """
    claimed = [known[message["id"]] for message in messages if message["id"] in known]
    settled = Calls(
        part
        for message in claimed
        if message["role"] == "assistant"
        for part in message["parts"]
        if tool_call(part) and part.get("state") in SETTLED
    )

    def is_copy(message: Message) -> bool:
        parts = [part for part in message["parts"] if part["type"] != "step-start"]
        return bool(parts) and all(
            tool_call(part) and part.get("state") not in SETTLED and part in settled for part in parts
        )

    return [
        message
        for message in messages
        if message is messages[-1]
        or message["role"] != "assistant"
        or message["id"] in known
        or not is_copy(message)
    ]
