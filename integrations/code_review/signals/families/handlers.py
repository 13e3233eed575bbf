"""Errors that are no longer caught, or no longer let through."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass

from integrations.code_review.checks.exceptions import caught_names
from integrations.code_review.finding import Severity
from integrations.code_review.signals.model import Body, FunctionChange, Head, Signal
from integrations.code_review.signals.syntax import own_statements

__all__ = ["changed_handlers"]

_ALL = frozenset({"Exception", "BaseException"})


@dataclass(frozen=True, slots=True)
class _Guarded:
    """A `try` with the statements that it guards."""

    head: Head
    node: ast.Try
    inside: frozenset[str]

    @property
    def caught(self) -> frozenset[str]:
        """What its handlers catch."""
        return frozenset(
            name for handler in self.node.handlers for name in caught_names(handler) or ("BaseException",)
        )


def changed_handlers(change: FunctionChange) -> Iterator[Signal]:
    """A handler catches less, or nothing, or keeps what it let through; `finally` is gone."""
    now = _guarded(change.new.heads)
    for old in _guarded(change.old.heads):
        new = max(now, key=lambda other: len(other.inside & old.inside), default=None)
        if new is None or not new.inside & old.inside:
            yield from _dropped(change, old)
        else:
            yield from _narrowed(change, old, new)
            yield from _swallowing(change, old, new)
            yield from _without_finally(change, old, new)


def _guarded(heads: tuple[Head, ...]) -> list[_Guarded]:
    found = []
    for head in heads:
        if isinstance(head.node, ast.Try):
            inside = {ast.unparse(statement) for statement in own_statements(ast.Module(head.node.body, []))}
            names = {call for call in map(_called, ast.walk(ast.Module(head.node.body, []))) if call}
            found.append(_Guarded(head, head.node, frozenset(inside | names)))
    return found


def _called(node: ast.AST) -> str:
    return f"{ast.unparse(node.func)}()" if isinstance(node, ast.Call) else ""


def _dropped(change: FunctionChange, old: _Guarded) -> Iterator[Signal]:
    statements = {ast.unparse(statement) for statement in old.node.body}
    kept = next((new for one, new in change.same if ast.unparse(one.node) in statements), None)
    if kept is None or not old.node.handlers or "suppress" in change.new.calls:
        return
    caught = ", ".join(sorted(old.caught))
    yield Signal(
        "handler-removed",
        Severity.MEDIUM if change.shrank and not all(map(_only_raises, old.node.handlers)) else Severity.LOW,
        f"{caught} is no longer caught here: should it now reach {_caller(change)}?",
        old.head,
        kept,
        subject=caught,
    )


def _narrowed(change: FunctionChange, old: _Guarded, new: _Guarded) -> Iterator[Signal]:
    lost = sorted(name for name in old.caught if not _covers(new.caught, name))
    kept_by_others = {name for other in _guarded(change.new.heads) for name in other.caught}
    lost = [name for name in lost if name not in kept_by_others]
    if lost and new.caught:
        yield Signal(
            "handler-narrowed",
            Severity.LOW if change.grew or change.new.function is None else Severity.MEDIUM,
            f"{', '.join(lost)} is no longer caught, only {', '.join(sorted(new.caught))}: "
            f"should it now reach {_caller(change)}?",
            _clause(change.old, old),
            _clause(change.new, new),
            subject=lost[0],
        )
    elif lost:
        yield from _dropped(change, old)
    elif not old.caught & _ALL and new.caught & _ALL and old.caught:
        yield Signal(
            "handler-widened",
            Severity.LOW,
            f"Instead of {', '.join(sorted(old.caught))} every error is caught: are the others dealt with?",
            _clause(change.old, old),
            _clause(change.new, new),
        )


def _swallowing(change: FunctionChange, old: _Guarded, new: _Guarded) -> Iterator[Signal]:
    for before in old.node.handlers:
        after = next((one for one in new.node.handlers if caught_names(one) == caught_names(before)), None)
        if after is not None and _raises(before) and not _raises(after):
            names = ", ".join(caught_names(before)) or "every error"
            yield Signal(
                "handler-swallows",
                Severity.MEDIUM,
                f"After {names} it was raised again, now it goes on: does the caller not have to know?",
                _clause(change.old, old, before),
                _clause(change.new, new, after),
            )


def _without_finally(change: FunctionChange, old: _Guarded, new: _Guarded) -> Iterator[Signal]:
    if old.node.finalbody and not new.node.finalbody:
        texts = [ast.unparse(statement) for statement in old.node.finalbody]
        now = [head.text for head in change.new.heads]
        severity = Severity.LOW if change.grew or all(text in now for text in texts) else Severity.MEDIUM
        yield Signal(
            "finally-removed",
            severity,
            f"`{texts[0]}` no longer runs in a `finally`: is it meant to be left out after an error?",
            old.head,
            new.head,
        )


def _caller(change: FunctionChange) -> str:
    return f"the caller of `{change.name}`" if change.name else "whoever imports this"


def _clause(body: Body, guarded: _Guarded, handler: ast.ExceptHandler | None = None) -> Head:
    """The line of an `except`, which is where the reader looks; the first one's by default."""
    wanted = guarded.node.handlers if handler is None else [handler]
    return next((head for head in body.heads if any(head.node is one for one in wanted)), guarded.head)


def _covers(caught: frozenset[str], name: str) -> bool:
    if name in caught or caught & _ALL:  # `Exception` for everything is what linters ask for
        return True
    if name.rpartition(".")[2] in {other.rpartition(".")[2] for other in caught}:
        return True
    error = getattr(builtins, name, None)
    return isinstance(error, type) and any(
        isinstance(other := getattr(builtins, wider, None), type) and issubclass(error, other)
        for wider in caught
    )


def _raises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for node in own_statements(handler))


def _only_raises(handler: ast.ExceptHandler) -> bool:
    return isinstance(handler.body[-1], ast.Raise)
