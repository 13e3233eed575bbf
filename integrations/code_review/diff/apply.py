"""A patch against the text that it was made from."""

from __future__ import annotations

from collections.abc import Iterator

from integrations.code_review.diff.model import FilePatch, Hunk

__all__ = ["applied", "split_lines"]


def split_lines(text: str) -> list[str]:
    """The lines of a text as git counts them: only a line feed ends one, and it stays on its line."""
    lines = text.split("\n")
    last = lines.pop()
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def applied(patch: FilePatch, old: str) -> str | None:
    """The new text; None when the patch was not made from `old`."""
    lines = split_lines(old)
    new: list[str] = []
    at = 0
    for hunk in patch.hunks:
        first = hunk.old_start - 1 if hunk.old_count else hunk.old_start
        before = list(_side(hunk, "+"))
        if first < at or lines[first : first + len(before)] != before:
            return None
        new += lines[at:first]
        new += _side(hunk, "-")
        at = first + len(before)
    return "".join(new + lines[at:])


def _side(hunk: Hunk, without: str) -> Iterator[str]:
    return (f"{line.text}\n" if line.ends else line.text for line in hunk.lines if line.mark != without)
