"""Which files the conversation touched, read from its tool calls: summaries lose track of them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from integrations.compaction.message import Message
from integrations.compaction.settings import Touch

PATH_ARGUMENTS = ("path", "file_path", "filename", "file")
SHOWN = 200  # paths of each kind, the newest


@dataclass(frozen=True, slots=True)
class Files:
    """Paths in the order in which they were first touched; a changed one is not listed as read."""

    read: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def describe(self) -> str:
        """Lines for the model; nothing when no file was touched."""
        return "\n".join(filter(None, (_line("Files read", self.read), _line("Files changed", self.changed))))


def touched(messages: Iterable[Message], tools: Mapping[str, Touch]) -> Files:
    """The files that calls of these tools name."""
    found: dict[str, Touch] = {}
    for call in (call for message in messages for call in message.calls):
        path = _path(call.arguments) if call.tool in tools else None
        if path is not None and found.get(path) != "changed":
            found[path] = tools[call.tool]
    return Files(
        read=tuple(path for path, touch in found.items() if touch == "read"),
        changed=tuple(path for path, touch in found.items() if touch == "changed"),
    )


def _path(arguments: str) -> str | None:
    try:
        given = json.loads(arguments)
    except ValueError:  # a model may write anything
        return None
    if not isinstance(given, dict):
        return None
    return next((given[name] for name in PATH_ARGUMENTS if isinstance(given.get(name), str)), None)


def _line(title: str, paths: tuple[str, ...]) -> str:
    if not paths:
        return ""
    more = f" (and {len(paths) - SHOWN} older)" if len(paths) > SHOWN else ""
    return f"{title}{more}: {', '.join(paths[-SHOWN:])}"
