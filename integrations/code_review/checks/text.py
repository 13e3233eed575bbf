"""Checks for any text: conflict markers, characters that hide, notes to self, words aimed at reviewers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from integrations.code_review.checks.page import Page
from integrations.code_review.finding import Finding, Severity
from integrations.code_review.orders import gives_orders, is_hidden

__all__ = ["CONFLICT", "conflict_markers", "hidden_characters", "reviewer_instructions", "todo_notes"]

CONFLICT = "check/conflict-marker"
_MARKER = re.compile(r"(?:<{7}|>{7}|\|{7}) \S|<{7}$|>{7}$")
_ZERO_WIDTH = frozenset("\u200b\u2060\u2061\u2062\u2063\u2064\ufeff\u180e")
_TODO = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
_COMMENT = re.compile(r"#|//|/\*|<!--|--|;|\*")
_DOCUMENTS = (".md", ".rst", ".txt", ".adoc")


def conflict_markers(page: Page) -> Iterator[Finding]:
    """Markers that a merge left."""
    for number, text in page.new_lines():
        if _MARKER.match(text):
            yield page.remark(
                number,
                "conflict-marker",
                Severity.HIGH,
                "A merge conflict is not resolved here: finish the merge.",
            )
            return


def hidden_characters(page: Page) -> Iterator[Finding]:
    """Characters that make a text read otherwise than it is."""
    for number, text in page.new_lines():
        if text.isascii():
            continue
        shown = text.removeprefix("\ufeff") if number == 1 else text
        if hidden := [char for char in shown if is_hidden(char)]:
            yield page.remark(
                number,
                "hidden-text",
                Severity.HIGH,
                f"This line holds {_named(hidden[0])}: it does not read as it runs. Remove it.",
            )
        elif zero := [char for char in shown if char in _ZERO_WIDTH]:
            severity = Severity.LOW if page.path.endswith(_DOCUMENTS) else Severity.MEDIUM
            yield page.remark(
                number,
                "invisible-character",
                severity,
                f"This line holds {_named(zero[0])}, which nobody can see. Is it meant to be there?",
            )


def todo_notes(page: Page) -> Iterator[Finding]:
    """Notes to self."""
    for number, text in page.new_lines():
        found = _TODO.search(text)
        if found and _COMMENT.search(text, 0, found.start()):
            yield page.remark(
                number, "todo", Severity.NOTE, f"{found[0]} is added: is it to be done before merging?"
            )


def reviewer_instructions(page: Page) -> Iterator[Finding]:
    """Text that tells a reviewer what to find; it has no effect, and a person should see it."""
    for number, text in page.new_lines():
        if gives_orders(text):
            yield page.remark(
                number,
                "reviewer-instructions",
                Severity.MEDIUM,
                "This text gives orders to a reviewer or a model; none was followed. Is it meant to be here?",
            )


def _named(char: str) -> str:
    return f"U+{ord(char):04X} ({unicodedata.name(char, 'unnamed').lower()})"
