"""The name of the function or class that a line of a changed file belongs to."""

from __future__ import annotations

from integrations.code_review.change import Versions
from integrations.code_review.python import Parsed, is_python, syntax_of
from integrations.code_review.scopes import Scopes

__all__ = ["symbol_at"]


def symbol_at(versions: Versions, line: int) -> str:
    """Qualified, e.g. `Cart.add`; empty at the level of the module, and where the text does not parse."""
    pieces = [pair.new for pair in versions.pairs if pair.new is not None] if is_python(versions.path) else []
    for piece in pieces:
        if piece.first <= line < piece.first + piece.text.count("\n") + 1:
            outcome = syntax_of(piece.text, first_line=piece.first)
            return Scopes(outcome.tree).name_at(line) if isinstance(outcome, Parsed) else ""
    return ""
