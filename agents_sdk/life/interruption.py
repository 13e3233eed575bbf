"""Cutting off what is under way: `Aborted` is raised where it was begun."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from agents_sdk.errors import Aborted

__all__ = ["Interruption"]


@dataclass(eq=False, slots=True)
class _Inside:
    task: asyncio.Task[object] | None
    cancelling: int
    error: Aborted | None = None


class Interruption:
    """The tasks that are inside of one agent; they may have gone in from anywhere."""

    def __init__(self) -> None:
        self._inside: set[_Inside] = set()

    @contextmanager
    def inside(self) -> Iterator[None]:
        """What is awaited inside is cancelled by `cut`, and leaves as its error; as in `asyncio.timeout`."""
        task = asyncio.current_task()
        one = _Inside(task, task.cancelling() if task else 0)
        self._inside.add(one)
        try:
            yield
        except asyncio.CancelledError as cancelled:
            if one.error is not None and one.task and one.task.uncancel() <= one.cancelling:
                raise one.error from cancelled
            raise
        finally:
            self._inside.discard(one)

    def cut(self, error: Aborted, *, own: Container[asyncio.Task[None]]) -> None:
        """Cuts off all that came in from elsewhere, except who asks for it; the agent's `own` tasks stay."""
        asking = asyncio.current_task()
        for one in self._inside:
            if one.task is not None and one.task is not asking and one.task not in own:
                one.error = error
                one.task.cancel()
