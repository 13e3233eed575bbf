"""All checks over one changed file."""

from __future__ import annotations

import ast
from dataclasses import replace

from integrations.code_review.change import Pair, Piece, Versions
from integrations.code_review.checks.comparisons import secret_comparisons
from integrations.code_review.checks.debug import debug_leftovers, script_leftovers
from integrations.code_review.checks.exceptions import broad_handlers
from integrations.code_review.checks.page import Check, Page
from integrations.code_review.checks.syntax import syntax_errors
from integrations.code_review.checks.text import (
    CONFLICT,
    conflict_markers,
    hidden_characters,
    reviewer_instructions,
    todo_notes,
)
from integrations.code_review.checks.unsafe import blocking_calls, unsafe_calls
from integrations.code_review.finding import Finding, Severity
from integrations.code_review.python import Parsed, is_python, is_test, syntax_of
from integrations.code_review.scopes import Scopes

__all__ = ["CHECKS", "check_file"]

CHECKS: tuple[Check, ...] = (
    conflict_markers,
    hidden_characters,
    reviewer_instructions,
    todo_notes,
    debug_leftovers,
    script_leftovers,
    broad_handlers,
    secret_comparisons,
    unsafe_calls,
    blocking_calls,
)
"""Those over trees say nothing about files that are not Python."""


def check_file(versions: Versions) -> list[Finding]:
    """What the added lines of a file give rise to."""
    added = frozenset(versions.patch.added())
    removed = frozenset(text.strip() for text in versions.patch.removed().values())
    pages = [_page(versions.path, pair, pair.new, added, removed) for pair in versions.pairs if pair.new]
    found = [finding for page in pages for check in CHECKS for finding in check(page)]
    if is_test(versions.path):
        found = [_milder(finding) for finding in found]
    if any(finding.rule == CONFLICT for finding in found):
        return found  # such a file cannot parse, and a merge that is not finished is the reason
    if is_python(versions.path) and all(page.tree for page in pages):
        return found
    return [*syntax_errors(versions), *found]


def _milder(finding: Finding) -> Finding:
    """Tests may do on purpose what programs should not."""
    mild = finding.severity if finding.severity is Severity.HIGH else finding.severity.at_most(Severity.LOW)
    return finding.model_copy(update={"severity": mild})


def _page(path: str, pair: Pair, new: Piece, added: frozenset[int], removed: frozenset[str]) -> Page:
    tree = _tree(path, new)
    page = Page(path=path, first=new.first, lines=tuple(new.text.split("\n")), added=added, removed=removed)
    if tree is None:
        return page
    fresh = dict(page.new_lines())
    prints = any("print" in line for line in fresh.values())
    return replace(
        page,
        tree=tree,
        touched=tuple(node for node in ast.walk(tree) if getattr(node, "lineno", 0) in fresh),
        old_tree=_tree(path, pair.old) if pair.old and prints else None,
        scopes=Scopes(tree),
    )


def _tree(path: str, piece: Piece) -> ast.Module | None:
    outcome = syntax_of(piece.text, first_line=piece.first) if is_python(path) else None
    return outcome.tree if isinstance(outcome, Parsed) else None
