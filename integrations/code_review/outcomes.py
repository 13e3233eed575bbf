"""What the steps of a review that need no model give."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from integrations.code_review.change_map.model import ChangeMap, FileChange
from integrations.code_review.finding import Finding, Skipped

__all__ = ["Checked", "Outlined", "Redacted", "Selection"]


class Selection(BaseModel):
    """The files to review, and the others."""

    model_config = ConfigDict(frozen=True)

    files: tuple[FileChange, ...]
    """All files of the change."""
    selected: tuple[str, ...]
    skipped: tuple[Skipped, ...]


class Redacted(BaseModel):
    """Credentials of one file; or why it cannot be read."""

    model_config = ConfigDict(frozen=True)

    findings: tuple[Finding, ...] = ()
    skipped: Skipped | None = None


class Checked(BaseModel):
    """What checks found in one file."""

    model_config = ConfigDict(frozen=True)

    findings: tuple[Finding, ...] = ()
    unread: Skipped | None = None
    """Why checks could not read it."""


class Outlined(BaseModel):
    """The map of the change, and what follows from the change as a whole."""

    model_config = ConfigDict(frozen=True)

    change_map: ChangeMap
    findings: tuple[Finding, ...]
    unread: tuple[Skipped, ...] = ()
    """Files in which no callers could be looked for."""
