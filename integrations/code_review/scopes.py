"""Which function or class a line of a module belongs to."""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Definition", "Scope", "Scopes", "function_scopes"]

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Scope:
    """A function or class: its qualified name, e.g. `Cart.add`, and its lines with the decorators."""

    name: str
    node: Definition
    first: int
    last: int
    nested: bool = False
    """Inside a function, so that nothing outside can name it."""


class Scopes:
    """Finds the innermost definition of a line."""

    def __init__(self, tree: ast.Module) -> None:
        self._scopes = sorted(_scopes(tree, ""), key=lambda scope: (scope.first, -scope.last))
        self._starts = [scope.first for scope in self._scopes]

    def at(self, line: int) -> Scope | None:
        """The innermost function or class that holds `line`."""
        for index in range(bisect_right(self._starts, line) - 1, -1, -1):
            if self._scopes[index].last >= line:
                return self._scopes[index]
        return None

    def name_at(self, line: int) -> str:
        """Its qualified name; empty at the level of the module."""
        found = self.at(line)
        return found.name if found else ""


def function_scopes(tree: ast.Module) -> list[Scope]:
    """Every function of a module, the outer ones first."""
    return [scope for scope in _scopes(tree, "") if not isinstance(scope.node, ast.ClassDef)]


def _scopes(tree: ast.AST, prefix: str, nested: bool = False) -> Iterator[Scope]:
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, Definition):
            name = f"{prefix}{child.name}"
            first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
            yield Scope(name, child, first, child.end_lineno or child.lineno, nested)
            yield from _scopes(child, f"{name}.", nested or not isinstance(child, ast.ClassDef))
        elif isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from _scopes(child, prefix, nested)
