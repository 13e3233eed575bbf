"""Four ways to make a history fit, and what is left of the facts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from integrations.compaction import (
    Carried,
    Compacted,
    Message,
    Overlay,
    Plan,
    Settings,
    Unchanged,
    commit,
    plan,
    summarise_with,
)
from integrations.compaction.masking import Masking, stubs
from integrations.compaction.overlay import view
from integrations.compaction.units import flat, group
from integrations.llm import LLM, Usage
from integrations.tokens import Counter, message_tokens
from tests.integrations.compaction.probe.sessions import Fact, Session

__all__ = ["STRATEGIES", "TIMES", "Kept", "Paid", "kept"]

STRATEGIES = ("none", "drop", "mask", "tiered")
TIMES = (1, 3, 5)
STRIDE = 12  # messages between two looks whether it is due


@dataclass(frozen=True, slots=True)
class Kept:
    """What one strategy has left of a session, when the tiered one has compacted it so many times."""

    strategy: str
    times: int
    tokens_before: int
    tokens: int
    known: dict[Fact, bool]


@dataclass(frozen=True, slots=True)
class Paid:
    """What the tiered strategy has asked a model for, so far."""

    requests: int
    usage: Usage


@dataclass(slots=True)
class _Tiers:
    """The whole of it, as an application would use it."""

    session: Session
    settings: Settings
    llm: LLM
    overlay: Overlay | None = None
    requests: int = 0
    usage: Usage = field(default_factory=Usage)

    async def grow(self, messages: Sequence[Message]) -> Compacted | None:
        """What was compacted, if it was due."""
        planned = plan(
            messages, settings=self.settings, overlay=self.overlay, carried=Carried(rules=self.session.rules)
        )
        if not isinstance(planned, Plan):
            assert isinstance(planned, Unchanged)
            return None
        summary = None
        if planned.request is not None:
            self.requests += 1
            summary = await summarise_with(self.llm)(planned.request)
            self.usage += summary.usage
        outcome = commit(planned, summary)
        assert isinstance(outcome, Compacted)
        self.overlay = outcome.overlay
        return outcome


async def kept(
    session: Session, settings: Settings, llm: LLM, count: Counter
) -> tuple[list[Kept], dict[int, Paid]]:
    """All strategies, at the lengths at which the tiered one has compacted once, three and five times."""
    tiers, times = _Tiers(session, settings, llm), 0
    found: list[Kept] = []
    paid: dict[int, Paid] = {}
    for end in range(session.first_part, len(session.messages) + 1, STRIDE):
        history = session.messages[:end]
        outcome = await tiers.grow(history)
        if outcome is None:
            continue
        times += 1
        if times in TIMES:
            left: dict[str, Sequence[Message]] = {
                "none": history,
                "drop": _dropped(history, settings, count),
                "mask": _masked(history, settings),
                "tiered": outcome.messages,
            }
            for name, messages in left.items():
                known = _known(session.facts, messages)
                found.append(Kept(name, times, _tokens(history, count), _tokens(messages, count), known))
            paid[times] = Paid(tiers.requests, tiers.usage)
        if times == max(TIMES):
            return found, paid
    raise AssertionError(f"the session is too short: it was compacted {times} times")


def _dropped(history: Sequence[Message], settings: Settings, count: Counter) -> list[Message]:
    """The newest that fit into the target, behind the instructions."""
    units = group(history)
    room = settings.room(0).goal - _tokens(units[0].messages, count)
    start = len(units)
    while start > 1 and (room := room - _tokens(units[start - 1].messages, count)) >= 0:
        start -= 1
    return [*units[0].messages, *flat(units[start:])]


def _masked(history: Sequence[Message], settings: Settings) -> Sequence[Message]:
    """Old tool results and arguments as stubs, and nothing else."""
    planned = plan(history, settings=settings)
    assert isinstance(planned, Plan)
    return view(planned.subject.units, Overlay(stubs=stubs(planned.subject, Masking.OLD)))


def _known(facts: Iterable[Fact], messages: Iterable[Message]) -> dict[Fact, bool]:
    text = "\n".join(json.dumps(message.wire(), ensure_ascii=False) for message in messages)
    return {fact: all(mark in text for mark in fact.marks) for fact in facts}


def _tokens(messages: Iterable[Message], count: Counter) -> int:
    return sum(message_tokens(message.wire(), count) for message in messages)
