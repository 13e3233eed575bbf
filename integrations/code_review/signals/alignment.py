"""Which statement each statement was."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from integrations.code_review.signals.model import Head

__all__ = ["Alignment", "aligned"]

_TOKEN = re.compile(r"\w+|[^\w\s]")
_ALIKE = 0.5
_MUCH_ALIKE = 0.75
_SAME_BODY = 0.9
_SAME_PLACE = 0.12
_MOST = 80  # heads of one changed stretch; beyond it nothing in there can be told apart


@dataclass(slots=True)
class Alignment:
    """Statements that stayed, that became another one, that went, that came."""

    same: list[tuple[Head, Head]] = field(default_factory=list)
    changed: list[tuple[Head, Head]] = field(default_factory=list)
    removed: list[Head] = field(default_factory=list)
    added: list[Head] = field(default_factory=list)


def by_text(head: Head) -> str:
    """A statement and how deep it stands."""
    return f"{len(head.blocks)} {head.text}"


def aligned(old: Sequence[Head], new: Sequence[Head], key: Callable[[Head], str] = by_text) -> Alignment:
    """Pairs statements by their text, then those between by their likeness, then those that moved."""
    result = Alignment()
    matcher = SequenceMatcher(None, [key(head) for head in old], [key(head) for head in new], autojunk=False)
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        before, after = list(old[old_start:old_end]), list(new[new_start:new_end])
        if tag == "equal":
            result.same += zip(before, after, strict=True)
            continue
        _keep(result, _take_alike(before, after, _ALIKE))
        result.removed += before
        result.added += after
    _take_moved(result)
    _keep(result, _take_alike(result.removed, result.added, _MUCH_ALIKE))
    return result


def _keep(result: Alignment, pairs: list[tuple[Head, Head]]) -> None:
    for one, other in pairs:
        (result.same if one.text == other.text else result.changed).append((one, other))


def _take_moved(result: Alignment) -> None:
    for head in list(result.removed):
        other = next((one for one in result.added if one.text == head.text), None)
        if other is not None:
            result.same.append((head, other))
            result.removed.remove(head)
            result.added.remove(other)


def _take_alike(before: list[Head], after: list[Head], least: float) -> list[tuple[Head, Head]]:
    """Takes the pairs out of both lists, the most alike first."""
    if max(len(before), len(after)) > _MOST:
        return []
    tokens = {id(head): _TOKEN.findall(head.text) for head in (*before, *after)}
    scores = sorted(
        (
            (_likeness(one, other, tokens), -abs(i - j), -i, -j)
            for i, one in enumerate(before)
            for j, other in enumerate(after)
            if type(one.node) is type(other.node)
        ),
        reverse=True,
    )
    pairs: dict[int, int] = {}
    for score, _, i, j in scores:
        if score >= least and -i not in pairs and -j not in pairs.values():
            pairs[-i] = -j
    found = [(before[i], after[j]) for i, j in sorted(pairs.items())]
    taken = {id(head) for pair in found for head in pair}
    before[:] = [head for head in before if id(head) not in taken]
    after[:] = [head for head in after if id(head) not in taken]
    return found


def _likeness(one: Head, other: Head, tokens: Mapping[int, list[str]]) -> float:
    if one.text == other.text:
        return 1.0
    if (body := _body(one)) and body == _body(other):
        return _SAME_BODY
    ratio = SequenceMatcher(None, tokens[id(one)], tokens[id(other)], autojunk=False).ratio()
    return min(1.0, ratio + (_SAME_PLACE if one.blocks == other.blocks else 0))


def _body(head: Head) -> list[str]:
    body = getattr(head.node, "body", None)
    return [ast.dump(statement) for statement in body] if isinstance(body, list) else []
