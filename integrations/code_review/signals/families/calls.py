"""Calls that went: around a value, as a statement, or for their opposite."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from integrations.code_review.finding import Severity
from integrations.code_review.signals.differences import unwrapped
from integrations.code_review.signals.model import Difference, FunctionChange, Head, Signal
from integrations.code_review.signals.syntax import call_name, calls_in, short, source
from integrations.code_review.signals.vocabulary import (
    COPIES,
    OPPOSITES,
    is_guarding,
    is_logging,
    is_releasing,
    purpose,
)

__all__ = ["lost_statements", "lost_wrappers", "swapped_calls"]


def lost_wrappers(change: FunctionChange) -> Iterator[Signal]:
    """`x` for `escape(x)`, `x.strip()`, `await x`, `x[:]`, `-x`."""
    for found in change.differences:
        old, new = found.old, found.new
        if old is None or new is None or not unwrapped(old, new):
            continue
        match old:
            case ast.Await():
                yield _await_lost(found, new)
            case ast.Call(func=called, args=[], keywords=[]) if ast.dump(called) == ast.dump(new):
                if found.alone:
                    yield _lost(
                        found,
                        "call-lost",
                        Severity.LOW,
                        f"the call of `{short(new)}`",
                        "is it a value?",
                    )
            case ast.Call() if change.lost_calls[call_name(old)]:
                if found.alone or purpose(call_name(old)):
                    yield _call_lost(found, call_name(old), new)
            case ast.Subscript(slice=ast.Slice(lower=None, upper=None, step=None)):
                yield _lost(
                    found, "copy-lost", Severity.MEDIUM, f"the copy of `{short(new)}`", "is it shared now?"
                )
            case ast.UnaryOp(op=ast.USub()):
                yield _lost(
                    found, "sign-lost", Severity.MEDIUM, f"the minus of `{short(old)}`", "was it meant to go?"
                )
            case ast.IfExp(test=test):
                yield _lost(
                    found,
                    "condition-lost",
                    Severity.LOW,
                    f"the question `{short(test)}`",
                    "was it meant to go?",
                )


def lost_statements(change: FunctionChange) -> Iterator[Signal]:
    """A statement is gone whose call checked, cleaned or released something."""
    for head in change.removed:
        if isinstance(head.node, ast.Expr | ast.Assign | ast.Return):
            for name, call in calls_in(head.node):
                if change.lost_calls[name] and not is_logging(name):
                    yield from _statement(change, head, name, call)


def swapped_calls(change: FunctionChange) -> Iterator[Signal]:
    """`any` for `all`, `.rstrip` for `.strip`, `.first` for `.last`."""
    for found in change.differences:
        match found.old, found.new:
            case (ast.Name(id=before), ast.Name(id=after)) | (
                ast.Attribute(attr=before),
                ast.Attribute(attr=after),
            ) if frozenset({before, after}) in OPPOSITES:
                yield Signal(
                    "call-swapped",
                    Severity.MEDIUM if found.field == "func" else Severity.LOW,
                    f"`{before}` became `{after}`: is the other one meant?",
                    *found.heads,
                    subject=after,
                )


def _await_lost(found: Difference, new: ast.AST) -> Signal:
    return Signal(
        "await-lost",
        Severity.MEDIUM,
        f"`{short(new)}` is no longer awaited: does it still run, and is its result the same?",
        *found.heads,
        subject=call_name(new) if isinstance(new, ast.Call) else "",
    )


def _call_lost(found: Difference, name: str, new: ast.AST) -> Signal:
    reason = purpose(name)
    severity = Severity.MEDIUM if (reason or is_guarding(name)) and not _is_constant(new) else Severity.LOW
    return Signal(
        "copy-lost" if name in COPIES else "wrapper-lost",
        severity,
        f"`{name}` around `{short(new)}` is gone{f', so {reason}' if reason else ''}: was it meant to go?",
        *found.heads,
        subject=name,
    )


def _is_constant(new: ast.AST) -> bool:
    """What nobody changes needs no copy, and is as it is written."""
    return isinstance(new, ast.Constant) or (isinstance(new, ast.Name) and new.id.isupper())


def _lost(found: Difference, rule: str, severity: Severity, what: str, question: str) -> Signal:
    return Signal(rule, severity, f"{what[0].upper()}{what[1:]} is gone: {question}", *found.heads)


def _statement(change: FunctionChange, head: Head, name: str, call: ast.Call) -> Iterator[Signal]:
    if name == "__init__" and isinstance(call.func, ast.Attribute) and "super" in source(call.func):
        yield _gone(head, call, "super-call-lost", Severity.MEDIUM, "who sets up the class above now?")
    elif _is_release(head, name, call) and not _ended_otherwise(change, call):
        yield _gone(head, call, "release-lost", Severity.MEDIUM, "who ends what was begun now?")
    elif is_guarding(name) and not _replaced(change, call):
        yield _gone(head, call, "check-lost", Severity.MEDIUM, "is this made sure of elsewhere?")


def _gone(head: Head, call: ast.Call, rule: str, severity: Severity, question: str) -> Signal:
    return Signal(rule, severity, f"`{short(call)}` is gone: {question}", head, subject=call_name(call))


def _is_release(head: Head, name: str, call: ast.Call) -> bool:
    """A statement by itself; `join` with an argument puts texts together."""
    return is_releasing(name) and isinstance(head.node, ast.Expr) and not (name == "join" and call.args)


def _ended_otherwise(change: FunctionChange, call: ast.Call) -> bool:
    """A `with` came, or what was released is not used any more."""
    if any(isinstance(head.node, ast.With | ast.AsyncWith) for head in change.added):
        return True
    return isinstance(call.func, ast.Attribute) and not change.has(call.func.value)


def _replaced(change: FunctionChange, call: ast.Call) -> bool:
    """Another call is given the same now."""
    given = {source(argument) for argument in call.args}
    heads = (*change.added, *(new for _, new in change.changed))
    return any(
        bool(given) and given <= {source(argument) for argument in other.args}
        for head in heads
        for part in head.parts
        for _, other in calls_in(part)
    )
