"""What the steps of a review that need no model give."""

from __future__ import annotations

from integrations.code_review.change_map.model import ChangeMap, FileChange
from integrations.code_review.finding import Finding, Skipped
from integrations.value import Value

__all__ = ["Checked", "Outlined", "Redacted", "Selection"]


class Selection(Value):
    """The files to review, and the others."""

    files: tuple[FileChange, ...]
    """All files of the change."""
    selected: tuple[str, ...]
    skipped: tuple[Skipped, ...]


class Redacted(Value):
    """Credentials of one file; or why it cannot be read."""

    findings: tuple[Finding, ...] = ()
    skipped: Skipped | None = None


class Checked(Value):
    """What checks found in one file."""

    findings: tuple[Finding, ...] = ()
    unread: Skipped | None = None
    """Why checks could not read it."""


class Outlined(Value):
    """The map of the change, and what follows from the change as a whole."""

    change_map: ChangeMap
    findings: tuple[Finding, ...]
    unread: tuple[Skipped, ...] = ()
    """Files in which no callers could be looked for."""
