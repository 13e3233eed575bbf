"""`Limits`: how much one request, one message, one caller may be."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from agents_sdk.errors import InvalidAgent

__all__ = ["Limits", "is_deep"]

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_ALIKE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET = bytes(set(range(256)) - set(b"[]"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is above a limit is refused. Unnamed callers on this machine are not counted."""

    body: int = 1 << 20
    """Bytes of an HTTP request's body; above: 413."""
    message: int = 1 << 20
    """Bytes of a message on a WebSocket; above: close code 1009. `message_limit` of a class overrides it."""
    json_depth: int = 64
    """Levels of objects and arrays in JSON that comes in; above: 400, close code 1008."""
    headers: int = 16 << 10
    """Bytes of the path, the query and all headers of a request; above: 431."""
    rate: int = 100
    """Requests and messages of one caller in a second; above: 429, close code 1008."""
    connections: int = 100
    """Open WebSockets of one caller; above: 429."""
    calls: int = 1_000
    """Requests and messages of one caller under way; above: 429, and messages wait in their sockets."""
    agents: int = 10_000
    """Agents that one principal has made, by addressing them first, or in whose calls they were made."""
    schedules: int = 10_000
    """Schedules that were made in calls of one principal, and are still there."""
    instances: int = 10_000
    """Unfinished instances that were created in calls of one principal."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise InvalidAgent(f"the limit {field.name} is {value!r}: give a whole number above 0")


def is_deep(text: bytes, depth: int) -> bool:
    """Whether JSON nests deeper than that; takes time for the length only, whatever is in it."""
    if text.count(b"[") + text.count(b"{") <= depth:
        return False
    brackets = _STRING.sub(b"", text).translate(_ALIKE).translate(None, _NO_BRACKET)
    for _ in range(depth):  # each time around, the innermost level of everything goes
        fewer = brackets.replace(b"[]", b"")
        if len(fewer) == len(brackets):
            break
        brackets = fewer
    return b"[]" in brackets or brackets.count(b"[") > depth
