"""Engines for one test: all on one file and one clock."""

from __future__ import annotations

import os
from typing import Any

from workflows.clock import Clock
from workflows.engine import Engine
from workflows.entrypoint import WorkflowEntrypoint
from workflows.errors import EngineClosed

__all__ = ["EngineFactory"]


class EngineFactory:
    """Makes engines; a second one, opened after the first was closed, goes on with what that left."""

    def __init__(self, path: str | os.PathLike[str], clock: Clock) -> None:
        self.path = path
        self.clock = clock
        self._made: list[Engine] = []

    def __call__(
        self,
        *workflows: type[WorkflowEntrypoint[Any, Any]],
        env: Any = None,
        path: str | os.PathLike[str] | None = None,
    ) -> Engine:
        """An engine, to be opened by `async with`; `path=":memory:"` keeps everything in memory."""
        engine = Engine(self.path if path is None else path, workflows, env=env, clock=self.clock)
        self._made.append(engine)
        return engine

    def left_open(self) -> bool:
        """An engine that was made here has not been closed."""
        return any(map(_is_open, self._made))


def _is_open(engine: Engine) -> bool:
    try:
        return engine.store is not None
    except EngineClosed:
        return False
