"""Code that is gone with nothing in its place: a branch, a loop, a statement that did something."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from integrations.code_review.finding import Severity
from integrations.code_review.signals.model import FunctionChange, Head, Signal
from integrations.code_review.signals.syntax import asks_platform, call_name, short, source
from integrations.code_review.signals.vocabulary import is_logging

__all__ = ["left_branches", "lost_blocks", "lost_effects"]

_EXITS = ast.Return | ast.Continue | ast.Break | ast.Raise


def lost_blocks(change: FunctionChange) -> Iterator[Signal]:
    """An `if`, a loop or a `try` went with all that stood in it, and nothing came."""
    if change.grew or change.new.function is None:
        return
    for head in _outermost(change):
        match head.node:
            case ast.If() as branch if _went_whole(change, branch):
                yield Signal(
                    "branch-lost",
                    Severity.MEDIUM,
                    f"`{short(head.text)}` went, with all that it did: is this case dealt with elsewhere?",
                    head,
                    subject=source(branch.test),
                )
            case ast.For() | ast.AsyncFor() | ast.While() | ast.Try() as block if (
                change.shrank and not _is_only_finally(block)
            ):
                whole = ", with all that it did" if _all_removed(change, block.body) else ""
                yield Signal(
                    "block-lost",
                    Severity.MEDIUM,
                    f"`{short(_beginning(head))}` went{whole}: is it done elsewhere now?",
                    head,
                    subject=short(head.text),
                )
            case _:
                continue


def lost_effects(change: FunctionChange) -> Iterator[Signal]:
    """A call that stood by itself, or the setting of an attribute or item, went; nothing else happened."""
    if not change.shrank or change.new.function is None:
        return
    for head in _outermost(change):
        match head.node:
            case ast.Expr(value=ast.Call() as call) | ast.Expr(value=ast.Await(value=ast.Call() as call)):
                name = call_name(call)
                if change.lost_calls[name] and not is_logging(name):
                    question = f"`{short(head.text)}` is gone: does somebody else do it now?"
                    yield Signal("effect-lost", Severity.MEDIUM, question, head, subject=name)
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript() as target]):
                question = f"`{short(target)}` is no longer set here: may it keep what it had?"
                yield Signal("effect-lost", Severity.MEDIUM, question, head, subject=source(target))
            case _:
                continue


def left_branches(change: FunctionChange) -> Iterator[Signal]:
    """What ran under a condition that is still asked runs after it now, whatever the answer."""
    if change.grew:
        return
    still = {head.text: head.node for head in change.new.heads if isinstance(head.node, ast.If)}
    for old, new in change.same:
        left = old.blocks[len(new.blocks) :]
        if not left or old.blocks[: len(new.blocks)] != new.blocks:
            continue
        block = _owner(left[0])
        asked = still.get(block)
        if asked is not None and not (block != left[0] and isinstance(asked.body[-1], _EXITS)):
            yield Signal(
                "left-branch",
                Severity.MEDIUM,
                f"`{short(new.text)}` no longer stands under `{short(left[0])}`: "
                "is it meant to run in any case?",
                old,
                new,
                subject=block,
            )
            return  # what follows it left with it


def _went_whole(change: FunctionChange, branch: ast.If) -> bool:
    """Its statements went too; where others changed, only a way out tells that the case was dealt with."""
    if asks_platform(branch.test) or not _all_removed(change, branch.body):
        return False
    return change.shrank or (isinstance(branch.body[-1], _EXITS) and not change.has(branch.test))


def _is_only_finally(block: ast.stmt) -> bool:
    """That its end is no longer certain has a question of its own."""
    return isinstance(block, ast.Try) and not block.handlers


def _all_removed(change: FunctionChange, block: list[ast.stmt]) -> bool:
    removed = {id(head.node) for head in change.removed}
    return all(id(statement) in removed for statement in block)


def _outermost(change: FunctionChange) -> Iterator[Head]:
    """Lost statements that did not go because the block around them did."""
    texts = {head.text for head in change.removed}
    return (head for head in change.removed if not any(_owner(block) in texts for block in head.blocks))


def _owner(block: str) -> str:
    return block.removeprefix("else of ")


def _beginning(head: Head) -> str:
    return f"try: {source(head.node.body[0])}" if isinstance(head.node, ast.Try) else head.text
