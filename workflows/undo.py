"""A rollback that is under way: the compensations are found again by a replay, then called one by one.

The replay runs `run()` only to learn with which `rollback=` its steps are called: a step that had ended
answers from the journal, and any other never returns. So nothing that was cut off goes on, and nothing new is
done.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Coroutine, Iterable, Mapping
from contextvars import ContextVar
from typing import Any

from workflows import failure
from workflows.attempts import Attempts, Told
from workflows.backend import Halted, NewMoment, Undone
from workflows.clock import Pending
from workflows.do import Do
from workflows.entry import Entry, Key, Kind, State
from workflows.errors import StepError, WorkflowFatalError
from workflows.failure import Failure
from workflows.names import Names
from workflows.operation import Operation
from workflows.retry import undoable
from workflows.rollback import RollbackContext
from workflows.run import Run
from workflows.streams.stream import Whole
from workflows.types import RollbackStatus

__all__ = ["Undo"]

log = logging.getLogger("workflows")

_PATIENCE = 30.0
"""Seconds without a step call after which a replay is taken to be blocked for ever."""
_compensating: ContextVar[bool] = ContextVar("_compensating", default=False)


class Undo:
    """One rollback, by a run of its own."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._started = _started(run.activation.journal)
        self._left = _left(self._started, run.activation.journal)
        self._found: dict[Key, Do] = {}
        self._asked = 0
        self._slowest = 0.0
        """How long a step lived that was cut on the first run, and that the replay waits to see cut again."""
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._alarm: Pending | None = None
        run.admit = self._admit

    async def outcome(self, replayed: Coroutine[Any, Any, object]) -> Undone | Halted:
        """Undoes what an earlier run has done; `replayed` is `run()` once more."""
        workflow, id, _ = self._run.activation.ref
        replay = asyncio.create_task(_quietly(replayed), name=f"replay {id}")
        replay.add_done_callback(lambda _: self._end())
        try:
            self._look()
            await self._over
            return Undone(await self._compensated())
        except Exception as error:
            log.exception('the rollback of %s "%s" cannot go on', workflow, id)
            return Halted(f"its rollback cannot go on: {type(error).__name__}: {error}")
        finally:
            if self._alarm is not None:
                self._alarm.cancel()

    async def _admit(self, operation: Operation[Any], _within: bool) -> None:
        """See `Run.admit`."""
        key = operation.key
        if key.kind is Kind.ROLLBACK:
            return
        if _compensating.get():
            await asyncio.sleep(0)  # a loop around the step must not hold up everything else
            raise WorkflowFatalError("Cannot execute steps during rollback phase")
        self._asked += 1
        if isinstance(operation, Do) and operation.compensation is not None:
            self._found[key] = operation
        self._look()
        entry = self._run.activation.journal.get(key)
        if entry is not None and entry.state is State.CUT:
            self._slowest = max(self._slowest, entry.lasted)
        if self._over.done() or entry is None or not entry.ended:
            await self._run.hold()  # so what run() has opened stays open while the compensations use it

    def _look(self) -> None:
        """Is there anything left to be found?"""
        if self._left <= self._found.keys():
            self._end()
        elif self._alarm is None:
            self._wait_on()

    def _wait_on(self) -> None:
        asked = self._asked

        def tired() -> None:
            if asked == self._asked:
                self._end()
            else:
                self._wait_on()

        self._alarm = self._run.clock.call_later(self._slowest + _PATIENCE, tired)

    def _end(self) -> None:
        if not self._over.done():
            self._over.set_result(None)

    async def _compensated(self) -> RollbackStatus:
        """Calls what undoes each step, until one of them fails for good."""
        run = self._run
        _compensating.set(True)
        run.names = Names()  # a step that a compensation calls is refused for that, not for its name
        for key, entry in self._started.items():
            if (do := self._found.get(key)) is not None:
                failed = await run.perform(_Compensated(run, do, entry))
            else:
                missing = [one for one in self._started if one in self._left - self._found.keys()]
                failed = await run.perform(_Lost(run, key, missing))
            if failed is not None:
                return RollbackStatus("failed", failed)
        return RollbackStatus("complete")


