"""A copy of a tree without what cannot matter.

Docstrings and annotations of variables go, and of two ways to write the same thing one stays.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from typing import TypeVar

__all__ = ["canonical", "renamed"]

N = TypeVar("N", bound=ast.AST)

_NEGATED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_EMPTY: Mapping[str, type[ast.expr]] = {"dict": ast.Dict, "list": ast.List, "tuple": ast.Tuple}


def canonical(node: N) -> N:
    """A canonical copy; line numbers stay."""
    made = _Canonical().visit(copy.deepcopy(node))
    assert isinstance(made, type(node))
    return ast.fix_missing_locations(made)


def renamed(node: N, names: Mapping[str, str]) -> N:
    """A copy in which variables, and called functions, have other names."""
    made = _Renaming(names).visit(copy.deepcopy(node))
    assert isinstance(made, type(node))
    return made


class _Renaming(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self._names.get(node.arg, node.arg)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        self.generic_visit(node)
        node.name = self._names.get(node.name, node.name) if node.name else None
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute):
            node.func.attr = self._names.get(f".{node.func.attr}", node.func.attr)
        return node


class _Canonical(ast.NodeTransformer):
    def visit(self, node: ast.AST) -> ast.AST:
        made: ast.AST = super().visit(node)
        body = getattr(made, "body", None)
        if isinstance(body, list):
            made.body = _without_empty(body)  # type: ignore[attr-defined]  # getattr found it
        return made

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        self.generic_visit(node)
        last = node.body[-1] if node.body else None
        if isinstance(last, ast.Return) and last.value is None and len(node.body) > 1:
            node.body.pop()
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)

    def visit_Return(self, node: ast.Return) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.value, ast.Constant) and node.value.value is None:
            node.value = None
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        inner = node.body[0] if len(node.body) == 1 else None
        if isinstance(inner, ast.If) and not inner.orelse and not node.orelse:
            node.test = _flat(ast.BoolOp(ast.And(), [node.test, inner.test]))
            node.body = inner.body
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        return ast.copy_location(_flat(node), node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Not):
            return node
        match node.operand:
            case ast.Compare(ops=[op]) if type(op) in _NEGATED:
                node.operand.ops = [_NEGATED[type(op)]()]
                return node.operand
            case ast.UnaryOp(op=ast.Not(), operand=ast.Compare() as inner):
                return inner
            case ast.BoolOp(op=op, values=values):
                other: ast.boolop = ast.Or() if isinstance(op, ast.And) else ast.And()
                parts: list[ast.expr] = [self._not(value) for value in values]
                return ast.copy_location(_flat(ast.BoolOp(other, parts)), node)
            case _:
                return node

    def _not(self, value: ast.expr) -> ast.expr:
        made = self.visit_UnaryOp(ast.copy_location(ast.UnaryOp(ast.Not(), value), value))
        assert isinstance(made, ast.expr)
        return made

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.Compare(ops=[ast.Eq() | ast.NotEq() as op], comparators=[ast.Constant(value=None)]):
                node.ops = [ast.Is() if isinstance(op, ast.Eq) else ast.IsNot()]
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Name(id=("dict" | "list" | "tuple") as name), args=[], keywords=[]):
                return ast.copy_location(_empty(name), node)
            case ast.Call(
                func=ast.Name(id="cast") | ast.Attribute(attr="cast"), args=[_, value], keywords=[]
            ):
                return value
            case ast.Call(func=ast.Name(id="super")):
                node.args = []
        node.keywords.sort(key=lambda keyword: keyword.arg or "")
        return node


def _empty(name: str) -> ast.expr:
    if _EMPTY[name] is ast.Dict:
        return ast.Dict(keys=[], values=[])
    return ast.List(elts=[], ctx=ast.Load()) if name == "list" else ast.Tuple(elts=[], ctx=ast.Load())


def _flat(node: ast.BoolOp) -> ast.BoolOp:
    values: list[ast.expr] = []
    for value in node.values:
        nested = isinstance(value, ast.BoolOp) and type(value.op) is type(node.op)
        values += value.values if nested and isinstance(value, ast.BoolOp) else [value]
    node.values = values
    return node


def _without_empty(body: list[ast.stmt]) -> list[ast.stmt]:
    kept = [statement for statement in body if not _is_empty(statement)]
    return kept or [ast.copy_location(ast.Pass(), body[0])] if body else []


def _is_empty(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Global() | ast.Nonlocal():
            return True
        case ast.Expr(value=ast.Constant()):  # a docstring, or an ellipsis
            return True
        case _:
            return False
