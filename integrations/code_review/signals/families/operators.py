"""Arithmetic, indices and values that changed inside a statement that stayed."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from integrations.code_review.finding import Severity
from integrations.code_review.signals.differences import unwrapped
from integrations.code_review.signals.model import Body, Difference, FunctionChange, Signal
from integrations.code_review.signals.syntax import call_name, names_in, short
from integrations.code_review.signals.vocabulary import is_logging

__all__ = ["changed_operators", "changed_values"]


def changed_operators(change: FunctionChange) -> Iterator[Signal]:
    """`-` for `+`, `=` for `+=`, `x` for `x + 1`."""
    for found in change.differences:
        match found.old, found.new:
            case (ast.BinOp() as old, ast.BinOp() as new) if type(old.op) is not type(new.op):
                if ast.dump(old.left) == ast.dump(new.left) and ast.dump(old.right) == ast.dump(new.right):
                    yield _part(found, "operator-changed", Severity.MEDIUM, "was another operator meant?")
            case (ast.BinOp(right=ast.Constant(value=int())) as old, ast.expr() as new) if unwrapped(
                old, new
            ):
                yield _part(found, "offset-lost", Severity.MEDIUM, "is it off by that much now?")
            case (ast.expr() as old, ast.BinOp(right=ast.Constant(value=int(step))) as new) if unwrapped(
                new, old
            ):
                if abs(step) == 1:
                    yield _part(found, "offset-added", Severity.LOW, "is it off by one now?")
            case (ast.Subscript(slice=ast.Slice()) as old, ast.expr() as new) if unwrapped(old, new):
                if ast.unparse(old.slice) != ":":
                    yield _part(found, "slice-lost", Severity.LOW, "is all of it meant now?")
    yield from _augmented(change)


def changed_values(change: FunctionChange) -> Iterator[Signal]:
    """Another number, truth value or variable where one stood."""
    for found in change.differences:
        if _only_tells(found):
            continue
        match found.old, found.new:
            case (ast.Constant(value=bool(before)), ast.Constant(value=bool(after))) if before != after:
                severity = Severity.MEDIUM if isinstance(found.parent, ast.Return) else Severity.LOW
                yield _statement(found, "value-flipped", severity, "is the opposite meant?")
            case (
                ast.Constant(value=int() | float() as before),
                ast.Constant(value=int() | float() as after),
            ):
                if change.new.function is not None:
                    far = abs(before - after) != 1
                    question = "is it right for all who rely on it?" if far else "is it off by one now?"
                    yield _statement(found, "value-changed", Severity.LOW, question)
            case (ast.Name(id=before), ast.Name(id=after)) if found.alone and found.field != "func":
                if {before, after} <= _variables(change.old):
                    question = f"is `{after}` meant, and not `{before}`?"
                    yield _statement(found, "other-variable", Severity.LOW, question)
            case (
                ast.Call(func=ast.Attribute(value=held, attr="get"), args=[key, *_]),
                ast.Subscript(value=now, slice=index),
            ) if ast.dump(held) == ast.dump(now) and ast.dump(key) == ast.dump(index):
                yield _part(found, "lookup-raises", Severity.LOW, "is the key always there?")


def _variables(body: Body) -> frozenset[str]:
    return frozenset[str]().union(*(names_in(part) for head in body.heads for part in head.parts))


def _augmented(change: FunctionChange) -> Iterator[Signal]:
    for old in change.removed:
        for new in change.added:
            if _overwrites(old.node, new.node):
                yield Signal(
                    "accumulation-lost",
                    Severity.MEDIUM,
                    f"`{short(old.text)}` became `{short(new.text)}`: may what was there be overwritten?",
                    old,
                    new,
                )
    for old, new in change.changed:
        match old.node, new.node:
            case (ast.AugAssign(op=before), ast.AugAssign(op=after)) if type(before) is not type(after):
                yield Signal(
                    "operator-changed",
                    Severity.MEDIUM,
                    f"`{short(old.text)}` became `{short(new.text)}`: was another operator meant?",
                    old,
                    new,
                )


def _overwrites(old: ast.AST, new: ast.AST) -> bool:
    match old, new:
        case (ast.AugAssign(target=target, value=value), ast.Assign(targets=[other], value=assigned)):
            return ast.unparse(target) == ast.unparse(other) and ast.dump(value) == ast.dump(assigned)
        case _:
            return False


def _only_tells(found: Difference) -> bool:
    """Logging says something else, and does nothing else."""
    node = found.heads[0].node
    return (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and is_logging(call_name(node.value))
    )


def _part(found: Difference, rule: str, severity: Severity, question: str) -> Signal:
    assert found.old is not None
    assert found.new is not None
    return Signal(
        rule, severity, f"`{short(found.old)}` became `{short(found.new)}`: {question}", *found.heads
    )


def _statement(found: Difference, rule: str, severity: Severity, question: str) -> Signal:
    """Shows the statements, where the parts alone would say too little."""
    old, new = found.heads
    return Signal(rule, severity, f"`{short(old.text)}` became `{short(new.text)}`: {question}", old, new)
