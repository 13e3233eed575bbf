"""What is said bit by bit, as chunks: what must be opened first is opened, and what was opened is closed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from agents_sdk.chat.shapes import Chunk

__all__ = ["Script", "get"]

_BESIDE = ("data-", "message-metadata")
"""Chunks that may come while a text is open, and do not end it."""


class Script:
    """The chunks of one answer. Ids are counted, so that an answer that is given again has the same ones."""

    def __init__(self, id: str, *, begins: bool = True) -> None:
        """`begins`: what the agent only says has a `start` of ours."""
        self._id = id
        self._begins = begins
        self._ids = 0
        self._said = False  # anything at all
        self._step: str | None = None
        self._text: tuple[str, str, str] | None = None  # what is open: its kind, whose it is, its id
        self._finished = False
        self.reason: str | None = None
        """Why the model has finished, as clients call it."""

    def new_id(self) -> str:
        """An id that nothing in this answer has."""
        self._ids += 1
        return self._id if self._ids == 1 else f"{self._id}-{self._ids}"

    def begin(self) -> Iterator[Chunk]:
        """The answer begins, if it has not: clients learn the id of its message."""
        if self._begins and not self._said:
            self._said = True
            yield {"type": "start"}

    def say(self, kind: Literal["text", "reasoning"], delta: str, whose: str = "") -> Iterator[Chunk]:
        """More of a text, which belongs to what `whose` names; another one ends."""
        if not delta:
            return
        if self._text is None or self._text[:2] != (kind, whose):
            yield from self.hush()
            self._text = (kind, whose, self.new_id())
            yield {"type": f"{kind}-start", "id": self._text[2]}
        self._said = True
        yield {"type": f"{kind}-delta", "id": self._text[2], "delta": delta}

    def hush(self) -> Iterator[Chunk]:
        """Ends the text that is open."""
        if self._text is not None:
            yield {"type": f"{self._text[0]}-end", "id": self._text[2]}
            self._text = None

    def step(self, name: str) -> Iterator[Chunk]:
        """What follows is of the answer of a model that has this name; a new one begins a step."""
        if self._step == name:
            return
        opened = self._step == ""  # by the agent itself
        if not opened:
            yield from self._end_step()
        self._step = name
        self.reason = None
        yield from self.begin()
        if not opened:
            yield {"type": "start-step"}
        self._said = True

    def own(self, chunk: Chunk) -> Iterator[Chunk]:
        """A chunk that the agent gives as it is."""
        type = chunk["type"]
        if type not in ("start", "error") and not chunk.get("transient"):
            yield from self.begin()
        if not type.startswith(_BESIDE):
            yield from self.hush()
        match type:
            case "start-step":
                yield from self._end_step()
                self._step = ""
            case "finish-step":
                self._step = None
            case "finish":
                yield from self._end_step()
                self._finished = True
        self._said = self._said or not chunk.get("transient")
        yield chunk

    def end(self) -> Iterator[Chunk]:
        """The answer is whole."""
        yield from self.hush()
        of_model = self._step is not None
        yield from self._end_step()
        if self.reason is not None and not self._finished:
            yield {"type": "finish", "finishReason": self.reason}
        elif of_model and not self._finished:
            yield {"type": "finish"}

    def _end_step(self) -> Iterator[Chunk]:
        yield from self.hush()
        if self._step:
            yield {"type": "finish-step"}
        self._step = None


def get(thing: Any, *path: str | int) -> Any:
    """What stands at `path` of an object of an SDK, or of its JSON; None where nothing does."""
    for key in path:
        if isinstance(key, int):
            thing = thing[key] if isinstance(thing, list | tuple) and len(thing) > key else None
        else:
            thing = thing.get(key) if isinstance(thing, dict) else getattr(thing, key, None)
    return thing
