"""What a check reads: a stretch of new text, the lines that are new in it, and its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from integrations.code_review.finding import Finding, Severity
from integrations.code_review.scopes import Scopes

__all__ = ["Check", "Page", "callee", "last_name"]

N = TypeVar("N", bound=ast.AST)


@dataclass(frozen=True, slots=True)
class Page:
    """`lines[0]` is line `first` of the file; `tree` is None when the text does not parse as Python."""

    path: str
    first: int
    lines: tuple[str, ...]
    added: frozenset[int]
    removed: frozenset[str]
    """The lines that the change took away, stripped: what is among them was only moved."""
    tree: ast.Module | None = None
    touched: tuple[ast.AST, ...] = ()
    """The nodes that start on a new line."""
    old_tree: ast.Module | None = None
    """Parsed only where a new line prints, as only that is asked of it."""
    scopes: Scopes | None = None

    def new_lines(self) -> Iterator[tuple[int, str]]:
        """The added lines with their numbers, those that were only moved left out."""
        for number, text in enumerate(self.lines, self.first):
            if number in self.added and text.strip() not in self.removed:
                yield number, text

    def nodes(self, *kinds: type[N]) -> Iterator[N]:
        """The nodes of these kinds that start on a new line."""
        return (node for node in self.touched if isinstance(node, kinds))

    def remark(self, where: int | ast.AST, rule: str, severity: Severity, message: str) -> Finding:
        """A finding at a line or a node."""
        line = where if isinstance(where, int) else getattr(where, "lineno", self.first)
        index = line - self.first
        return Finding(
            path=self.path,
            line=line,
            end_line=line,
            severity=severity,
            rule=f"check/{rule}",
            message=message,
            evidence=self.lines[index].strip() if 0 <= index < len(self.lines) else "",
            symbol=self.scopes.name_at(line) if self.scopes else "",
        )


Check = Callable[[Page], Iterator[Finding]]


def callee(call: ast.Call) -> str:
    """What is called, dotted as written, e.g. `subprocess.run`; empty unless it is names and attributes."""
    parts: list[str] = []
    node: ast.expr = call.func
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
    elif parts:
        parts.append("")
    return ".".join(reversed(parts))


def last_name(node: ast.expr) -> str:
    """The last name of `a.b["c"]`: what a value is called; empty when it has no name."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(name)), *_]):
            return name
        case ast.Call(func=function):
            return last_name(function)
        case _:
            return ""
