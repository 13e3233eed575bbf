"""A step that several may wait for: it runs once, and goes on as long as anyone needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

from workflows.entry import Key, State
from workflows.operation import Operation
from workflows.run import Run

__all__ = ["SharedStep", "together"]

T_co = TypeVar("T_co", covariant=True)


class SharedStep(Generic[T_co]):
    """One step of a run, with its identity; it runs in a task of its own, from when somebody first needs it.

    Everybody who waits gets an outcome of his own, read from the journal, so that nobody sees what another
    has changed in it. When all who wait are cancelled, the step is cut; who needs it later lets it go on.
    """

    __slots__ = ("_ended", "_given_up", "_needed", "_operation", "_run", "_task", "called", "key")

    def __init__(self, run: Run, key: Key, operation: Callable[[], Operation[T_co]], *, called: bool) -> None:
        self.key = key
        self.called = called
        """The workflow has called it; otherwise other steps need it."""
        self._run = run
        self._operation = operation
        self._needed = 0
        self._task: asyncio.Task[None] | None = None
        self._ended = False
        self._given_up = False

    def join(self, *, alone: bool) -> None:
        """One more needs it; `alone`: and does nothing else meanwhile."""
        self._needed += 1
        if self._task is None and not self._ended and not self._run.let_go:
            self._begin(alone=alone, resumed=not self.called)

    def leave(self) -> None:
        """One less needs it."""
        self._needed -= 1
        if self._task is not None and not self._task.done():
            self._run.names.stand_alone(self._task)

    def give_up(self) -> asyncio.Task[None] | None:
        """The task to be cancelled when the only one who needs it does not any more."""
        if self._needed > 1 or self._task is None or self._task.done():
            return None
        self._given_up = True
        return self._task

    async def outcome(self) -> T_co:
        """What it returned, or raises what it or a step that it needs raised; `join` comes first."""
        while not self._ended and not self._run.let_go:
            task = self._task
            assert task is not None
            await asyncio.wait((task,))
            if self._task is not task:
                continue  # somebody else has let it go on
            if task.cancelled() and self._given_up:
                self._begin(alone=False, resumed=True)
            else:
                task.result()
        return await self._run.perform(self._operation())

    def _begin(self, *, alone: bool, resumed: bool) -> None:
        """`resumed`: whoever was cancelled with it, as the journal says, is not who needs it now."""
        entry = self._run.activation.journal.get(self.key)
        if entry is not None and entry.ended:
            self._ended = True
            return
        if entry is not None and entry.state is State.CUT and resumed:
            entry.state = State.RUNNING
        self._given_up = False
        beginner = asyncio.current_task()
        self._task = asyncio.create_task(self._performed(), name=f"step {self.key}")
        if alone and beginner is not None:
            self._run.names.stand_in(self._task, beginner)

    async def _performed(self) -> None:
        with suppress(Exception):  # it is in the journal, for this step or for one that it needs
            await self._run.perform(self._operation())
        self._ended = True


async def together(steps: Sequence[SharedStep[Any]]) -> list[Any]:
    """What `steps` return, run at the same time; or the first error in their order, whichever came first."""
    needed = dict.fromkeys(steps)
    for step in needed:
        step.join(alone=len(needed) == 1)
    try:
        return [await step.outcome() for step in steps]
    except asyncio.CancelledError:
        await _cancelled(needed)
        raise
    finally:
        for step in needed:
            step.leave()


async def _cancelled(steps: Iterable[SharedStep[Any]]) -> None:
    """Cancels what nobody else needs, and waits until that is recorded; passes on a second cancellation."""
    tasks = [task for step in steps if (task := step.give_up()) is not None]
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError:
            continue
