"""State that was put back, and state that instances share."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from integrations.code_review.finding import Severity
from integrations.code_review.signals.families.defaults import is_mutable
from integrations.code_review.signals.model import Body, FunctionChange, Head, Signal
from integrations.code_review.signals.syntax import short, source

__all__ = ["lost_restores", "shared_attributes"]


def lost_restores(change: FunctionChange) -> Iterator[Signal]:
    """`old = x.y; x.y = z; …; x.y = old`, without its end."""
    if any(isinstance(head.node, ast.With | ast.AsyncWith) for head in change.added):
        return
    now = _restored(change.new)
    for place, head in _restored(change.old).items():
        written = next((one for one in change.new.heads if place in _written(one.node)), None)
        if place not in now and written is not None and not change.fresh:
            yield Signal(
                "restore-lost",
                Severity.MEDIUM,
                f"`{short(place)}` is set here, and no longer put back to what it was: may it stay so?",
                head,
                written,
                subject=place,
            )


def shared_attributes(change: FunctionChange) -> Iterator[Signal]:
    """A class got an attribute that can be changed, and that all its instances have in common."""
    if not change.name or change.new.function is not None:
        return
    for head in (*change.added, *(new for _, new in change.changed)):
        match head.node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if is_mutable(value) and _is_empty(
                value
            ):
                yield Signal(
                    "shared-attribute",
                    Severity.LOW,
                    f"`{short(head.text)}` is shared by all of `{change.name}`: should each get its own?",
                    new=head,
                    subject=name,
                )
            case _:
                continue


def _restored(body: Body) -> Mapping[str, Head]:
    """Attributes and items that are kept in a variable and later set from it."""
    kept: dict[str, str] = {}
    found: dict[str, Head] = {}
    for head in body.heads:
        match head.node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Attribute() | ast.Subscript() as place):
                kept[name] = source(place)
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript() as place], value=ast.Name(id=name)):
                if kept.get(name) == source(place):
                    found[source(place)] = head
            case _:
                continue
    return found


def _written(node: ast.AST) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [source(target) for target in targets]


def _is_empty(value: ast.expr) -> bool:
    """What is filled where it stands is mostly a table that nobody changes."""
    match value:
        case ast.List(elts=[]) | ast.Dict(keys=[]) | ast.Call(args=[], keywords=[]):
            return True
        case _:
            return False
