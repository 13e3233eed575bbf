"""The lines at which GitHub takes comments: of the hunks that it tells itself, on the side of the head."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from integrations.code_review.visible import visible
from integrations.github.seen import File

__all__ = ["CommentableFile", "commentable"]

_HEADER = re.compile(r"@@ -\d+(?:,\d+)? \+(?P<start>\d+)(?:,\d+)? @@", re.ASCII)


class CommentableFile:
    """A changed file with the number of the hunk of each line that may be commented."""

    __slots__ = ("_hunks", "name")

    def __init__(self, file: File) -> None:
        self.name = file.filename
        self._hunks = dict(_lines(file.patch or ""))

    def last_in_hunk(self, first: int, last: int) -> int | None:
        """The last line up to `last` in the hunk of `first`; None when `first` is in none."""
        hunk = self._hunks.get(first)
        if hunk is None:
            return None
        while last > first and self._hunks.get(last) != hunk:
            last -= 1
        return max(first, last)


def commentable(files: Iterable[File]) -> Mapping[str, CommentableFile]:
    """The files by the path that findings have."""
    return {visible(file.filename, kept=frozenset()): CommentableFile(file) for file in files}


def _lines(patch: str) -> Iterable[tuple[int, int]]:
    hunk = line = 0
    for row in patch.split("\n"):
        if header := _HEADER.match(row):
            hunk, line = hunk + 1, int(header["start"])
        elif hunk and row[:1] in ("+", " ", ""):
            if row:  # what ends the patch is no line
                yield line, hunk
            line += 1
