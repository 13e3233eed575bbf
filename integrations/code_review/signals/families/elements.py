"""Literal collections that list less, and classes that inherit in another order."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from integrations.code_review.finding import Severity
from integrations.code_review.signals.model import Difference, FunctionChange, Signal
from integrations.code_review.signals.syntax import short, source

__all__ = ["base_order", "lost_elements"]


def lost_elements(change: FunctionChange) -> Iterator[Signal]:
    """A name or text is no longer in a list, set, tuple or the keys of a dictionary, and nothing came."""
    for found in change.differences:
        lost = found.old
        if lost is None or found.new is not None or not _is_listed(found) or not _is_named(lost):
            continue
        if _others(found.new_parent) and not _gained(change, found) and not change.has(lost):
            yield Signal(
                "element-lost",
                Severity.LOW,
                f"`{short(lost)}` is no longer listed: was it meant to go?",
                *found.heads,
                subject=source(lost),
            )


def base_order(change: FunctionChange) -> Iterator[Signal]:
    """`class A(Base, Mixin)` for `class A(Mixin, Base)`."""
    for old, new in change.changed:
        match old.node, new.node:
            case (ast.ClassDef(bases=before), ast.ClassDef(bases=after)):
                one, other = [source(base) for base in before], [source(base) for base in after]
                if one != other and sorted(one) == sorted(other):
                    yield Signal(
                        "base-order",
                        Severity.MEDIUM,
                        f"`{short(old.text)}` became `{short(new.text)}`: whose methods come first?",
                        old,
                        new,
                    )
            case _:
                continue


def _is_listed(found: Difference) -> bool:
    match found.parent:
        case ast.List() | ast.Set() | ast.Tuple():
            return found.field == "elts"
        case ast.Dict():
            return found.field == "keys"
        case _:
            return False


def _is_named(lost: ast.AST) -> bool:
    return isinstance(lost, ast.Name | ast.Attribute | ast.Constant)


def _others(parent: ast.AST) -> bool:
    return bool(parent.keys if isinstance(parent, ast.Dict) else getattr(parent, "elts", None))


def _gained(change: FunctionChange, found: Difference) -> bool:
    return any(
        one.new is not None and one.new_parent is found.new_parent and one.field == found.field
        for one in change.differences
    )
