"""The driver: from an activation to an outcome, by running `run()`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import CoroutineType
from typing import Any

from workflows import failure
from workflows.backend import Activation, Backend, Complete, Errored, Halted, Outcome, Stopped
from workflows.binding import Binding
from workflows.clock import Clock
from workflows.definition import Definition
from workflows.errors import CannotDecode, NotStorable, WorkflowFatalError
from workflows.instance import WorkflowInstance
from workflows.marks import StartMarks
from workflows.run import Run
from workflows.step import WorkflowStep
from workflows.typed import too_large
from workflows.types import WorkflowEvent

__all__ = ["Driver"]

log = logging.getLogger("workflows")

_GRACE = 5.0
_NOT_THEIRS = (str(Path(__file__).parent), str(Path(asyncio.__file__).parent))


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
    ) -> None:
        self._definitions = definitions
        self._backend = backend
        self._clock = clock
        self._env = env
        self._bindings = bindings
        self._executor = ThreadPoolExecutor(thread_name_prefix="step")
        self._marks = StartMarks()
        self._left: set[Run] = set()
        """Runs that are over, and have steps that nobody awaited."""

    async def drive(self, activation: Activation) -> Outcome:
        """Runs `run()` once, to its end or until the lease is gone."""
        definition = self._definitions[activation.ref.workflow]
        try:
            payload = definition.load_params(activation.params)
        except CannotDecode as error:
            return Halted(str(error))
        run = Run(
            activation,
            clock=self._clock,
            executor=self._executor,
            marks=self._marks,
            classes=definition.classes,
            limits=definition.limits,
        )
        main = asyncio.create_task(self._main(definition, run, payload), name=f"run {activation.ref.id}")
        try:
            return await asyncio.shield(run.ended)
        finally:
            if run.let_go:
                await _cancelled(run, main)
            elif run.tasks:
                self._leave(run)

    async def close(self) -> None:
        """Cancels the steps that runs left behind; threads run on, and what they return is dropped."""
        tasks = [task for run in self._left for task in run.tasks]
        for run in self._left:
            run.end(Stopped())
        if tasks:
            await asyncio.wait(tasks, timeout=_GRACE)
        self._marks.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _leave(self, run: Run) -> None:
        """`run()` has returned while steps of it still run: they go on to their end."""
        self._left.add(run)
        for task in run.tasks:
            task.add_done_callback(lambda _: self._forget(run))

    def _forget(self, run: Run) -> None:
        if not run.tasks:
            self._left.discard(run)

    async def _main(self, definition: Definition, run: Run, payload: Any) -> None:
        try:
            outcome = await self._ran(definition, run, payload)
        except asyncio.CancelledError as error:
            if run.let_go:
                raise
            outcome = Errored(failure.dump(error, run.classes), run.unasked())
        if not run.ended.done():
            run.ended.set_result(outcome)

    async def _ran(self, definition: Definition, run: Run, payload: Any) -> Outcome:
        activation = run.activation
        ref = activation.ref
        created = datetime.fromtimestamp(activation.created_at, UTC)
        event = WorkflowEvent(payload, created, ref.id, ref.workflow, activation.firing)
        try:
            workflow = definition.workflow()
            workflow.env = self._env
            workflow.instance = WorkflowInstance(self._backend, definition, ref.id, ref)
            workflow._bindings = self._bindings  # noqa: SLF001  # given here, as __init__ is the user's
            output = await workflow.run(event, WorkflowStep(run))
            stored, _ = definition.output.encode(output)
            if (refusal := too_large(stored, "the output of run()", run.limits.value)) is not None:
                raise refusal
        except NotStorable as refusal:
            fatal = WorkflowFatalError(f"run() of {ref.workflow} returned what cannot be stored: {refusal}")
            return Errored(failure.dump(fatal, run.classes), run.unasked())
        except (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # pytest.fail() and sys.exit() raise no Exception
            log.info('%s "%s" ended with an error', ref.workflow, ref.id, exc_info=error)
            return Errored(failure.dump(error, run.classes), run.unasked())
        return Complete(stored, run.unasked())


async def _cancelled(run: Run, main: asyncio.Task[None]) -> None:
    """Cancels what the run has under way, and waits for it a little."""
    if not main.cancelling():  # a second cancellation would reach the cleanup of its callback
        main.cancel()
    _, pending = await asyncio.wait({main, *run.tasks}, timeout=_GRACE)
    for task in pending:
        log.warning('%s "%s" ignores its cancellation at %s', *run.activation.ref[:2], _place(task))


def _place(task: asyncio.Task[Any]) -> str:
    """Where it stands in the user's code; `get_stack` knows only the outermost frame, which is ours."""
    place = "an unknown place"
    awaited: object = task.get_coro()
    while isinstance(awaited, CoroutineType):
        file = awaited.cr_code.co_filename
        if awaited.cr_frame is not None and not file.startswith(_NOT_THEIRS):
            place = f"{file}:{awaited.cr_frame.f_lineno}"
        awaited = awaited.cr_await
    return place
