"""Where a remark may stand: in a hunk, put there by program, never by what a model says."""

from __future__ import annotations

import re
from collections.abc import Mapping

from integrations.code_review.diff.model import FilePatch
from integrations.code_review.finding import Finding

__all__ = ["anchored", "found_line", "quotes"]

_NEAR = 3
_TELLING = 3
_WORDS = re.compile(r"\w")


def anchored(finding: Finding, patch: FilePatch) -> Finding:
    """The finding at a line of a hunk: its own, else the nearest within 3, else about the file.

    A remark about the file stands at its first changed line; at 0 when the change leaves no line of it. What
    stands on a line that the change did not add was there before.
    """
    lines = _hunk_of_line(patch)
    if finding.scope == "file" or not lines:
        return _about_file(finding, patch)
    nearest = min(lines, key=lambda line: (abs(line - finding.line), line))
    if abs(nearest - finding.line) > _NEAR:
        return _about_file(finding, patch)
    last = max(nearest, finding.end_line + nearest - finding.line)
    while lines.get(last) != lines[nearest]:
        last -= 1
    return finding.model_copy(update={"line": nearest, "end_line": last})


def found_line(quote: str, line: int, text: Mapping[int, str]) -> int | None:
    """The line nearest to `line` that holds the first line of `quote`; None when the text does not."""
    wanted = next((packed for row in quote.splitlines() if (packed := _packed(row))), "")
    if not wanted:
        return None
    found = [number for number, row in text.items() if quotes(wanted, row)]
    return min(found, key=lambda number: (abs(number - line), number), default=None)


def quotes(quote: str, row: str) -> bool:
    """Whether `quote` is this line, or a part of it that says something."""
    wanted, packed = _packed(quote), _packed(row)
    return wanted == packed if len(_WORDS.findall(wanted)) < _TELLING else wanted in packed


def _about_file(finding: Finding, patch: FilePatch) -> Finding:
    lines = _hunk_of_line(patch)
    line = min(patch.added(), default=min(lines, default=0))
    return finding.model_copy(update={"line": line, "end_line": line, "scope": "file"})


def _hunk_of_line(patch: FilePatch) -> dict[int, int]:
    """The lines that the change leaves, each with the number of its hunk."""
    return {
        line.new: index
        for index, hunk in enumerate(patch.hunks)
        for line in hunk.new_lines()
        if line.new is not None
    }


def _packed(row: str) -> str:
    return " ".join(row.split())
