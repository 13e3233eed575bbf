"""A map of a change."""

from __future__ import annotations

from typing import Literal

from integrations.code_review.finding import Visible, VisibleName
from integrations.value import Value

__all__ = ["Caller", "ChangeMap", "FileChange", "Risk", "SignatureChange"]

Risk = Literal["low", "medium", "high"]


class SignatureChange(Value):
    """A public function whose parameters changed, or that is gone."""

    path: VisibleName
    line: int
    name: str
    """Qualified within its file, e.g. `Cart.add`."""
    old: Visible
    new: Visible
    """Empty when the function is gone."""
    required: int = 0
    """Positional arguments that a call must give now."""
    accepted: int | None = None
    """Positional arguments that a call may give now; None for any number."""
    keywords: tuple[str, ...] | None = None
    """Names that a call may give now; None for any."""


class Caller(Value):
    """A line that calls a function whose signature changed."""

    name: str
    path: VisibleName
    line: int
    breaks: Visible = ""
    """Why this call does not fit the new signature; empty when it fits or cannot be told."""


class FileChange(Value):
    """One file of the change."""

    path: VisibleName
    status: str
    added: int
    removed: int
    functions: tuple[str, ...] = ()


class ChangeMap(Value):
    """Where the change reaches, and how much care it asks for."""

    files: tuple[FileChange, ...] = ()
    signatures: tuple[SignatureChange, ...] = ()
    callers: tuple[Caller, ...] = ()
    risk: Risk = "low"
    reasons: tuple[Visible, ...] = ()
