"""Loops over what they change."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from integrations.code_review.finding import Severity
from integrations.code_review.signals.model import Body, FunctionChange, Head, Signal
from integrations.code_review.signals.syntax import calls_in, own_statements, short, source

__all__ = ["mutation_while_iterating"]

_CHANGING = frozenset(
    {
        "append",
        "remove",
        "pop",
        "insert",
        "clear",
        "extend",
        "add",
        "discard",
        "popitem",
        "update",
        "appendleft",
        "popleft",
    }
)
_VIEWS = frozenset({"items", "keys", "values"})


def mutation_while_iterating(change: FunctionChange) -> Iterator[Signal]:
    """A loop changes the collection that it walks over, and did not before."""
    before = {text for text, _, _ in _found(change.old)}
    for text, head, how in _found(change.new):
        if text not in before:
            yield Signal(
                "changed-while-iterating",
                Severity.MEDIUM,
                f"The loop over `{short(text)}` does `{short(how)}` meanwhile: are items left out?",
                new=head,
                subject=text,
            )


def _found(body: Body) -> Iterator[tuple[str, Head, ast.AST]]:
    for head in body.heads:
        if not isinstance(head.node, ast.For | ast.AsyncFor):
            continue
        walked = source(_collection(head.node.iter))
        for statement in own_statements(ast.Module(head.node.body, [])):
            how = _changes(statement, walked)
            if how is not None and not _leaves_after(head.node, statement):
                yield walked, head, how
                break


def _collection(walked: ast.expr) -> ast.expr:
    match walked:
        case ast.Call(func=ast.Attribute(value=value, attr=attr), args=[]) if attr in _VIEWS:
            return value
        case ast.Call(func=ast.Name(id="enumerate"), args=[inner, *_]):
            return _collection(inner)
        case _:
            return walked


def _changes(statement: ast.AST, walked: str) -> ast.AST | None:
    match statement:
        case ast.Delete(targets=targets):
            for target in targets:
                if isinstance(target, ast.Subscript) and source(target.value) == walked:
                    return statement
        case ast.Expr(value=value) | ast.Assign(value=value):
            for name, call in calls_in(value):
                if (
                    name in _CHANGING
                    and isinstance(call.func, ast.Attribute)
                    and source(call.func.value) == walked
                ):
                    return call
        case _:
            pass
    return None


def _leaves_after(loop: ast.For | ast.AsyncFor, statement: ast.AST) -> bool:
    """Whether the block that holds the statement ends the loop, so that the change does no harm."""
    for block in _blocks(loop):
        if statement in block:
            return isinstance(block[-1], ast.Break | ast.Return | ast.Raise)
    return False


def _blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for holder in (node, *own_statements(node)):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(holder, field, None)
            if isinstance(block, list):
                yield block
