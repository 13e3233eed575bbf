"""What the code of an agent raises when it awaits what somebody has cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["told_as_error"]


@contextmanager
def told_as_error() -> Iterator[None]:
    """A `CancelledError` that comes although nobody cancels this task leaves as an error like any other.

    Whoever waits for an answer would else wait in vain, and nobody would hear why.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    try:
        yield
    except asyncio.CancelledError as cancelled:
        if task is None or task.cancelling() > before:
            raise
        raise RuntimeError(f"what it awaited was cancelled: {cancelled}".removesuffix(": ")) from cancelled
