"""Responses that a scripted model works on in the background."""

from __future__ import annotations

from dataclasses import dataclass

from integrations.llm.testing import responses_body
from integrations.llm.testing.replies import Asked, FailedReply, RawReply, Reply

__all__ = ["StoredResponses"]


@dataclass(slots=True)
class _Stored:
    reply: Reply | FailedReply
    asked: Asked
    looks: int = 0
    cancelled: bool = False

    @property
    def ended(self) -> bool:
        is_held = self.reply.hold is not None and not self.reply.hold.is_set()
        return self.cancelled or (self.looks > self.reply.looks and not is_held)


class StoredResponses:
    """By id; `looked` and `cancelled` are the ids that were asked for, in order."""

    def __init__(self) -> None:
        self._stored: dict[str, _Stored] = {}
        self.looked: list[str] = []
        self.cancelled: list[str] = []

    def begin(self, reply: Reply | FailedReply, asked: Asked) -> RawReply:
        """The answer to who has a response begun: its id."""
        id = f"resp_{len(self._stored) + 1}"
        self._stored[id] = _Stored(reply, asked)
        content = responses_body.whole(reply, asked, id=id, status="queued")
        return RawReply(content, headers=reply.headers)

    def answer(self, path: str) -> RawReply | None:
        """The answer to a look, or to a cancellation; None where no such response is."""
        id, _, verb = path.rpartition("/responses/")[2].partition("/")
        stored = self._stored.get(id)
        if stored is None:
            return None
        if verb == "cancel":
            self.cancelled.append(id)
            stored.cancelled = stored.cancelled or not stored.ended
        else:
            self.looked.append(id)
            stored.looks += 1
        return RawReply(self._body(id, stored), headers=stored.reply.headers)

    def _body(self, id: str, stored: _Stored) -> bytes:
        if stored.cancelled:
            return responses_body.whole(stored.reply, stored.asked, id=id, status="cancelled")
        status: responses_body.Status | None = None if stored.ended else "in_progress"
        return responses_body.whole(stored.reply, stored.asked, id=id, status=status)
