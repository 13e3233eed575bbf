"""A history as atomic units: a call with all of its results, or one other message.

Whatever is done with whole units cannot part a call from its result. Grouping also mends what no provider
accepts: a result without a call is left out, a late one moves up to its call, a missing one is filled in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from integrations.compaction.message import Call, Message, Part

RESERVED = "~"
NO_RESULT = "[No result of this call was recorded.]"


@dataclass(frozen=True, slots=True)
class Unit:
    """Messages that stay together, the call first. `open`: the last unit, still waiting for a result."""

    messages: tuple[Message, ...]
    open: bool = False
    filled: bool = False
    """A result was missing; the real one may still come."""

    @property
    def id(self) -> str:
        """The id of the first message."""
        return self.messages[0].id


@dataclass(slots=True)
class _Draft:
    messages: list[Message]
    waiting: list[Call] = field(default_factory=list)

    def take(self, message: Message) -> bool:
        """Add the message if this unit waits for one of its results."""
        mine = message.answering(call.id for call in self.waiting)
        if mine is None or not mine.answers:
            return False
        for answer in mine.answers:
            self.waiting.remove(next(call for call in self.waiting if call.id == answer))
        self.messages.append(mine)
        return True

    def finish(self, *, last: bool) -> Unit:
        if not self.waiting or last:
            return Unit(tuple(self.messages), open=bool(self.waiting))
        filled = (_missing_result(self.messages[0], call, n) for n, call in enumerate(self.waiting))
        return Unit((*self.messages, *filled), filled=True)


def group(messages: Iterable[Message]) -> tuple[Unit, ...]:
    """The units of a history, in order; refuses ids that are not unique or not free to use."""
    drafts: list[_Draft] = []
    waiting: list[_Draft] = []
    seen: set[str] = set()
    for message in messages:
        _check_id(message.id, seen)
        if message.answers:
            waiting = [draft for draft in waiting if draft.waiting]
            if any(draft.take(message) for draft in reversed(waiting)):
                continue
        rest = message.answering(())
        if rest is None:
            continue
        drafts.append(_Draft([rest], list(rest.calls)))
        waiting.append(drafts[-1])
    return tuple(draft.finish(last=draft is drafts[-1]) for draft in drafts)


def flat(units: Sequence[Unit]) -> tuple[Message, ...]:
    """The messages of the units."""
    return tuple(message for unit in units for message in unit.messages)


def _check_id(id: str, seen: set[str]) -> None:
    if id in seen:
        raise ValueError(f"two messages of the history have the id {id!r}: ids must be unique")
    if RESERVED in id:
        raise ValueError(
            f"the message id {id!r} contains {RESERVED!r}, which marks what compaction adds: "
            "give the original messages and the overlay, not the compacted ones"
        )
    seen.add(id)


def _missing_result(message: Message, call: Call, number: int) -> Message:
    id_ = f"{message.id}{RESERVED}{number}"
    if any(listed.id == call.id for listed in message.tool_calls or ()):
        return Message(id=id_, role="tool", tool_call_id=call.id, content=NO_RESULT)
    part: Part = {"type": "tool_result", "tool_use_id": call.id, "content": NO_RESULT}
    return Message(id=id_, role="user", content=[part])
