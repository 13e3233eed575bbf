"""A parsed diff."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["FilePatch", "Hunk", "Line", "Status"]

Status = Literal["added", "deleted", "modified", "renamed", "copied", "mode"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a hunk, without its mark and its line feed; undecodable bytes are surrogates."""

    mark: Literal[" ", "+", "-"]
    text: str
    old: int | None
    new: int | None
    ends: bool = True
    """False for the last line of a file without a final newline."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Some lines that follow each other, before and after."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    section: str
    lines: tuple[Line, ...]

    def old_lines(self) -> Iterator[Line]:
        """What the hunk replaces."""
        return (line for line in self.lines if line.mark != "+")

    def new_lines(self) -> Iterator[Line]:
        """What the hunk leaves."""
        return (line for line in self.lines if line.mark != "-")


@dataclass(frozen=True, slots=True)
class FilePatch:
    """What the diff says about one file; paths are without `a/` and `b/`, None where the file is not."""

    old_path: str | None
    new_path: str | None
    hunks: tuple[Hunk, ...] = ()
    old_mode: str | None = None
    new_mode: str | None = None
    old_blob: str | None = None
    new_blob: str | None = None
    binary: bool = False
    copied: bool = False

    @property
    def path(self) -> str:
        """The path after the change, or the one before when the file is gone."""
        return self.new_path or self.old_path or ""

    @property
    def status(self) -> Status:
        """What happened to the file."""
        if self.old_path is None:
            return "added"
        if self.new_path is None:
            return "deleted"
        if self.old_path != self.new_path:
            return "copied" if self.copied else "renamed"
        return "modified" if self.hunks or self.binary else "mode"

    @property
    def mode(self) -> str | None:
        """The mode after the change, when the diff tells it."""
        return self.new_mode or self.old_mode

    def added(self) -> dict[int, str]:
        """The added lines by their number in the new text."""
        return {
            line.new: line.text
            for hunk in self.hunks
            for line in hunk.lines
            if line.mark == "+" and line.new is not None
        }

    def removed(self) -> dict[int, str]:
        """The removed lines by their number in the old text."""
        return {
            line.old: line.text
            for hunk in self.hunks
            for line in hunk.lines
            if line.mark == "-" and line.old is not None
        }
