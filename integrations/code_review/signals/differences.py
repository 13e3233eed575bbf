"""Two expressions side by side: the smallest parts in which they differ."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from integrations.code_review.signals.model import Difference, Head

__all__ = ["differences", "permuted", "unwrapped"]


def differences(pair: tuple[Head, Head]) -> Iterator[Difference]:
    """Those of one statement before and after."""
    old, new = pair
    found = list(_listed(old.parts, new.parts, old.node, new.node, "", pair))
    yield from (replace(one, alone=True) for one in found) if len(found) == 1 else found


def permuted(old: ast.AST, new: ast.AST) -> bool:
    """Whether both have the same operands, arguments or elements in another order."""
    match old, new:
        case ast.BinOp(), ast.BinOp() if type(old.op) is type(new.op):
            pairs = [old.left, old.right], [new.left, new.right]
        case ast.Call(), ast.Call() if ast.dump(old.func) == ast.dump(new.func):
            pairs = old.args, new.args
        case ast.Compare(ops=[op]), ast.Compare(ops=[other]) if type(op) is type(other):
            pairs = [old.left, *old.comparators], [new.left, *new.comparators]
        case (ast.Tuple(), ast.Tuple()):
            pairs = old.elts, new.elts
        case _:
            return False
    one, other_one = ([ast.dump(item) for item in items] for items in pairs)
    return one != other_one and sorted(one) == sorted(other_one)


def unwrapped(old: ast.AST, new: ast.AST) -> bool:
    """Whether `new` is what stood inside `old`: `x` after `f(x)`, `x.g()`, `await x`, `x or y`."""
    inner = [*ast.iter_child_nodes(old)]
    if isinstance(old, ast.Call) and isinstance(old.func, ast.Attribute):
        inner.append(old.func.value)
    return any(type(child) is type(new) and ast.dump(child) == ast.dump(new) for child in inner)


def _compared(
    old: ast.AST, new: ast.AST, parent: ast.AST, new_parent: ast.AST, field: str, heads: tuple[Head, Head]
) -> Iterator[Difference]:
    if ast.dump(old) == ast.dump(new):
        return
    if not _alike(old, new) or permuted(old, new) or unwrapped(old, new) or unwrapped(new, old):
        yield Difference(old, new, parent, new_parent, field, heads)
        return
    for name in old._fields:
        one, other = getattr(old, name, None), getattr(new, name, None)
        if isinstance(one, list) and isinstance(other, list):
            yield from _listed(one, other, old, new, name, heads)
        elif isinstance(one, ast.AST) and isinstance(other, ast.AST):
            yield from _compared(one, other, old, new, name, heads)
        elif isinstance(one, ast.AST) or isinstance(other, ast.AST):
            here = one if isinstance(one, ast.AST) else None
            there = other if isinstance(other, ast.AST) else None
            yield Difference(here, there, old, new, name, heads)


def _alike(old: ast.AST, new: ast.AST) -> bool:
    """Whether the nodes are of one kind and hold the same names, constants and operators."""
    return type(old) is type(new) and _held(old) == _held(new)


def _held(node: ast.AST) -> list[object]:
    held: list[object] = []
    for name, value in ast.iter_fields(node):
        match value:
            case ast.operator() | ast.unaryop() | ast.boolop():
                held.append(type(value))
            case list():
                held += [type(item) for item in value if isinstance(item, ast.cmpop)]
            case ast.AST() | None:
                pass
            case _:
                held.append((name, type(value), value))
    return held


def _listed(
    old: Sequence[object],
    new: Sequence[object],
    parent: ast.AST,
    new_parent: ast.AST,
    field: str,
    heads: tuple[Head, Head],
) -> Iterator[Difference]:
    before = [item for item in old if isinstance(item, ast.AST)]
    after = [item for item in new if isinstance(item, ast.AST)]
    if len(before) == len(after):
        for one, other in zip(before, after, strict=True):
            yield from _compared(one, other, parent, new_parent, field, heads)
        return
    dumps = [[ast.dump(item) for item in items] for items in (before, after)]
    for tag, i, j, k, n in SequenceMatcher(None, dumps[0], dumps[1], autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        paired = min(j - i, n - k)
        for one, other in zip(before[i : i + paired], after[k : k + paired], strict=True):
            yield from _compared(one, other, parent, new_parent, field, heads)
        for one in before[i + paired : j]:
            yield Difference(one, None, parent, new_parent, field, heads)
        for other in after[k + paired : n]:
            yield Difference(None, other, parent, new_parent, field, heads)
