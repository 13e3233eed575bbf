"""Comparisons that compare otherwise."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from integrations.code_review.finding import Severity
from integrations.code_review.signals.model import Difference, FunctionChange, Signal
from integrations.code_review.signals.syntax import short

__all__ = ["changed_comparisons"]

_BOUNDARY = frozenset({ast.Lt, ast.LtE})
_TURNED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {ast.Gt: ast.Lt, ast.GtE: ast.LtE}
_IDENTITY = (frozenset({ast.Eq, ast.Is}), frozenset({ast.NotEq, ast.IsNot}))
_OPPOSITE = (
    frozenset({ast.Eq, ast.NotEq}),
    frozenset({ast.In, ast.NotIn}),
    frozenset({ast.Is, ast.IsNot}),
)


def changed_comparisons(change: FunctionChange) -> Iterator[Signal]:
    """`<` for `<=`, `!=` for `==`, `a < b` for `b < a`, a truth test for `is None`."""
    for found in change.differences:
        match found.old, found.new:
            case (ast.Compare() as old, ast.Compare() as new):
                yield from _compare(found, old, new)
            case (ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()]), new) if new is not None:
                if _is_truth_of(left, new):
                    yield _question(
                        found,
                        "none-test-loosened",
                        Severity.LOW,
                        "does a value that is empty or zero count as missing now?",
                    )


def _compare(found: Difference, old: ast.Compare, new: ast.Compare) -> Iterator[Signal]:
    if len(old.ops) != 1 or len(new.ops) != 1:
        return
    before, after = _normal(old), _normal(new)
    if before.sides == after.sides:
        yield from _operator(found, before.op, after.op)
    elif before.turned(after) and not _branches_exchanged(found):
        yield _question(
            found, "inverted-comparison", Severity.MEDIUM, "is it meant to be the other way round?"
        )


@dataclass(frozen=True, slots=True)
class _Normal:
    """A comparison without `>`, and with the sides of `==` in one order."""

    sides: tuple[str, str]
    op: type[ast.cmpop]

    def turned(self, other: _Normal) -> bool:
        return self.sides == other.sides[::-1] and {self.op, other.op} <= _BOUNDARY


def _normal(node: ast.Compare) -> _Normal:
    op = type(node.ops[0])
    one, other = ast.dump(node.left), ast.dump(node.comparators[0])
    if op in _TURNED:
        return _Normal((other, one), _TURNED[op])
    if op in {ast.Eq, ast.NotEq} and other < one:
        return _Normal((other, one), op)
    return _Normal((one, other), op)


def _operator(found: Difference, before: type[ast.cmpop], after: type[ast.cmpop]) -> Iterator[Signal]:
    kinds = frozenset({before, after})
    if before is after:
        return
    if kinds == _BOUNDARY:
        yield _question(
            found, "boundary-changed", Severity.MEDIUM, "which side does the limit itself belong to?"
        )
    elif kinds in _OPPOSITE:
        if not _branches_exchanged(found):
            yield _question(found, "inverted-comparison", Severity.MEDIUM, "is it meant to be the opposite?")
    elif kinds in _IDENTITY:
        yield _question(
            found, "identity-comparison", Severity.LOW, "is it the same object that matters, or an equal one?"
        )
    else:
        yield _question(found, "comparison-changed", Severity.LOW, "was another comparison meant?")


def _question(found: Difference, rule: str, severity: Severity, question: str) -> Signal:
    assert found.old is not None
    assert found.new is not None
    return Signal(
        rule, severity, f"`{short(found.old)}` became `{short(found.new)}`: {question}", *found.heads
    )


def _is_truth_of(left: ast.expr, new: ast.AST) -> bool:
    bare = new.operand if isinstance(new, ast.UnaryOp) and isinstance(new.op, ast.Not) else new
    return ast.dump(bare) == ast.dump(left)


def _branches_exchanged(found: Difference) -> bool:
    """The consequences were exchanged or rewritten with the test, as when a guard is turned round."""
    one, other = found.heads[0].node, found.heads[1].node
    for node, field in ((found.parent, "body"), (one, "body")):
        counterpart = found.new_parent if node is found.parent else other
        before, after = getattr(node, field, None), getattr(counterpart, field, None)
        if before is not None and after is not None:
            return _dumped(before) != _dumped(after)
    return False


def _dumped(body: object) -> list[str]:
    nodes = body if isinstance(body, list) else [body]
    return [ast.dump(node) for node in nodes if isinstance(node, ast.AST)]
