"""What was left behind after looking for a fault."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from integrations.code_review.checks.page import Page, callee
from integrations.code_review.finding import Finding, Severity
from integrations.code_review.python import is_test

__all__ = ["debug_leftovers", "script_leftovers"]

_DEBUGGERS = frozenset({"pdb", "ipdb", "pudb", "wdb", "pdbpp", "debugpy"})
_STOPS = frozenset({"breakpoint", "set_trace", "wait_for_client"})
_SCRIPT = re.compile(r"^\s*debugger\s*;?\s*$|\bconsole\.(?:log|debug|trace)\(")
_SCRIPTS = (".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".vue", ".svelte")
_PRINTERS = re.compile(
    r"(?:^|/)(?:__main__|cli|setup|conftest|manage|main|\w*demo\w*)\.py$"
    r"|(?:^|/)(?:scripts?|bin|tools|examples?|docs|benchmarks?|cli)/"
)


def debug_leftovers(page: Page) -> Iterator[Finding]:
    """Breakpoints, debuggers, and prints in a module that printed nothing before."""
    for node in page.nodes(ast.Import, ast.ImportFrom, ast.Call):
        if _stops(node):
            yield page.remark(
                node, "debugger", Severity.HIGH, "A debugger is started here: take it out before merging."
            )
        elif isinstance(node, ast.Call) and _is_stray_print(page, node):
            yield page.remark(
                node,
                "print",
                Severity.LOW,
                "This module printed nothing before: is this `print` left from debugging?",
            )


def script_leftovers(page: Page) -> Iterator[Finding]:
    """The same for JavaScript and TypeScript, by their look."""
    if not page.path.endswith(_SCRIPTS) or is_test(page.path):
        return
    for number, text in page.new_lines():
        if _SCRIPT.search(text) and not text.lstrip().startswith(("//", "*")):
            yield page.remark(number, "debugger", Severity.LOW, "Is this left from debugging?")


def _stops(node: ast.AST) -> bool:
    match node:
        case ast.Import(names=names):
            return any(alias.name.partition(".")[0] in _DEBUGGERS for alias in names)
        case ast.ImportFrom(module=str(module)):
            return module.partition(".")[0] in _DEBUGGERS
        case ast.Call():
            first, _, last = callee(node).rpartition(".")
            return last in _STOPS and (first in _DEBUGGERS or (first == "" and last == "breakpoint"))
        case _:
            return False


def _is_stray_print(page: Page, call: ast.Call) -> bool:
    if callee(call) != "print" or any(keyword.arg == "file" for keyword in call.keywords):
        return False
    if is_test(page.path) or _PRINTERS.search(page.path) or page.old_tree is None or page.tree is None:
        return False
    return not _prints(page.old_tree) and not _is_script(page.tree)


def _prints(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.Call) and callee(node) == "print" for node in ast.walk(tree))


def _is_script(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.If) and "__name__" in ast.dump(node.test) for node in tree.body)
