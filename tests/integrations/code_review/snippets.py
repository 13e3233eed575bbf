"""A changed file, given as two texts."""

from __future__ import annotations

import difflib

from integrations.code_review.change import Pair, Piece, Versions
from integrations.code_review.checks.run import check_file
from integrations.code_review.diff.files import by_path
from integrations.code_review.diff.parser import parse_diff
from integrations.code_review.finding import Finding
from integrations.code_review.signals.compare import compare_file


def versions(old: str, new: str, path: str = "m.py") -> Versions:
    """Both texts with the diff between them; an empty `old` is a new file."""
    named = f"a/{path}" if old else "/dev/null"
    rows = difflib.unified_diff(_lines(old), _lines(new), named, f"b/{path}", lineterm="")
    patch = next(
        iter(by_path(parse_diff(("\n".join(rows) + "\n").encode("utf-8", "surrogateescape"))).values())
    )
    return Versions(path, patch, (Pair(Piece(old) if old else None, Piece(new)),)).masked()


def signals(old: str, new: str, path: str = "m.py") -> tuple[Finding, ...]:
    """What the comparison of the two texts asks."""
    return compare_file(versions(old, new, path)).findings


def checks(new: str, path: str = "m.py", *, old: str = "") -> list[tuple[str, int, str]]:
    """What checks find on the added lines: rule, line, severity."""
    return [
        (one.rule.partition("/")[2], one.line, one.severity) for one in check_file(versions(old, new, path))
    ]


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []
