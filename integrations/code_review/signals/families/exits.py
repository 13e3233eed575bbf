"""Ways out of a function or loop that came or went."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from integrations.code_review.finding import Severity
from integrations.code_review.signals.model import FunctionChange, Head, Signal
from integrations.code_review.signals.syntax import bare_test, own_statements, short, source

__all__ = ["early_exits", "lost_exits"]

_EXIT = ast.Return | ast.Continue | ast.Break


def early_exits(change: FunctionChange) -> Iterator[Signal]:
    """A new way out before statements that were there."""
    for head in change.added:
        if not isinstance(head.node, _EXIT) or not _skips(change, head) or _was_asked(change, head):
            continue
        gives_none = isinstance(head.node, ast.Return) and head.node.value is None
        if not _is_conditional(head):
            severity = Severity.MEDIUM
            question = f"After the new `{short(head.text)}` nothing below it runs: is that meant?"
        elif gives_none and _always_gives_value(change.old.node):
            severity = Severity.LOW
            question = (
                f"The new `return` gives None, other ways out of `{change.name}` a value: is that expected?"
            )
        else:
            severity = Severity.NOTE
            question = f"At `{short(head.blocks[-1])}` the rest is left out now: is that meant for all of it?"
        yield Signal("early-exit", severity, question, new=head)


def lost_exits(change: FunctionChange) -> Iterator[Signal]:
    """`return x` returns nothing now; a way out is gone from a branch that stayed."""
    for old, new in change.changed:
        if _gives_value(old.node) and isinstance(new.node, ast.Return) and new.node.value is None:
            yield Signal(
                "return-value-lost",
                Severity.MEDIUM,
                f"`{short(old.text)}` returns nothing now: does no caller use it?",
                old,
                new,
            )
    for head in change.removed:
        holder = _holder(change, head)
        if holder is not None and not _ends_anyway(change, head) and _goes_on(change, head, holder):
            yield Signal(
                "exit-lost",
                Severity.LOW,
                f"`{short(holder.text)}` no longer leaves with `{short(head.text)}`: may it go on now?",
                head,
                holder,
            )


def _holder(change: FunctionChange, head: Head) -> Head | None:
    """The branch or loop that the lost way out stood in, where it still is."""
    if not isinstance(head.node, _EXIT | ast.Raise) or not head.blocks:
        return None
    kinds = ast.If | ast.For | ast.While | ast.AsyncFor
    return next(
        (new for old, new in change.same if old.text == head.blocks[-1] and isinstance(new.node, kinds)), None
    )


def _goes_on(change: FunctionChange, head: Head, holder: Head) -> bool:
    """Statements that followed it still follow, and are not its other branch now."""
    if isinstance(head.node, ast.Return) and head.node.value is not None and change.has(head.node.value):
        return False  # what it returned is still made, and returned at the end
    return any(
        old.line > head.last and new.line > holder.last and new.blocks == holder.blocks
        for old, new in (*change.same, *change.changed)
    ) or any(block.startswith(("for ", "while ", "async for")) for block in (*holder.blocks, holder.text))


def _gives_value(node: ast.AST) -> bool:
    return isinstance(node, ast.Return) and node.value is not None


def _skips(change: FunctionChange, head: Head) -> bool:
    """Whether statements that were there before follow."""
    return any(new.line > head.last and _reachable(new, head) for _, new in (*change.same, *change.changed))


def _was_asked(change: FunctionChange, head: Head) -> bool:
    """Whether the condition of the way out was there before, perhaps the other way round."""
    block = head.blocks[-1] if head.blocks else ""
    now = {_asked(one.node) for one in change.new.heads if one.text == block}
    return bool(now & {_asked(one.node) for one in change.old.heads} - {""})


def _asked(node: ast.AST) -> str:
    if not isinstance(node, ast.If | ast.While):
        return ""
    return source(bare_test(node.test))


def _reachable(later: Head, head: Head) -> bool:
    return len(later.blocks) <= len(head.blocks) and later.blocks == head.blocks[: len(later.blocks)]


def _is_conditional(head: Head) -> bool:
    return any(
        block.startswith(("if ", "else of", "except", "case ", "while ", "for ", "async for"))
        for block in head.blocks
    )


def _always_gives_value(node: ast.AST) -> bool:
    """Whether every way out of a function gives a value."""
    ways = [found for found in own_statements(node) if isinstance(found, ast.Return)]
    return bool(ways) and all(map(_gives_value, ways)) and _ends(getattr(node, "body", []))


def _ends(block: list[ast.stmt]) -> bool:
    """Whether a block always leaves the function."""
    match block[-1] if block else None:
        case ast.Return() | ast.Raise():
            return True
        case ast.If(body=body, orelse=orelse):
            return _ends(body) and _ends(orelse)
        case ast.With(body=body) | ast.AsyncWith(body=body):
            return _ends(body)
        case ast.Try(body=body, orelse=orelse, handlers=handlers, finalbody=finalbody):
            return _ends(finalbody) or (
                (_ends(body) or _ends(orelse)) and all(_ends(handler.body) for handler in handlers)
            )
        case ast.While(test=ast.Constant(value=True)):
            return True
        case _:
            return False


def _ends_anyway(change: FunctionChange, head: Head) -> bool:
    """Another way out came into the same block, or an equal one that was several is now one."""
    heads = (*change.added, *(new for _, new in change.changed))
    return any(
        isinstance(other.node, _EXIT | ast.Raise) and head.blocks[-1] in other.blocks for other in heads
    ) or any(other.text == head.text and len(other.blocks) < len(head.blocks) for other in change.new.heads)
