"""A coroutine that can be taken out of the task that awaits it, and goes on in one of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

__all__ = ["NOT_YET", "Carried", "leave_behind"]

log = logging.getLogger("workflows")

NOT_YET: Any = object()
"""The coroutine has not begun; the function has not returned."""

_left_behind: set[asyncio.Task[Any]] = set()

_Coroutine = Coroutine[Any, Any, Any]


class Carried(Awaitable[Any]):
    """Awaiting it awaits `coroutine`, until `takes_over` says that somebody else carries it on.

    It is asked what is thrown into the coroutine. `waited` is what the coroutine waits for, when it has begun
    already; `thrown` what it has to be told first.
    """

    __slots__ = ("_coroutine", "_takes_over", "_thrown", "_waited")

    def __init__(
        self,
        coroutine: _Coroutine,
        takes_over: Callable[[_Coroutine, BaseException], bool] | None,
        *,
        waited: object = NOT_YET,
        thrown: BaseException | None = None,
    ) -> None:
        self._coroutine = coroutine
        self._takes_over = takes_over
        self._waited = waited
        self._thrown = thrown

    def __await__(self) -> Generator[Any, Any, Any]:
        coroutine, waited, error, sent = self._coroutine, self._waited, self._thrown, None
        while True:
            if waited is not NOT_YET:
                try:
                    sent, error = (yield waited), None
                except BaseException as thrown:
                    if self._takes_over is not None and self._takes_over(coroutine, thrown):
                        raise
                    error = thrown
            try:
                waited = coroutine.send(sent) if error is None else coroutine.throw(error)
            except StopIteration as returned:
                return returned.value


def leave_behind(coroutine: _Coroutine, thrown: BaseException) -> None:
    """Carries it on in a task of its own; whatever it comes to is dropped."""
    task = asyncio.create_task(_finished(Carried(coroutine, None, thrown=thrown)))
    _left_behind.add(task)
    task.add_done_callback(_left_behind.discard)


async def _finished(carried: Carried) -> None:
    try:
        await carried
    except BaseException as error:  # noqa: BLE001  # nobody is left to tell
        log.debug("a function that was left behind ended with %r", error)
