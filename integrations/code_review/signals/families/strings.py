"""Texts that say the name of a value instead of the value."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from integrations.code_review.finding import Severity
from integrations.code_review.signals.model import FunctionChange, Signal
from integrations.code_review.signals.syntax import short

__all__ = ["lost_prefixes"]

_FIELD = re.compile(r"\{[A-Za-z_][^{}]*\}")


def lost_prefixes(change: FunctionChange) -> Iterator[Signal]:
    """`"{x}"` for `f"{x}"`."""
    for found in change.differences:
        match found.old, found.new:
            case (ast.JoinedStr(), ast.Constant(value=str(text)) as new) if _FIELD.search(text):
                if isinstance(found.new_parent, ast.Attribute) and found.new_parent.attr in {
                    "format",
                    "format_map",
                }:
                    continue
                yield Signal(
                    "f-prefix-lost",
                    Severity.MEDIUM,
                    f"`{short(new)}` has braces but no `f` any more: should it show the values?",
                    *found.heads,
                )