class _Compensated(Attempts):
    """The `Operation` that undoes a step; it gives what it failed with, if it did."""

    __slots__ = ("_do", "_entry")

    _told = Told(*(f"rollback_{one}" for one in Told()))
    _called_as = "the rollback of step"
    _says_why = True
    _prepares = True

    def __init__(self, run: Run, do: Do, entry: Entry) -> None:
        compensation = do.compensation
        assert compensation is not None, "only these are found"
        self._do, self._entry, self._run = do, entry, run
        super().__init__(
            run,
            _undone(do.key),
            compensation.function,
            (self._context(),),
            style=compensation.style,
            config=compensation.config,
        )

    def outcome(self, entry: Entry) -> Failure | None:
        """See `Operation.outcome`."""
        return _failure(entry)

    async def _called(self, entry: Entry) -> Any:
        context = self._context()  # a new one, whatever the attempt before has done to it
        if isinstance(context.output, Whole):
            context = dataclasses.replace(context, output=await context.output.value())
        self._arguments = (context,)
        return await super()._called(entry)

    def _stored(self, _value: Any) -> None:
        return None

    def _context(self) -> RollbackContext[Any]:
        undoing = self._run.activation.undoing
        assert undoing is not None, "this run is there to undo something"
        return self._do.undone(self._entry, failure.load(undoing.error, self._run.classes))


class _Lost:
    """The `Operation` that undoes a step for which today's code has no rollback."""

    def __init__(self, run: Run, key: Key, missing: Iterable[Key]) -> None:
        self.key = _undone(key)
        self.unseen: list[NewMoment] = []
        self._run = run
        self._missing = ", ".join(f'"{one}"' for one in missing)

    def started(self) -> Entry:
        """See `Operation.started`."""
        return Entry(self.key, self._run.next_ordinal(), State.RUNNING)

    async def live(self, entry: Entry) -> None:
        """See `Operation.live`."""
        error = StepError(
            "RollbackMissing",
            f"today's code does not call {self._missing} with a rollback any more, so it cannot be undone",
        )
        log.error("%s: %s", self._run.activation.ref.id, error)
        entry.state, entry.error = State.FAILED, failure.dump(error, self._run.classes)
        told = self._run.moment("rollback_step_errored", error=[error.type_name, error.message])
        await self._run.record(entry, told)

    def outcome(self, entry: Entry) -> Failure | None:
        """See `Operation.outcome`."""
        return _failure(entry)


def _started(journal: Mapping[Key, Entry]) -> dict[Key, Entry]:
    """What is to be undone: the step that started last comes first."""
    entries = [entry for entry in journal.values() if undoable(entry.config)]
    return {entry.key: entry for entry in sorted(entries, key=lambda entry: entry.ordinal, reverse=True)}


def _left(started: Iterable[Key], journal: Mapping[Key, Entry]) -> set[Key]:
    """Those of which an earlier run has not finished the undoing."""
    done = {key: entry for key in started if (entry := journal.get(_undone(key))) is not None and entry.ended}
    failed = any(entry.state is State.FAILED for entry in done.values())
    return set() if failed else set(started) - done.keys()


def _undone(key: Key) -> Key:
    return Key(Kind.ROLLBACK, key.name, key.occurrence)


def _failure(entry: Entry) -> Failure | None:
    return None if entry.error is None else failure.stored_failure(entry.error)


async def _quietly(replayed: Coroutine[Any, Any, object]) -> None:
    """What a replay comes to is known already."""
    try:
        await replayed
    except (asyncio.CancelledError, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001  # sys.exit() raises no Exception
        log.debug("the replay of a rollback ended with %r", error)
