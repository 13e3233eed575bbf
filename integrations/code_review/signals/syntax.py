"""Small questions to syntax trees."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator

__all__ = [
    "asks_platform",
    "bare_test",
    "blurred",
    "call_name",
    "calls_in",
    "names_in",
    "own_statements",
    "short",
    "source",
    "walk_parts",
]

_LONGEST = 80
_PLATFORM = frozenset(
    {"version_info", "platform", "TYPE_CHECKING", "PY2", "PY3", "py2k", "py3k", "version", "__version__"}
)
_FLAG = re.compile(r"^(?:HAS|HAVE|IS|USE|SUPPORTS)_[A-Z]|_(?:AVAILABLE|SUPPORTED|ENABLED)$")


def walk_parts(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of an expression, inside lambdas too, but not inside definitions."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            pending.extend(ast.iter_child_nodes(node))


def calls_in(node: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call with the last name of what is called."""
    for found in walk_parts(node):
        if isinstance(found, ast.Call) and (name := call_name(found)):
            yield name, found


def call_name(call: ast.Call) -> str:
    """The last name of what is called: `close` for `self.file.close()`."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def names_in(node: ast.AST) -> frozenset[str]:
    """The variables that an expression reads or writes."""
    return frozenset(found.id for found in walk_parts(node) if isinstance(found, ast.Name))


def asks_platform(test: ast.expr) -> bool:
    """Whether a condition is about the version or the system, so that it goes with their support."""
    return any(map(_is_platform, walk_parts(test)))


def _is_platform(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in _PLATFORM or _FLAG.search(name) is not None
        case ast.Compare(
            ops=[ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE()], comparators=[ast.Tuple(elts=numbers)]
        ):
            return all(isinstance(number, ast.Constant) for number in numbers)
        case _:
            return False


def bare_test(test: ast.expr) -> ast.expr:
    """A condition without the `not` before it."""
    return test.operand if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) else test


def blurred(node: ast.AST) -> str:
    """The source of an expression with every variable called `_`, to be found again where names differ."""
    return ast.unparse(_Blurring().visit(copy.deepcopy(node)))


def source(node: ast.AST) -> str:
    """The canonical source of a node."""
    return ast.unparse(node)


def short(node: ast.AST | str) -> str:
    """The source of a node on one line, cut to what fits in a sentence."""
    text = " ".join((node if isinstance(node, str) else ast.unparse(node)).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def own_statements(node: ast.AST) -> Iterator[ast.AST]:
    """The statements inside a node at any depth, but not those of definitions in it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield child
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from own_statements(child)


class _Blurring(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = "_"
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        self.generic_visit(node)
        if called:
            node.func = ast.Name(called, ast.Load())
        return node
