"""Tier 0: which tool results and arguments are shortened, and how far. No model is needed."""

from collections.abc import Iterator
from enum import Enum

from integrations.compaction.ledger import path_of
from integrations.compaction.message import Message
from integrations.compaction.stubs import ARGUMENT, EXCERPT, shorten
from integrations.compaction.subject import Subject
from integrations.compaction.units import Unit


class Masking(Enum):
    """What stays of a tool result: from the gentlest to the harshest."""

    OLD = "the newest in full, nothing of the older ones"
    LARGE = "excerpts of the newest"
    ALL = "nothing"


def stubs(subject: Subject, masking: Masking) -> dict[str, int]:
    """The messages to shorten, with the characters that stay of each result or argument."""
    chosen = dict(subject.overlay.stubs)
    repeated = _read_again(subject)
    results = [(unit, message) for unit, message in _shown(subject) if message.answers]
    current = [message.id for _, message in results if message.id not in repeated]
    newest = frozenset(current[max(0, len(current) - subject.settings.keep_results) :])
    for unit, message in results:
        keep = 0
        if message.id in newest and masking is not Masking.ALL:
            if masking is Masking.OLD:
                continue
            keep = EXCERPT
        if _saves(subject, unit, message, keep):
            chosen[message.id] = min(keep, chosen.get(message.id, keep))
    for unit, message in _shown(subject):
        needed = masking is Masking.OLD and any(one.id in newest for one in unit.messages)
        if message.calls and not needed and _saves(subject, unit, message, ARGUMENT):
            chosen[message.id] = ARGUMENT
    return chosen


def _shown(subject: Subject) -> Iterator[tuple[Unit, Message]]:
    """The messages that may be shortened, of the units that are shown."""
    hidden = subject.overlay.hides(subject.units)
    for unit in subject.units:
        if unit.id in hidden:
            continue
        tools = {call.id: call.tool for call in unit.messages[0].calls}
        for message in unit.messages:
            used = {tools[answer] for answer in message.answers} or set(tools.values())
            if message.id not in subject.verbatim and not used & subject.settings.keep_tools:
                yield unit, message


def _read_again(subject: Subject) -> frozenset[str]:
    """The results of reading a file that is read again later, by the same call."""
    readers = {tool for tool, touch in subject.settings.file_tools.items() if touch == "read"}
    seen: set[tuple[str, str]] = set()
    found: set[str] = set()
    for unit in reversed(subject.units):
        reads = {
            call.id: (call.tool, repr(sorted(call.given.items())))
            for call in unit.messages[0].calls
            if call.tool in readers and path_of(call) is not None
        }
        if not unit.filled:
            found |= {
                message.id
                for message in unit.messages[1:]
                if message.answers and all(reads.get(answer) in seen for answer in message.answers)
            }
            seen |= set(reads.values())
    return frozenset(found)


def _saves(subject: Subject, unit: Unit, message: Message, keep: int) -> bool:
    calls = {call.id: call for call in unit.messages[0].calls}
    return subject.meter.tokens([shorten(message, calls, keep)]) < subject.meter.tokens([message])
