"""Recorded traffic between clients and a server: what was sent, what came, in which order."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import quote, urlsplit

__all__ = ["Line", "Message", "Recording", "as_sent", "read", "type_of"]

Message: TypeAlias = Any
"""Parsed JSON; other text is `{"$text": …}`, and bytes are `{"$binary": base64}`."""

_AS_IT_IS = "/%:@!$&'()*+,;=~|[]^?#"
"""What no browser escapes in a URL."""

Does = Literal["connect", "open", "close", "send", "receive", "kill", "up", "note"]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened, milliseconds after the begin; `conn` is "" where it was no client's."""

    at: float
    conn: str
    does: Does
    message: Message

    @property
    def path(self) -> str:
        """Path and query of a connect, as a browser sends them."""
        url = urlsplit(quote(self.message["url"], safe=_AS_IT_IS))
        return f"{url.path}?{url.query}" if url.query else url.path


@dataclass(frozen=True, slots=True)
class Recording:
    """One file."""

    id: str
    lines: Sequence[Line]

    @property
    def is_killed(self) -> bool:
        """The server was killed, and started again."""
        return any(line.does == "kill" for line in self.lines)

    def of(self, conn: str, does: Does) -> list[Line]:
        """What happened so to one client."""
        return [line for line in self.lines if line.conn == conn and line.does == does]

    def conns(self) -> list[str]:
        """The labels of the clients."""
        return list(dict.fromkeys(line.conn for line in self.lines if line.conn))


def read(file: Path) -> Recording:
    """The recording in a file of JSON lines."""
    lines = (json.loads(text) for text in file.read_text(encoding="utf-8").splitlines() if text.strip())
    return Recording(file.stem, tuple(_lines(lines)))


def as_sent(message: Message) -> str | bytes:
    """What goes over the socket."""
    match message:
        case {"$text": str(text)}:
            return text
        case {"$binary": str(encoded)}:
            return base64.b64decode(encoded)
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def type_of(message: Message) -> str:
    """The type of a frame; "" of what is none."""
    found = message.get("type") if isinstance(message, dict) else None
    return found if isinstance(found, str) else ""


def _lines(entries: Iterable[dict[str, Any]]) -> Iterable[Line]:
    for entry in entries:
        message = entry["message"]
        does: Does
        match entry["dir"]:
            case "c2s":
                does = "send"
            case "s2c":
                does = "receive"
            case "event":
                does = message["event"]
            case _:
                does = _noted(message)
        yield Line(entry["t"], entry.get("conn", ""), does, message)


def _noted(message: Message) -> Does:
    if isinstance(message, str) and "SIGKILL" in message:
        return "kill"
    return "up" if message == "server is up again" else "note"
