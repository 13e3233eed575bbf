"""The tasks of a run, and how all of them are told to leave when it is parked.

Whatever a run makes with `asyncio.create_task`, `gather`, `TaskGroup` and the like is known to it, except
what a step's function makes. `docs/decisions/0005-parking.md` says why it is done in this way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextvars import copy_context
from typing import Any

from workflows.inside import INSIDE

__all__ = ["Park", "RunTask", "RunTasks", "Steered", "TaskFactory"]

_Make = Callable[..., "asyncio.Future[Any]"]


class Park(BaseException):
    """Unwinds a run that is parked; nothing of the user's should catch it."""


class Steered(Coroutine[Any, Any, Any]):
    """A coroutine of a run: it behaves as the one inside, until it is told to leave."""

    __slots__ = ("_coroutine", "_given_up", "_told", "leaving")

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine
        self._told = False
        self._given_up = False
        self.leaving = False
        """It has been told to leave, and may still be cleaning up."""

    def leave(self) -> None:
        """The next cancellation that arrives becomes `Park`."""
        self.leaving, self._told = True, True

    def give_up(self) -> None:
        """It does not leave: the next thing that arrives ends its task, and the coroutine stays as it is."""
        self._given_up = True
        _keep_for_ever(self._coroutine)

    def send(self, value: Any) -> Any:
        """See `Coroutine.send`."""
        if self.leaving or self._given_up:
            return self._leave(self._coroutine.send, value)
        return self._coroutine.send(value)

    def throw(self, error: Any, *more: Any) -> Any:
        """See `Coroutine.throw`."""
        if self._told and isinstance(error, asyncio.CancelledError):
            self._told = False
            error = Park()
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
        if self.leaving or self._given_up:
            return self._leave(self._coroutine.throw, error)
        return self._coroutine.throw(error, *more)

    def close(self) -> None:
        """See `Coroutine.close`."""
        if not self._given_up:
            self._coroutine.close()

    def __next__(self) -> Any:
        if self.leaving or self._given_up:
            return self._leave(self._coroutine.send, None)
        return self._coroutine.send(None)

    def __iter__(self) -> Steered:
        return self

    def __await__(self) -> Generator[Any, Any, Any]:
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._coroutine, name)  # tools look at cr_frame, cr_await, __qualname__

    def _leave(self, go: Callable[[Any], Any], value: Any) -> Any:
        if self._given_up:
            raise asyncio.CancelledError
        try:
            return go(value)
        except Park:
            raise asyncio.CancelledError from None  # asyncio says nothing of a cancelled task
        except BaseExceptionGroup as group:
            if group.subgroup(Park) is None:
                raise
            raise asyncio.CancelledError from None


def _keep_for_ever(coroutine: object) -> None:
    """Whoever drops a coroutine closes it, which runs it again; a loop that catches everything would spin.

    That holds at the end of the interpreter too, which empties all modules: so nothing may count it down.
    """
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(coroutine))


class RunTask(asyncio.Task[Any]):
    """A task of a run; it cannot be cancelled any more while it leaves."""

    __slots__ = ()

    def cancel(self, msg: Any | None = None) -> bool:
        """See `asyncio.Task.cancel`."""
        steered = self.get_coro()
        if isinstance(steered, Steered) and steered.leaving:
            return False
        return super().cancel(msg)

    def leave(self) -> None:
        """Cancels it all the same."""
        super().cancel()


class RunTasks:
    """The unfinished tasks of one run; held here, because the event loop holds tasks only weakly."""

    __slots__ = ("_tasks", "given_up")

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Future[Any], Steered] = {}
        self.given_up: list[asyncio.Task[Any]] = []
        """Tasks that were ended while their coroutine would not end."""

    def __iter__(self) -> Iterator[asyncio.Future[Any]]:
        return iter([task for task in self._tasks if not task.done()])

    def __contains__(self, task: object) -> bool:
        return task in self._tasks

    def start(self, coroutine: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """The first task of the run."""
        context = copy_context()
        context.run(INSIDE.set, self)
        return asyncio.get_running_loop().create_task(coroutine, name=name, context=context)

    def add(self, task: asyncio.Future[Any], steered: Steered) -> None:
        """A task that the run made."""
        self._tasks[task] = steered
        task.add_done_callback(self._remove)

    def blocked(self) -> bool:
        """None of them goes on before something happens."""
        for task in self._tasks:
            awaited = getattr(task, "_fut_waiter", None)  # None: it runs, or is about to
            if awaited is None or awaited.done():
                return False
        return True

    def cancel(self) -> None:
        """Cancels all of them."""
        for task in list(self._tasks):
            task.cancel()

    def leave(self) -> None:
        """Throws `Park` into each of them; from now on they cannot be cancelled."""
        leaving = list(self._tasks.items())
        for _, steered in leaving:
            steered.leave()
        for task, _ in leaving:
            _cancel(task)

    def stay(self) -> None:
        """They had their time to leave: they can be cancelled again."""
        for steered in self._tasks.values():
            steered.leaving = False

    def give_up(self, task: asyncio.Task[Any]) -> None:
        """Ends `task`, the current one, at its next `await`, whatever its coroutine may catch."""
        if (steered := self._tasks.get(task)) is not None:
            steered.give_up()
            self.given_up.append(task)
            _cancel(task)

    def _remove(self, task: asyncio.Future[Any]) -> None:
        self._tasks.pop(task, None)


class TaskFactory:
    """The task factory of a loop on which engines run; it leaves other tasks to the factory that it found."""

    def __init__(self, found: _Make | None) -> None:
        self._found = found
        self._engines = 0

    @classmethod
    def installed(cls) -> TaskFactory:
        """The one of the running loop, for one more engine."""
        loop = asyncio.get_running_loop()
        found = loop.get_task_factory()
        factory = found if isinstance(found, TaskFactory) else cls(found)
        if factory is not found:
            loop.set_task_factory(factory)
        factory.add()
        return factory

    def add(self) -> None:
        """One engine more."""
        self._engines += 1

    def remove(self) -> None:
        """One engine less; the last one takes it off the loop, unless another factory stands on it."""
        self._engines -= 1
        loop = asyncio.get_running_loop()
        if not self._engines and loop.get_task_factory() is self:
            loop.set_task_factory(self._found)

    def __call__(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Future[Any]:
        """A new task; `options` are those of `asyncio.Task`, which differ between Pythons."""
        context = options.get("context")
        tasks = INSIDE.get() if context is None else context.get(INSIDE)
        if not isinstance(tasks, RunTasks):
            make = self._found or _plain
            return make(loop, coro, **options)
        steered = Steered(coro)
        task = (self._found or _of_a_run)(loop, steered, **options)
        if not task.done():
            tasks.add(task, steered)
        return task


def _plain(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
    return asyncio.Task(coro, loop=loop, **options)


def _of_a_run(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> RunTask:
    return RunTask(coro, loop=loop, **options)


def _cancel(task: asyncio.Future[Any]) -> None:
    if isinstance(task, RunTask):
        task.leave()
    else:
        task.cancel()
