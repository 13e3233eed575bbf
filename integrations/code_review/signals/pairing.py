"""The functions of a file before and after: which one each was."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from integrations.code_review.scopes import Scope, function_scopes
from integrations.code_review.signals.alignment import aligned
from integrations.code_review.signals.canonical import canonical, renamed
from integrations.code_review.signals.differences import differences
from integrations.code_review.signals.heads import body_of
from integrations.code_review.signals.model import Body, FunctionChange
from integrations.code_review.signals.renames import renames_between

__all__ = ["Text", "changes_between"]

_SAME_FUNCTION = 0.6
_MOST_UNPAIRED = 40


@dataclass(frozen=True, slots=True)
class Text:
    """A parsed text; `lines[0]` is line `first` of the file."""

    tree: ast.Module
    lines: tuple[str, ...]
    first: int = 1

    def slice(self, scope: Scope) -> tuple[str, ...]:
        """The lines of a definition."""
        return self.rows(scope.first, scope.last)

    def rows(self, first: int, last: int | None) -> tuple[str, ...]:
        """The lines from one to another."""
        return self.lines[first - self.first : (last or first) - self.first + 1]


@dataclass(frozen=True, slots=True)
class _Paired:
    pairs: tuple[tuple[Scope, Scope], ...]
    gone: tuple[Scope, ...]
    fresh: tuple[Scope, ...]


def changes_between(old: Text, new: Text) -> Iterator[FunctionChange]:
    """Every function, class and module level that differs; a function that is only new or gone is not one."""
    paired = _paired(old, new)
    moved = {
        one.node.name: other.node.name for one, other in paired.pairs if one.node.name != other.node.name
    }
    fresh = {scope.node.name: body_of(scope.name, canonical(scope.node)) for scope in paired.fresh}
    gone = frozenset(scope.node.name for scope in paired.gone) | moved.keys()
    for one, other in paired.pairs:
        if old.slice(one) != new.slice(other):
            before = body_of(one.name, renamed(canonical(one.node), _called(moved)))
            after = body_of(other.name, canonical(other.node))
            yield _change(before, after, fresh, gone)
    for name, level, other_level in _levels(old, new):
        was, now = (body_of(name, canonical(node)) for node in (level, other_level))
        if [head.text for head in was.heads] != [head.text for head in now.heads]:
            yield _change(was, now, fresh, gone)


def _change(old: Body, new: Body, fresh: Mapping[str, Body], gone: frozenset[str]) -> FunctionChange:
    names = renames_between(old, new)
    if names:
        old = body_of(old.name, renamed(old.node, names)) if old.function else old
    found = aligned(old.heads, new.heads)
    return FunctionChange(
        name=new.name,
        old=old,
        new=new,
        same=tuple(found.same),
        changed=tuple(found.changed),
        removed=tuple(found.removed),
        added=tuple(found.added),
        differences=tuple(one for pair in found.changed for one in differences(pair)),
        fresh=_reached(new, fresh),
        gone=gone,
    )


def _called(moved: Mapping[str, str]) -> dict[str, str]:
    return {**moved, **{f".{name}": other for name, other in moved.items()}}


def _reached(body: Body, fresh: Mapping[str, Body]) -> tuple[Body, ...]:
    found: dict[str, Body] = {}
    pending = [body]
    while pending:
        for name in pending.pop().calls:
            if name in fresh and name not in found and fresh[name] is not body:
                found[name] = fresh[name]
                pending.append(fresh[name])
    return tuple(found.values())


def _paired(old: Text, new: Text) -> _Paired:
    before, after = _by_name(old.tree), _by_name(new.tree)
    pairs = [(scope, after[key]) for key, scope in before.items() if key in after]
    gone = [scope for key, scope in before.items() if key not in after]
    fresh = [scope for key, scope in after.items() if key not in before]
    for one in list(gone):
        other = _successor(one, old, fresh, new) if len(fresh) <= _MOST_UNPAIRED else None
        if other is not None:
            pairs.append((one, other))
            gone.remove(one)
            fresh.remove(other)
    return _Paired(tuple(pairs), tuple(gone), tuple(fresh))


def _by_name(tree: ast.Module) -> dict[tuple[str, int], Scope]:
    seen: Counter[str] = Counter()
    found = {}
    for scope in function_scopes(tree):
        found[scope.name, seen[scope.name]] = scope
        seen[scope.name] += 1
    return found


def _successor(one: Scope, old: Text, fresh: list[Scope], new: Text) -> Scope | None:
    before = _words(old.slice(one))
    best, likeness = None, _SAME_FUNCTION
    for scope in fresh:
        score = SequenceMatcher(None, before, _words(new.slice(scope)), autojunk=False).ratio()
        if score > likeness:
            best, likeness = scope, score
    return best


def _words(lines: tuple[str, ...]) -> list[str]:
    # The line of the definition holds the name, and decorators and annotations are no part of what it does.
    return [
        line.strip()
        for line in lines
        if line.strip() and not line.strip().startswith(("def ", "async def ", "@"))
    ]


def _levels(old: Text, new: Text) -> Iterator[tuple[str, ast.Module, ast.Module]]:
    """Module and class bodies that both sides have and that differ, without the definitions in them."""
    after = dict(_containers(new.tree, ""))
    for name, node in _containers(old.tree, ""):
        if name in after:
            one, other = _level(node), _level(after[name])
            if _written(old, one) != _written(new, other):
                yield name, one, other


def _written(text: Text, level: ast.Module) -> list[list[str]]:
    return [list(text.rows(statement.lineno, statement.end_lineno)) for statement in level.body]


def _containers(tree: ast.AST, prefix: str) -> Iterator[tuple[str, ast.Module | ast.ClassDef]]:
    if isinstance(tree, ast.Module):
        yield "", tree
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.ClassDef):
            yield f"{prefix}{child.name}", child
            yield from _containers(child, f"{prefix}{child.name}.")


def _level(node: ast.Module | ast.ClassDef) -> ast.Module:
    statements = [
        statement
        for statement in node.body
        if not isinstance(
            statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
        )
    ]
    header = [_header(node)] if isinstance(node, ast.ClassDef) else []
    return ast.Module(body=[*header, *statements], type_ignores=[])


def _header(node: ast.ClassDef) -> ast.ClassDef:
    """What a class inherits from, as a statement without a body."""
    last = max((part.end_lineno or part.lineno for part in node.bases), default=node.lineno)
    header = ast.ClassDef(node.name, node.bases, [], [], [])
    return ast.copy_location(
        header, ast.Pass(lineno=node.lineno, end_lineno=last, col_offset=0, end_col_offset=0)
    )
