"""Defaults of parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from integrations.code_review.finding import Severity
from integrations.code_review.signals.model import Body, FunctionChange, Head, Signal
from integrations.code_review.signals.syntax import short, source

__all__ = ["changed_defaults", "defaults_of", "is_mutable", "mutable_defaults"]

_MAKERS = frozenset({"list", "dict", "set", "defaultdict", "deque", "OrderedDict", "Counter", "bytearray"})


def changed_defaults(change: FunctionChange) -> Iterator[Signal]:
    """A parameter has another default."""
    before, after = defaults_of(change.old), defaults_of(change.new)
    for name, old in before.items():
        new = after.get(name)
        if new is None or source(old) == source(new) or is_mutable(new) or is_mutable(old):
            continue
        yield Signal(
            "default-changed",
            Severity.MEDIUM if _flips(old, new) else Severity.LOW,
            f"`{name}` defaults to `{short(new)}` instead of `{short(old)}`: "
            f"are callers of `{change.name}` that do not give it ready for that?",
            new=_place(change.new, new),
            subject=name,
        )


def mutable_defaults(change: FunctionChange) -> Iterator[Signal]:
    """A default that all calls share, and that the first one may change."""
    before = defaults_of(change.old)
    for name, new in defaults_of(change.new).items():
        if is_mutable(new) and not (name in before and is_mutable(before[name])):
            yield Signal(
                "mutable-default",
                Severity.MEDIUM,
                f"`{name}={short(new)}` is made once and shared by all calls of `{change.name}`: "
                "should each call get its own?",
                new=_place(change.new, new),
                subject=name,
            )


def defaults_of(body: Body) -> Mapping[str, ast.expr]:
    """The parameters that have a default."""
    if body.function is None:
        return {}
    given = body.function.args
    positional = [*given.posonlyargs, *given.args]
    found = {
        argument.arg: default
        for argument, default in zip(positional[::-1], given.defaults[::-1], strict=False)
    }
    found |= {
        argument.arg: default
        for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
        if default is not None
    }
    return found


def is_mutable(node: ast.expr) -> bool:
    """Whether a default is an object that calls can change."""
    match node:
        case ast.List() | ast.Dict() | ast.Set() | ast.ListComp() | ast.DictComp() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in _MAKERS
        case _:
            return False


def _flips(old: ast.expr, new: ast.expr) -> bool:
    return all(isinstance(node, ast.Constant) and isinstance(node.value, bool) for node in (old, new))


def _place(body: Body, node: ast.expr) -> Head:
    line = getattr(node, "lineno", 1)
    return Head(body.node, body.name, (), (), line, line)
