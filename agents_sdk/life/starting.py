"""Starts that would wait for each other: refused, as none of them would come to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from agents_sdk.errors import NotRunning

__all__ = ["Start"]

_running: ContextVar[Start | None] = ContextVar("start", default=None)
"""Tasks that a start has begun inherit it, and are not it: it does not wait for them."""


class Start:
    """The start of one agent."""

    def __init__(self, whose: object) -> None:
        self.whose = whose
        self.task: asyncio.Task[object] | None = None
        self.waits_for: Start | None = None

    def run(self) -> None:
        """The running task is this start, from now on."""
        self.task = asyncio.current_task()
        _running.set(self)

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Inside, the running code waits for it; raises `NotRunning` if it waits for that code itself."""
        asking = _running.get()
        if asking is None or asking.task is not asyncio.current_task():
            yield
            return
        self._refuse_circle(asking)
        asking.waits_for = self
        try:
            yield
        finally:
            asking.waits_for = None

    def _refuse_circle(self, asking: Start) -> None:
        link: Start | None = self
        while link is not None:
            if link is asking:
                raise NotRunning(
                    f"the on_start of {asking.whose} would wait for itself, when it asks for {self.whose}:"
                    " ask for it later"
                )
            link = link.waits_for
