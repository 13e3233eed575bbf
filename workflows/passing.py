"""Errors that pass: what could not be written now may be writable later."""

from __future__ import annotations

import sqlite3

from workflows.errors import StoreError, StoreFailed

__all__ = ["AGAIN", "passes"]

AGAIN = 5.0
"""Seconds until what failed in passing is tried again."""


def passes(error: Exception) -> bool:
    """The file could not be written or read now, e.g. because the disk is full."""
    return (
        isinstance(error, StoreError)
        and not isinstance(error, StoreFailed)
        and isinstance(error.__cause__, sqlite3.OperationalError)
    ) or isinstance(error, sqlite3.OperationalError)
