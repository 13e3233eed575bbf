"""Tier 0: which tool results are shortened, and how far. No model is needed."""

from collections.abc import Iterator
from enum import Enum

from integrations.compaction.message import Message
from integrations.compaction.stubs import EXCERPT, shorten
from integrations.compaction.subject import Subject
from integrations.compaction.units import Unit


class Masking(Enum):
    """What stays of a tool result: from the gentlest to the harshest."""

    OLD = "the newest in full, nothing of the older ones"
    LARGE = "excerpts of the newest"
    ALL = "nothing"


def stubs(subject: Subject, masking: Masking) -> dict[str, int]:
    """The messages to shorten, with the characters that stay of each."""
    chosen = dict(subject.overlay.stubs)
    results = list(_results(subject))
    newest = len(results) - subject.settings.keep_results
    for place, (unit, message) in enumerate(results):
        keep = 0
        if place >= newest and masking is not Masking.ALL:
            if masking is Masking.OLD:
                continue
            keep = EXCERPT
        if _saves(subject, unit, message, keep):
            chosen[message.id] = min(keep, chosen.get(message.id, keep))
    return chosen


def _results(subject: Subject) -> Iterator[tuple[Unit, Message]]:
    """The messages that are shown, hold a tool result, and may be shortened."""
    hidden = subject.overlay.hides(subject.units)
    for unit in subject.units:
        if unit.id in hidden:
            continue
        tools = {call.id: call.tool for call in unit.messages[0].calls}
        for message in unit.messages:
            wanted = {tools[answer] for answer in message.answers} & subject.settings.keep_tools
            if message.answers and message.id not in subject.verbatim and not wanted:
                yield unit, message


def _saves(subject: Subject, unit: Unit, message: Message, keep: int) -> bool:
    calls = {call.id: call for call in unit.messages[0].calls}
    return subject.meter.tokens([shorten(message, calls, keep)]) < subject.meter.tokens([message])
