"""The driver: from an activation to an outcome, by running `run()`."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from workflows import failure
from workflows.backend import (
    Activation,
    Backend,
    Complete,
    Errored,
    Halted,
    Outcome,
    Parked,
    Rollback,
    Stopped,
)
from workflows.binding import Binding
from workflows.children import Children
from workflows.clock import Clock
from workflows.definition import Definition
from workflows.errors import CannotDecode, NotStorable, WorkflowFatalError
from workflows.failure import UNWINDS
from workflows.garbage import COLLECTOR
from workflows.instance import WorkflowInstance
from workflows.marks import StartMarks
from workflows.parking import Parking
from workflows.run import Run
from workflows.sqlite.store import Store
from workflows.standing import place, stack
from workflows.step import WorkflowStep
from workflows.tasks import TaskFactory
from workflows.threads import Threads
from workflows.typed import too_large
from workflows.types import WorkflowEvent
from workflows.undo import Undo
from workflows.watchdog import Watchdog

__all__ = ["Driver"]

log = logging.getLogger("workflows")

_GRACE = 5.0


class Driver:
    """Runs the workflows of one engine."""

    def __init__(
        self,
        definitions: Mapping[str, Definition],
        backend: Backend,
        clock: Clock,
        *,
        env: Any,
        bindings: Callable[[Any], Binding[Any]],
        reach: Callable[[str], Awaitable[Any]],
        hot_waits: int,
        store: Store | None = None,
    ) -> None:
        """Runs on the running loop; more than `hot_waits` waiting runs are parked."""
        self._definitions = definitions
        self._backend = backend
        self._clock = clock
        self._env = env
        self._bindings = bindings
        self._reach = reach
        self._store = store
        self._children = Children(backend, bindings)
        self._threads = Threads()
        self._marks = StartMarks()
        self._tasks = TaskFactory.installed()
        self._watchdog = Watchdog.installed()
        COLLECTOR.opened()
        self._parking, self._never = Parking(hot_waits), Parking(sys.maxsize)
        self._stubborn: set[int] = set()
        """Incarnations of which a run did not unwind to be parked: they park no more."""
        self._kept: set[asyncio.Future[Any]] = set()
        """The tasks of such runs; the event loop holds tasks only weakly."""
        self._left: set[Run] = set()
        """Runs that are over, and have steps that nobody awaited."""

    async def drive(self, activation: Activation) -> Outcome:
        """Runs `run()` once, to its end or until the lease is gone."""
        definition = self._definitions[activation.ref.workflow]
        try:
            payload = definition.load_params(activation.params)
        except CannotDecode as error:
            return Halted(str(error))
        parking = self._never if activation.ref.incarnation in self._stubborn else self._parking
        run = Run(
            activation,
            clock=self._clock,
            threads=self._threads,
            marks=self._marks,
            parking=parking,
            classes=definition.classes,
            limits=definition.limits,
            rehearsals=self._backend.rehearsals,
            store=self._store,
        )
        running = self._main if activation.undoing is None else self._undo
        main = run.made.start(running(definition, run, payload), name=f"run {activation.ref.id}")
        main.add_done_callback(lambda died: self._died(died, run))
        COLLECTOR.began()
        try:
            outcome = await run.ended
            if isinstance(outcome, Rollback) or activation.undoing is not None:
                run.end(outcome)  # what is left of it is blocked for ever
            if not isinstance(outcome, Parked | Stopped):
                self._stubborn.discard(activation.ref.incarnation)
            return outcome
        finally:
            COLLECTOR.ended()
            parking.goes_on(run)
            if run.let_go:
                await self._unwound(run, main)
            elif run.tasks:
                self._leave(run)
            else:
                run.dissolve()

    async def close(self) -> None:
        """Cancels the steps that runs left behind; threads run on, and what they return is dropped."""
        tasks = [task for run in self._left for task in run.tasks]
        for run in self._left:
            run.end(Stopped())
        if tasks:
            await asyncio.wait(tasks, timeout=_GRACE)
        self._marks.close()
        self._tasks.remove()
        COLLECTOR.closed()
        self._watchdog.remove()
        self._threads.close()

    def _leave(self, run: Run) -> None:
        """`run()` has returned while steps of it are under way: it is let go once no attempt of them runs."""
        self._left.add(run)
        for task in run.tasks:
            task.add_done_callback(lambda _: self._forget(run))
        if not run.activation.running:
            run.end(Stopped())

    def _forget(self, run: Run) -> None:
        if not run.tasks:
            self._left.discard(run)
            run.dissolve()

    async def _unwound(self, run: Run, main: asyncio.Task[None]) -> None:
        """Waits a little until nothing of a run that was let go is under way."""
        run.activation.listen(None)
        workflow, id, incarnation = run.activation.ref
        try:
            pending = await _over(run, main)
        finally:
            run.made.stay()
        for given_up in run.made.given_up:
            log.warning('%s "%s" ignores its cancellation at %s', workflow, id, place(given_up))
        for task in pending:
            log.warning('%s "%s" ignores its cancellation at %s\n%s', workflow, id, place(task), stack(task))
        if not (pending or run.made.given_up):
            run.dissolve()
        elif run.parked:
            self._stubborn.add(incarnation)
            for task in pending:
                self._kept.add(task)
                task.add_done_callback(self._kept.discard)
            log.warning('%s "%s" could not be parked and stays in memory from now on', workflow, id)

    async def _main(self, definition: Definition, run: Run, payload: Any) -> None:
        try:
            outcome = await self._ran(definition, run, payload)
        except asyncio.CancelledError as error:
            if run.let_go:
                raise
            outcome = Errored(failure.dump(error, run.classes), run.unasked())
        run.finish(outcome)

    async def _undo(self, definition: Definition, run: Run, payload: Any) -> None:
        run.finish(await Undo(run).outcome(self._called(definition, run, payload)))

    def _died(self, main: asyncio.Task[None], run: Run) -> None:
        """Whatever has ended the first task of a run without an outcome is its outcome."""
        error = asyncio.CancelledError() if main.cancelled() else main.exception()
        if error is None or isinstance(error, KeyboardInterrupt) or run.let_go:
            return  # Ctrl-C ends the loop, and the instance goes on when the engine is opened
        log.info("%s ended with %r", main.get_name(), error)
        if run.activation.undoing is None:
            run.finish(Errored(failure.dump(error, run.classes), run.unasked()))
        else:
            run.finish(Halted(f"its rollback cannot go on: {type(error).__name__}: {error}"))

    async def _ran(self, definition: Definition, run: Run, payload: Any) -> Outcome:
        ref = run.activation.ref
        try:
            output = await self._called(definition, run, payload)
            if run.let_go:
                return Stopped()
            stored, _ = definition.output.encode(output)
            if (refusal := too_large(stored, "the output of run()", run.limits.value)) is not None:
                raise refusal
        except NotStorable as refusal:
            fatal = WorkflowFatalError(f"run() of {ref.workflow} returned what cannot be stored: {refusal}")
            return Errored(failure.dump(fatal, run.classes), run.unasked())
        except UNWINDS:
            raise
        except BaseException as error:  # pytest.fail() and sys.exit() raise no Exception
            if run.let_go:
                return Stopped()
            log.info('%s "%s" ended with an error', ref.workflow, ref.id, exc_info=error)
            return Errored(failure.dump(error, run.classes), run.unasked())
        return Complete(stored, run.unasked())

    async def _called(self, definition: Definition, run: Run, payload: Any) -> Any:
        """Calls `run()` of a new object of the workflow."""
        activation = run.activation
        ref = activation.ref
        workflow = definition.workflow()
        workflow.env = self._env
        workflow.instance = WorkflowInstance(self._backend, definition, ref.id, ref)
        workflow._bindings = self._bindings  # noqa: SLF001  # given here, as __init__ is the user's
        workflow._reach = self._reach  # noqa: SLF001  # as above
        created = datetime.fromtimestamp(activation.created_at, UTC)
        event = WorkflowEvent(payload, created, ref.id, ref.workflow, activation.firing)
        return await workflow(event, WorkflowStep(run, self._children))


async def _over(run: Run, main: asyncio.Task[None]) -> set[asyncio.Future[Any]]:
    """Waits for all tasks of the run, also for those that its cleanup makes; gives those that go on."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _GRACE
    while tasks := {task for task in (main, *run.tasks, *run.made) if not task.done()}:
        if (left := until - loop.time()) <= 0:
            return tasks
        await asyncio.wait(tasks, timeout=left)
    return set()
