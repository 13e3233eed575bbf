"""Ids of instances."""

from __future__ import annotations

import re

from workflows.errors import WorkflowError

__all__ = ["checked_id"]

_ID = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_-]{0,99}")


def checked_id(id: object) -> str:
    """`id`, when an instance may have it."""
    if not isinstance(id, str) or not _ID.fullmatch(id):
        error = WorkflowError("Workflow instance has invalid id")
        error.add_note(f"{id!r}: use letters, digits, _ and -, at most 100, not - first")
        raise error
    return id
