"""Conditions that ask less, or the opposite, or that are gone."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from integrations.code_review.finding import Severity
from integrations.code_review.signals.differences import unwrapped
from integrations.code_review.signals.model import Difference, FunctionChange, Head, Signal
from integrations.code_review.signals.syntax import asks_platform, bare_test, names_in, short, source

__all__ = ["lost_guards", "lost_operands"]

_CONDITIONAL = ast.If | ast.While | ast.Assert
_MOST_LOST = 2
_NO_FALLBACK = "there is no fallback now"
_EXITS = ast.Return | ast.Continue | ast.Break


def lost_operands(change: FunctionChange) -> Iterator[Signal]:
    """A part of an `and`/`or` or a filter is gone, `and` became `or`, a test was negated."""
    for found in change.differences:
        yield from _boolean(change, found)
        if isinstance(found.parent, ast.comprehension) and found.field == "ifs" and found.new is None:
            yield from _operand(change, found, found.old, "every item passes now")
        elif _is_negation(found):
            old, new = found.heads
            yield Signal(
                "inverted-condition",
                Severity.MEDIUM,
                f"`{short(_shown(old))}` became `{short(_shown(new))}`: is the opposite meant?",
                old,
                new,
            )


def lost_guards(change: FunctionChange) -> Iterator[Signal]:
    """An `if` that raised or left, or an `assert`, is gone; or what it guarded runs always now."""
    for head in change.removed:
        match head.node:
            case ast.If(test=test, body=body):
                yield from _removed_if(change, head, test, body)
            case ast.Assert(test=test) if not _asked_elsewhere(change, test):
                yield Signal(
                    "assert-removed",
                    Severity.LOW,
                    f"`{short(head.text)}` is gone: is it still certain?",
                    head,
                    subject=source(test),
                )


def _removed_if(change: FunctionChange, head: Head, test: ast.expr, body: list[ast.stmt]) -> Iterator[Signal]:
    if _asked_elsewhere(change, test) or asks_platform(test):
        return
    if isinstance(body[-1], ast.Raise | _EXITS):
        way = "stops" if isinstance(body[-1], ast.Raise) else "leaves"
        yield Signal(
            "guard-removed",
            Severity.LOW,
            f"`{short(head.text)}` no longer {way} with `{short(body[-1])}`: may it go on in this case now?",
            head,
            subject=source(test),
        )
    elif kept := _freed(change, head, body):
        yield Signal(
            "condition-removed",
            Severity.MEDIUM if _is_all(change) else Severity.LOW,
            f"`{short(kept.text)}` no longer asks `{short(test)}`: is it meant to run always?",
            head,
            kept,
            subject=source(test),
        )


def _is_all(change: FunctionChange) -> bool:
    """Nothing came, and hardly anything went but the question itself."""
    return not change.grew and len(change.removed) <= _MOST_LOST and change.new.function is not None


def _freed(change: FunctionChange, head: Head, body: list[ast.stmt]) -> Head | None:
    first = body[0]
    for old, new in change.same:
        if old.node is first and head.text in old.blocks and len(new.blocks) < len(old.blocks):
            return new
    return None


def _asked_elsewhere(change: FunctionChange, test: ast.expr) -> bool:
    """A part of the test stands elsewhere, or a new condition or call is about the same variables."""
    parts = test.values if isinstance(test, ast.BoolOp) else [test]
    if any(change.has(bare_test(part)) for part in parts):
        return True
    asked = names_in(test) - {"self", "cls"}
    return bool(asked) and any(
        asked <= names_in(node)
        for head in change.added
        for part in head.parts
        for node in ast.walk(part)
        if isinstance(node, ast.Call) or (node is part and isinstance(head.node, _CONDITIONAL))
    )


def _boolean(change: FunctionChange, found: Difference) -> Iterator[Signal]:
    match found:
        case Difference(old=ast.expr() as lost, new=None, parent=ast.BoolOp(op=op), field="values"):
            yield from _operand(change, found, lost, _meaning(op, found))
        case Difference(old=ast.BoolOp(op=op, values=values) as old, new=ast.expr() as new) if unwrapped(
            old, new
        ):
            for lost in values:
                if ast.dump(lost) != ast.dump(new):
                    yield from _operand(change, found, lost, _meaning(op, found))
        case Difference(old=ast.BoolOp() as old, new=ast.BoolOp() as new) if type(old.op) is not type(new.op):
            if sorted(map(source, old.values)) == sorted(map(source, new.values)):
                yield Signal(
                    "and-or-swapped",
                    Severity.MEDIUM,
                    f"`{short(old)}` became `{short(new)}`: is one of them enough now, or must all hold?",
                    *found.heads,
                )


def _operand(
    change: FunctionChange, found: Difference, lost: ast.AST | None, meaning: str
) -> Iterator[Signal]:
    if not isinstance(lost, ast.expr) or asks_platform(lost):
        return
    if change.has(bare_test(lost)) and not (found.alone and change.settled and _is_bare(lost)):
        return
    missed = found.alone or (_is_condition(found) and _is_known(change, lost))
    yield Signal(
        "operand-lost",
        Severity.MEDIUM if missed and change.settled and meaning != _NO_FALLBACK else Severity.LOW,
        f"`{short(lost)}` is no longer asked for, so {meaning}: was it meant to go?",
        *found.heads,
        subject=source(lost),
    )


def _is_bare(lost: ast.expr) -> bool:
    """A name or attribute, which a text always repeats where it uses it: that is not asking for it."""
    return isinstance(bare_test(lost), ast.Name | ast.Attribute)


def _is_known(change: FunctionChange, lost: ast.expr) -> bool:
    """What it asked about is still there: with a variable goes also what was asked of it."""
    read = frozenset[str]().union(*(names_in(part) for head in change.new.heads for part in head.parts))
    return names_in(lost) <= read and not any(isinstance(node, ast.NamedExpr) for node in ast.walk(lost))


def _meaning(op: ast.boolop, found: Difference) -> str:
    if not _is_condition(found) and isinstance(op, ast.Or):
        return _NO_FALLBACK
    return "more cases pass now" if isinstance(op, ast.And) else "fewer cases pass now"


def _is_condition(found: Difference) -> bool:
    asked = isinstance(found.parent, ast.IfExp | ast.comprehension)
    if isinstance(found.heads[0].node, ast.Return):  # `a and b` decides, `a or b` falls back
        operation = found.parent if isinstance(found.parent, ast.BoolOp) else found.old
        return asked or (isinstance(operation, ast.BoolOp) and isinstance(operation.op, ast.And))
    return asked or isinstance(found.heads[0].node, _CONDITIONAL)


def _is_negation(found: Difference) -> bool:
    old, new = found.heads
    if not isinstance(old.node, _CONDITIONAL) or not _same_consequence(old.node, new.node):
        return False
    match found.old, found.new:
        case (ast.UnaryOp(op=ast.Not(), operand=one), ast.expr() as other):
            return ast.dump(one) == ast.dump(other)
        case (ast.expr() as one, ast.UnaryOp(op=ast.Not(), operand=other)):
            return ast.dump(one) == ast.dump(other)
        case _:
            return False


def _same_consequence(old: ast.AST, new: ast.AST) -> bool:
    if isinstance(old, ast.Assert):
        return isinstance(new, ast.Assert)
    one, other = getattr(old, "body", []), getattr(new, "body", [])
    return [ast.dump(item) for item in one] == [ast.dump(item) for item in other]


def _shown(head: Head) -> ast.AST:
    test = getattr(head.node, "test", None)
    return test if isinstance(test, ast.expr) else head.node
