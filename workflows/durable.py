"""What is on its way to the disk, for code on the loop and in threads alike."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from workflows.errors import WorkflowError

__all__ = ["Durable", "on_loop"]

T = TypeVar("T")


class Durable(Awaitable[T], Generic[T]):
    """`await` it on an event loop, or call `.result()` in a thread; it is written all the same."""

    __slots__ = ("_loop", "_written")

    def __init__(self, written: Future[T], loop: asyncio.AbstractEventLoop) -> None:
        self._written = written
        self._loop = loop

    def __await__(self) -> Generator[Any, None, T]:
        return asyncio.wrap_future(self._written).__await__()

    def result(self, timeout: float | None = None) -> T:
        """What came of it; waits in a thread until it is durable; `TimeoutError` after `timeout` seconds."""
        if not self._written.done() and on_loop(self._loop):
            raise WorkflowError("on the event loop, await it: .result() would block the loop")
        return self._written.result(timeout)


def on_loop(loop: asyncio.AbstractEventLoop) -> bool:
    """This is called by the code that `loop` runs."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
