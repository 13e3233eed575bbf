"""Which local variable became which: a rename is no change of behaviour."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Mapping

from integrations.code_review.signals.alignment import aligned
from integrations.code_review.signals.model import Body, Head
from integrations.code_review.signals.syntax import names_in, own_statements, walk_parts

__all__ = ["local_names", "renames_between"]


def local_names(node: ast.AST) -> frozenset[str]:
    """Parameters and variables of a function."""
    names = {argument.arg for argument in _arguments(node)}
    for statement in own_statements(node):
        if isinstance(statement, ast.ExceptHandler) and statement.name:
            names.add(statement.name)
        for part in walk_parts(statement):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                names.add(part.id)
            elif isinstance(part, ast.arg):
                names.add(part.arg)
    return frozenset(names)


def renames_between(old: Body, new: Body) -> Mapping[str, str]:
    """Old local name → new one, for those that only one side has and that stand in the same places."""
    before, after = local_names(old.node), local_names(new.node)
    gone = before - after - _read(new)
    came = after - before - _read(old)
    if not gone or not came:
        return {}
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    hidden = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(gone | came)))})\b")
    pairs = aligned(old.heads, new.heads, lambda head: hidden.sub("_", head.text)).same
    for one, other in pairs:
        for name, next_name in zip(_in_order(one), _in_order(other), strict=False):
            if name in gone and next_name in came:
                votes[name][next_name] += 1
    _vote_by_position(old, new, votes, gone, came)
    return _elected(votes)


def _vote_by_position(
    old: Body, new: Body, votes: dict[str, Counter[str]], gone: frozenset[str], came: frozenset[str]
) -> None:
    for one, other in zip(_arguments(old.node), _arguments(new.node), strict=False):
        if one.arg in gone and other.arg in came:
            votes[one.arg][other.arg] += 1


def _elected(votes: Mapping[str, Counter[str]]) -> dict[str, str]:
    elected: dict[str, str] = {}
    for name, counts in sorted(votes.items(), key=lambda item: -item[1].total()):
        chosen, count = counts.most_common(1)[0]
        if count * 2 > counts.total() and chosen not in elected.values():
            elected[name] = chosen
    return elected


def _arguments(node: ast.AST) -> list[ast.arg]:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    given = node.args
    extra = [one for one in (given.vararg, given.kwarg) if one is not None]
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *extra]


def _read(body: Body) -> frozenset[str]:
    return frozenset[str]().union(*(names_in(part) for head in body.heads for part in head.parts))


def _in_order(head: Head) -> list[str]:
    named = [head.node.name] if isinstance(head.node, ast.ExceptHandler) and head.node.name else []
    return named + [
        found.id if isinstance(found, ast.Name) else found.arg
        for part in head.parts
        for found in ast.walk(part)
        if isinstance(found, ast.Name | ast.arg)
    ]
