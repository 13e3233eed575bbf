"""Ids of instances."""

from __future__ import annotations

import re

from workflows.errors import WorkflowError

__all__ = ["addressed_id", "checked_id"]

_ID = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_-]{0,99}")
_ADDRESS = re.compile(r"[a-zA-Z0-9, */#_-]{1,271}")
"""On Cloudflare, an instance that cron has created is named by its expression, which no `create` may do."""


def checked_id(id: object) -> str:
    """`id`, when an instance may have it."""
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise _refused(f"{id!r}: use letters, digits, _ and -, at most 100, not - first")
    return id


def addressed_id(id: object) -> str:
    """`id`, when there may be an instance that has it, whoever created it."""
    if not isinstance(id, str) or not _ADDRESS.fullmatch(id):
        raise _refused(f"{id!r}: no instance can have it")
    return id


def _refused(note: str) -> WorkflowError:
    error = WorkflowError("Workflow instance has invalid id")
    error.add_note(note)
    return error
