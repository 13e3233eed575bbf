"""Calls that are given something else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from integrations.code_review.finding import Severity
from integrations.code_review.signals.differences import permuted
from integrations.code_review.signals.model import Difference, FunctionChange, Signal
from integrations.code_review.signals.syntax import call_name, short
from integrations.code_review.signals.vocabulary import is_logging

__all__ = ["argument_order", "dropped_keywords"]

_PROTECTING = re.compile(
    r"^(?:(?:connect_|read_|request_)?timeout|deadline|verify|check|strict|limit|secure|httponly|samesite|encoding"
    r"|errors|exist_ok|missing_ok|lock|atomic|safe|usedforsecurity|return_exceptions|maxsize|key"
    r"|max_(?:retries|size|length|bytes|depth|connections|attempts))$|^(?:raise|follow|escape|validate)_"
)


def argument_order(change: FunctionChange) -> Iterator[Signal]:
    """The same arguments in another order, or a subtraction turned round."""
    for found in change.differences:
        match found.old, found.new:
            case (ast.Call() as old, ast.Call() as new) if permuted(old, new) and not is_logging(
                call_name(old)
            ):
                yield Signal(
                    "argument-order",
                    Severity.MEDIUM,
                    f"`{short(old)}` became `{short(new)}`: which order does `{call_name(new)}` expect?",
                    *found.heads,
                    subject=call_name(new),
                )
            case (ast.BinOp(op=op) as old, ast.BinOp() as new) if permuted(old, new) and _order_matters(op):
                yield Signal(
                    "operand-order",
                    Severity.MEDIUM,
                    f"`{short(old)}` became `{short(new)}`: is the order meant to change?",
                    *found.heads,
                )
            case (ast.Tuple() as old, ast.Tuple() as new) if permuted(old, new) and _is_passed_on(found):
                yield Signal(
                    "element-order",
                    Severity.LOW,
                    f"`{short(old)}` became `{short(new)}`: does everyone who unpacks it know?",
                    *found.heads,
                )


def dropped_keywords(change: FunctionChange) -> Iterator[Signal]:
    """`f(x)` for `f(x, timeout=5)`."""
    for found in change.differences:
        match found.old, found.new, found.parent:
            case (ast.keyword(arg=str(name)) as old, None, ast.Call() as call) if not is_logging(
                call_name(call)
            ) and not _is_positional_now(old, found.new_parent):
                protecting = _PROTECTING.search(name) is not None
                yield Signal(
                    "keyword-dropped",
                    Severity.MEDIUM if protecting else Severity.LOW,
                    f"`{call_name(call)}` is no longer given `{short(old)}`: is its default right here?",
                    *found.heads,
                    subject=f"{name}=",
                )
            case (ast.expr() as old, None, ast.Call() as call) if _is_lookup(call):
                yield Signal(
                    "fallback-lost",
                    Severity.LOW,
                    f"`{short(found.parent)}` lost its fallback `{short(old)}`: can it be missing?",
                    *found.heads,
                )


def _is_positional_now(dropped: ast.keyword, call: ast.AST) -> bool:
    return isinstance(call, ast.Call) and ast.dump(dropped.value) in map(ast.dump, call.args)


def _is_lookup(call: ast.Call) -> bool:
    """With a last argument for what is missing."""
    match call:
        case ast.Call(func=ast.Attribute(attr="get" | "pop"), args=[_, _]):
            return True
        case (
            ast.Call(func=ast.Name(id="getattr"), args=[_, _, _])
            | ast.Call(func=ast.Name(id="next"), args=[_, _])
        ):
            return True
        case _:
            return False


def _order_matters(op: ast.operator) -> bool:
    return not isinstance(op, ast.Add | ast.Mult | ast.BitAnd | ast.BitOr | ast.BitXor)


def _is_passed_on(found: Difference) -> bool:
    return isinstance(found.parent, ast.Return | ast.Assign | ast.For | ast.Yield)
