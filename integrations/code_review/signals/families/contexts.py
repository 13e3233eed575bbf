"""Statements that left a `with`, or went into a loop."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from integrations.code_review.finding import Severity
from integrations.code_review.signals.model import FunctionChange, Head, Signal
from integrations.code_review.signals.syntax import short, source

__all__ = ["lost_contexts", "moved_into_loop"]

_PROTECTING = re.compile(
    r"lock|mutex|semaphore|timeout|atomic|transaction|begin|savepoint|open|connect|session|suppress|shield"
    r"|TaskGroup|closing|tempfile|Temporary|cursor|limiter",
    re.IGNORECASE,
)


def lost_contexts(change: FunctionChange) -> Iterator[Signal]:
    """What ran inside a `with` runs outside it now."""
    now = {source(item.context_expr) for head in change.new.heads for item in _items(head)}
    now |= {
        source(item.context_expr) for body in change.fresh for head in body.heads for item in _items(head)
    }
    for head in change.old.heads:
        for item in _items(head):
            text = source(item.context_expr)
            kept = _first_kept(change, head)
            if text in now or kept is None or _replaced(change, kept) or _spelled_out(change, item):
                continue
            yield Signal(
                "context-lost",
                Severity.MEDIUM if _PROTECTING.search(text) else Severity.LOW,
                f"`{short(kept.text)}` no longer runs inside `with {short(item.context_expr)}`: "
                "was that meant to go?",
                head,
                kept,
                subject=text,
            )


def moved_into_loop(change: FunctionChange) -> Iterator[Signal]:
    """What ran once, after a loop, now runs in it; a `return` there ends the loop at its first round."""
    loops = {
        head.text for head, _ in change.same if isinstance(head.node, ast.For | ast.AsyncFor | ast.While)
    }
    for old, new in change.same:
        entered = [block for block in new.blocks if block in loops and block not in old.blocks]
        if entered and not isinstance(new.node, ast.Continue | ast.Break):
            leaves = isinstance(new.node, ast.Return | ast.Raise)
            yield Signal(
                "moved-into-loop",
                Severity.MEDIUM if leaves else Severity.LOW,
                f"`{short(new.text)}` now stands inside `{short(entered[-1])}`: "
                f"{'should the loop end at its first round' if leaves else 'should it run once per round'}?",
                old,
                new,
            )


def _items(head: Head) -> list[ast.withitem]:
    return head.node.items if isinstance(head.node, ast.With | ast.AsyncWith) else []


def _first_kept(change: FunctionChange, head: Head) -> Head | None:
    return next((new for old, new in (*change.same, *change.changed) if head.text in old.blocks), None)


def _replaced(change: FunctionChange, kept: Head) -> bool:
    """As many `with` stand around the statement as before, so another one came."""
    old = next(old for old, new in (*change.same, *change.changed) if new is kept)
    return _withs(kept) >= _withs(old)


def _spelled_out(change: FunctionChange, item: ast.withitem) -> bool:
    """A `try` came that does by hand what the `with` did."""
    suppressing = "suppress" in source(item.context_expr)
    return any(
        isinstance(head.node, ast.Try)
        and (suppressing or bool(head.node.finalbody and change.has(item.context_expr)))
        for head in change.added
    )


def _withs(head: Head) -> int:
    return sum(1 for block in head.blocks if block.startswith(("with ", "async with ")))
