"""A function as a list of statement heads."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence

from integrations.code_review.signals.model import Body, Head

__all__ = ["body_of", "heads_of"]

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def body_of(name: str, node: ast.AST) -> Body:
    """A canonical definition or module as heads."""
    return Body(name, node, tuple(heads_of(node)))


def heads_of(node: ast.AST) -> Iterator[Head]:
    """The heads of the statements inside `node`, in order; a definition in it is a head without a body."""
    yield from _block(getattr(node, "body", ()), ())


def _block(statements: Sequence[ast.AST], blocks: tuple[str, ...]) -> Iterator[Head]:
    for statement in statements:
        head = _head(statement, blocks)
        yield head
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for field in _BLOCKS:
            inner = getattr(statement, field, None)
            if isinstance(inner, list) and inner:
                yield from _block(inner, (*blocks, _name(field, head)))


def _name(field: str, head: Head) -> str:
    match field:
        case "orelse":
            return f"else of {head.text}"
        case "finalbody":
            return "finally:"
        case _:
            return head.text


def _head(statement: ast.AST, blocks: tuple[str, ...]) -> Head:
    bare = copy.copy(statement)
    for field in _BLOCKS:
        if isinstance(getattr(bare, field, None), list):
            setattr(bare, field, [])
    line: int = getattr(
        statement.pattern if isinstance(statement, ast.match_case) else statement, "lineno", 1
    )
    parts = tuple(
        child
        for child in ast.iter_child_nodes(bare)
        if not isinstance(child, ast.stmt | ast.expr_context | ast.operator)
    )
    compound = any(isinstance(getattr(statement, field, None), list) for field in _BLOCKS)
    last = max((_end(part, line) for part in parts), default=line)
    end = last if compound else _end(statement, last)
    return Head(statement, ast.unparse(bare).strip(), parts, blocks, line, end)


def _end(node: ast.AST, line: int) -> int:
    end = getattr(node, "end_lineno", None)
    return end if isinstance(end, int) else line
