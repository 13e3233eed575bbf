"""What a recording and its replay differ in, and which differences are none.

The frames of a client are compared in streams that are independent of each other: how they interleave is
chance. Names that a server makes may differ, but one always for the same one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.conformance.wire_recording import Message, Recording, type_of
from tests.conformance.wire_replay import Replayed

__all__ = ["differences"]

_RESPONSE = "cf_agent_use_chat_response"
_CHAT = ("cf_agent_chat", "cf_agent_use_chat", "cf_agent_stream", "cf_agent_message")
_NAMES = {"id", "messageId", "requestId"}
_TIMES = {"createdAt", "t", "time"}
_OF_JAVASCRIPT = re.compile(r"Cannot read properties of|serialize a BigInt|is not a function|is not defined")
_BY_CLIENTS = {1000, 1005, 1006}


def differences(recording: Recording, replayed: Mapping[str, Replayed]) -> Iterator[str]:
    """Each in a sentence."""
    names = _Names()
    for conn in recording.conns():
        theirs = [line.message for line in recording.of(conn, "receive")]
        ours = replayed[conn]
        if _is_after_kill(recording, conn):
            yield from _unlike_after_kill(conn, theirs, ours.received)
            continue
        unended = _unended(theirs)  # a better server ends them
        received = [one for one in ours.received if not _is_end_of(one, unended)]
        one, other = _Streams.of(recording, conn, theirs), _Streams.of(recording, conn, received)
        is_cut = _left_by_itself(recording, conn)
        for stream in one.kinds:
            for found in _unlike(one.kinds[stream], other.kinds[stream], names, is_cut=is_cut):
                yield f"{conn}, {stream}: {found}"
        yield from (f"{conn}: {found}" for found in _unlike_ends(recording, conn, ours))


@dataclass(slots=True)
class _Names:
    """What theirs is called ours, and back."""

    ours: dict[str, str] = field(default_factory=dict)
    theirs: dict[str, str] = field(default_factory=dict)

    def same(self, their: str, our: str) -> bool:
        return self.ours.setdefault(their, our) == our and self.theirs.setdefault(our, their) == their


@dataclass(slots=True)
class _Streams:
    """The frames of one client, by kinds."""

    kinds: dict[str, list[Message]]

    @classmethod
    def of(cls, recording: Recording, conn: str, messages: list[Message]) -> _Streams:
        kinds: dict[str, list[Message]] = {"MCP": [], "chat": [], "state": [], "rest": []}
        is_sub = "/sub/" in recording.of(conn, "connect")[0].path
        for message in map(_plain, messages):
            kind = type_of(message)
            if kind == "cf_agent_mcp_servers":
                kinds["MCP"].append(message)
            elif kind.startswith(_CHAT):
                kinds["chat"].append(message)
            elif kind == "cf_agent_identity":  # what a chat says before it comes first
                kinds["chat"].append(message)
                kinds["rest"].append(message)
            elif kind == "cf_agent_state" and is_sub:
                kinds["state"].append(message)
            elif not _is_leak(message):
                kinds["rest"].append(message)
        kinds["chat"] = _without_chance(kinds["chat"])
        return cls(kinds)


def _plain(message: Message) -> Message:
    """Bodies parsed, as the order of keys is chance."""
    body = message.get("body") if isinstance(message, dict) else None
    return (
        {**message, "body": json.loads(body)} if isinstance(body, str) and body.startswith("{") else message
    )


def _is_leak(message: Message) -> bool:
    """The trace of an error, which nobody needs to send."""
    return isinstance(message, dict) and message.keys() == {"error"}


def _without_chance(chat: list[Message]) -> list[Message]:
    """Where a replay of chunks ends and live ones begin is chance; so is what came after a cancel."""
    aborted = {one["id"] for one in chat if one.get("outcome") == "aborted"}
    kept: list[Message] = []
    for message in chat:
        if type_of(message) == _RESPONSE and not message["done"]:
            if message.get("replayComplete") or _is_delta_of(message, aborted):
                continue
            kept.append({key: value for key, value in message.items() if key != "replay"})
        else:
            kept.append(message)
    return kept


def _is_delta_of(message: Message, requests: set[str]) -> bool:
    return message["id"] in requests and message["body"].get("type") == "text-delta"


def _unended(messages: list[Message]) -> set[str]:
    """Streaming calls that forgot to end, so that their clients wait for ever."""
    last = {one["id"]: one for one in messages if type_of(one) == "rpc"}
    return {id for id, one in last.items() if one.get("done") is False}


def _is_end_of(message: Message, calls: set[str]) -> bool:
    return type_of(message) == "rpc" and message["id"] in calls and message.get("done") is True


def _unlike(theirs: list[Message], ours: list[Message], names: _Names, *, is_cut: bool) -> Iterator[str]:
    for at, (one, other) in enumerate(zip(theirs, ours, strict=False)):
        found = next(_between(one, other, names), None)
        if found is not None:
            yield f"message {at} {found}: recorded {_shown(one)}, now {_shown(other)}"
            return
    longer, whose = (theirs, "is missing") if len(theirs) > len(ours) else (ours, "is too many")
    more = longer[min(len(theirs), len(ours)) :]
    if more and not (is_cut and all(_is_chunk(one) for one in more)) and not _is_better(more, whose):
        yield f"message {len(longer) - len(more)} {whose}: {_shown(more[0])}"


def _is_chunk(message: Message) -> bool:
    return type_of(message) == _RESPONSE and not message["done"]


def _is_better(more: list[Message], whose: str) -> bool:
    """Where theirs said nothing of a handler that raised, ours says so."""
    return whose == "is too many" and all(one.get("error") is True and one.get("done") for one in more)


def _between(one: Any, other: Any, names: _Names, key: str = "") -> Iterator[str]:
    """Where two values differ."""
    if key in _NAMES and isinstance(one, str) and isinstance(other, str):
        if not names.same(one, other):
            yield f"has another name at {key}"
    elif isinstance(one, dict) and isinstance(other, dict):
        if one.keys() != other.keys():
            yield f"has other keys ({', '.join(sorted(one.keys() ^ other.keys()))})"
        for name in one.keys() & other.keys():
            yield from _between(one[name], other[name], names, name)
    elif isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            yield f"has {len(other)} {key}, not {len(one)}"
        for left, right in zip(one, other, strict=False):
            yield from _between(left, right, names, key)
    elif one != other and not _are_alike(one, other, key):
        yield f"differs at {key}"


def _are_alike(one: Any, other: Any, key: str) -> bool:
    if key in _TIMES:
        return isinstance(one, int | float) and isinstance(other, int | float)
    if key == "error":
        return isinstance(one, str) and bool(_OF_JAVASCRIPT.search(one)) and isinstance(other, str)
    return False


def _is_after_kill(recording: Recording, conn: str) -> bool:
    does = [line.does for line in recording.lines if line.conn == conn or line.does == "kill"]
    return "kill" in does and does.index("kill") < does.index("connect")


def _left_by_itself(recording: Recording, conn: str) -> bool:
    """And so perhaps in the middle of an answer."""
    closes = recording.of(conn, "close")
    return not closes or closes[-1].message["code"] in _BY_CLIENTS


def _unlike_ends(recording: Recording, conn: str, ours: Replayed) -> Iterator[str]:
    if ours.refused == bool(recording.of(conn, "open")):
        yield "was refused" if ours.refused else "was not refused"
    for line in recording.of(conn, "close"):
        closed = (line.message["code"], line.message["reason"])
        if closed[0] not in _BY_CLIENTS and ours.closed != closed:
            yield f"was closed with {ours.closed}, not with {closed}"
        if closed[0] in _BY_CLIENTS and ours.closed not in (None, closed):
            yield f"was closed with {ours.closed} by the server"


def _unlike_after_kill(conn: str, theirs: list[Message], ours: list[Message]) -> Iterator[str]:
    """How a turn is taken up differs on purpose, as theirs doubles text; what it comes to is the same."""
    one, other = _undoubled(_last_text(theirs)), _last_text(ours)
    if one != other:
        yield f"{conn}: the answer after the kill is {other!r}, not {one!r}"


def _last_text(messages: list[Message]) -> str:
    transcripts = [one["messages"] for one in messages if type_of(one) == "cf_agent_chat_messages"]
    if not transcripts or not transcripts[-1]:
        return ""
    return "".join(part.get("text", "") for part in transcripts[-1][-1]["parts"])


def _undoubled(text: str) -> str:
    for length in range(len(text) // 2, 0, -1):
        if text.startswith(text[:length], length):
            return text[length:]
    return text


def _shown(message: Message) -> str:
    text = json.dumps(message, ensure_ascii=False)
    return text if len(text) <= 200 else text[:200] + "…"
