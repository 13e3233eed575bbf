"""Lines that say the same of two things, and one of them the wrong thing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from integrations.code_review.finding import Severity
from integrations.code_review.signals.model import FunctionChange, Head, Signal
from integrations.code_review.signals.syntax import short

__all__ = ["broken_twins"]

_TOKEN = re.compile(r"\w+|[^\w\s]")
_ENOUGH = 2  # of a name that a new line has otherwise, so that the one that is left is the exception


def broken_twins(change: FunctionChange) -> Iterator[Signal]:
    """`high = max(high, low)` beside `low = max(low, low)`: one of two lines says the other's name once."""
    before = {id(new): old for old, new in change.changed}
    fresh = {id(head) for head in change.added}
    for one, other in _neighbours(change.new.heads):
        for twin, head in ((one, other), (other, one)):
            left = _left(twin, head)
            if left is None:
                continue
            was = before.get(id(head))
            if was is not None and _parallel(twin, was):
                severity = Severity.MEDIUM
            elif id(head) in fresh and left.times >= _ENOUGH and head is other:
                severity = Severity.LOW
            else:
                continue
            yield Signal(
                "twin-variable",
                severity,
                f"`{short(head.text)}` says `{left.name}` once, as `{short(twin.text)}` does: "
                f"is `{left.other}` meant?",
                was,
                head,
            )


@dataclass(frozen=True, slots=True)
class _Left:
    """A name that stayed where its other occurrences became another one."""

    name: str
    other: str
    times: int


def _neighbours(heads: tuple[Head, ...]) -> Iterator[tuple[Head, Head]]:
    for one, other in pairwise(heads):
        if one.blocks == other.blocks and type(one.node) is type(other.node) and one.text != other.text:
            yield one, other


def _counterparts(one: Head, other: Head) -> dict[str, list[str]] | None:
    """What stands where each name of one line stands in the other; None when they are no twins."""
    before, after = _TOKEN.findall(one.text), _TOKEN.findall(other.text)
    if len(before) != len(after):
        return None
    found: dict[str, list[str]] = defaultdict(list)
    for first, second in zip(before, after, strict=True):
        if first.isidentifier() and second.isidentifier():
            found[first].append(second)
        elif first != second:
            return None
    return found


def _left(one: Head, other: Head) -> _Left | None:
    """The only name that is changed in all places but one."""
    found = None
    for name, others in (_counterparts(one, other) or {}).items():
        changed = {counterpart for counterpart in others if counterpart != name}
        if changed and name in others:
            if found is not None or len(changed) > 1 or others.count(name) > 1:
                return None
            found = _Left(name, changed.pop(), len(others) - 1)
    return found


def _parallel(one: Head, other: Head) -> bool:
    """Whether the lines are the same but for names, each of which is another one everywhere."""
    found = _counterparts(one, other)
    return found is not None and all(len(set(others)) == 1 for others in found.values())
