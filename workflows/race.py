"""`step.race`: coroutines side by side, and one winner that every later run finds again.

Each branch runs in a task of its own. The first one that ends wins, and the winner is recorded before anybody
hears of it and before any loser is cancelled. A replay runs only the winner again, which is answered from
the journal; so the value needs no codec of its own, and an error is raised as on the first run.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import logging
from collections.abc import Coroutine, Generator, Iterable
from dataclasses import dataclass, replace
from typing import Any

import orjson

from workflows.backend import NewMoment
from workflows.branches import Branches, Losers, unused
from workflows.children import Children
from workflows.entry import Entry, Key, Kind, State
from workflows.errors import CannotDecode, StepError
from workflows.kin import child_of
from workflows.operation import Operation
from workflows.receive import Receive
from workflows.run import Run
from workflows.types import Raced

__all__ = ["Race"]

log = logging.getLogger("workflows")

_GRACE = 5.0


@dataclass(frozen=True, slots=True)
class _Decision:
    """What is recorded of a race."""

    winner: str
    left: bool
    """The losers go on."""
    lost: tuple[Key, ...] = ()
    """Steps that cancelled losers have called while they ran."""

    def pack(self) -> bytes:
        """As the result of an entry."""
        return orjson.dumps(
            {"winner": self.winner, "left": self.left, "lost": [tuple(key) for key in self.lost]}
        )

    @classmethod
    def unpack(cls, stored: bytes) -> _Decision:
        """The inverse of `pack`."""
        parts = orjson.loads(stored)
        lost = tuple(Key(Kind(kind), name, occurrence) for kind, name, occurrence in parts["lost"])
        return cls(parts["winner"], parts["left"], lost)


class _Begun:
    """The `Operation` that begins a race: it gives what was decided, if that is so already."""

    __slots__ = ("_branches", "_run", "key", "unseen")

    def __init__(self, run: Run, key: Key, branches: Branches) -> None:
        self.key = key
        self.unseen: list[NewMoment] = []
        self._run = run
        self._branches = branches

    def started(self) -> Entry:
        """See `Operation.started`."""
        self.unseen.append(self._run.moment("race_started"))
        return Entry(self.key, self._run.next_ordinal(), State.RUNNING)

    async def live(self, entry: Entry) -> None:
        """See `Operation.live`: its place before its branches is not waited for."""
        if self.unseen:
            started, self.unseen = self.unseen, []
            self._run.note(entry, started)

    def outcome(self, entry: Entry) -> _Decision | None:
        """See `Operation.outcome`."""
        if entry.result is None:
            return None
        decision = _Decision.unpack(entry.result)
        if decision.winner not in self._branches:
            raise CannotDecode(f'it was won by branch "{decision.winner}", which today\'s code does not have')
        return decision


class _Ended:
    """The `Operation` that records the winner."""

    __slots__ = ("_decision", "_run", "key", "unseen")

    def __init__(self, run: Run, key: Key, decision: _Decision) -> None:
        self.key = key
        self.unseen: list[NewMoment] = []
        self._run = run
        self._decision = decision

    def started(self) -> Entry:
        """See `Operation.started`."""
        raise AssertionError("the race has begun")

    async def live(self, entry: Entry) -> None:
        """See `Operation.live`."""
        entry.state, entry.result = State.DONE, self._decision.pack()
        await self._run.record(entry, self._run.moment("race_completed", winner=self._decision.winner))

    def outcome(self, entry: Entry) -> Entry:
        """See `Operation.outcome`."""
        return entry


class _Call(Coroutine[Any, Any, Raced[Any]]):
    """The coroutine of a race; cancelled before it begins, it closes its branches, as nobody else will."""

    __slots__ = ("_branches", "_coroutine")

    def __init__(self, coroutine: Coroutine[Any, Any, Raced[Any]], branches: Branches) -> None:
        self._coroutine = coroutine
        self._branches = branches

    def send(self, value: Any) -> Any:
        """See `Coroutine.send`."""
        return self._coroutine.send(value)

    def throw(self, error: Any, *more: Any) -> Any:
        """See `Coroutine.throw`."""
        self._unless_begun()
        return self._coroutine.throw(error, *more)

    def close(self) -> None:
        """See `Coroutine.close`."""
        self._unless_begun()
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Raced[Any]]:
        return self

    def __iter__(self) -> _Call:
        return self

    def __next__(self) -> Any:
        return self._coroutine.send(None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._coroutine, name)  # `inspect` looks at cr_frame and its like

    def __del__(self) -> None:
        self.close()

    def _unless_begun(self) -> None:
        if inspect.getcoroutinestate(self._coroutine) == inspect.CORO_CREATED:
            unused(self._branches)


class _Contest:
    """Who has won, from the moment on at which an event is taken for it.

    The event of a wait that wins is recorded as received a little later; until then nobody else may win, and
    once somebody else has won no event is taken any more: it stays for the next wait.
    """

    __slots__ = ("winner",)

    def __init__(self) -> None:
        self.winner: str | None = None

    def won_by(self, label: str) -> bool:
        """`label` is the winner, now at the latest."""
        self.winner = label if self.winner is None else self.winner
        return self.winner == label


class Race:
    """One call of `step.race`."""

    def __init__(self, run: Run, key: Key, branches: Branches, children: Children, *, losers: Losers) -> None:
        self._run = run
        self._key = key
        self._branches = dict(branches)
        self._children = children
        self._left = losers == "leave"
        self._steps = {label: _operation_of(branch) for label, branch in self._branches.items()}
        """Of the branches that are a step."""
        self._contest = _Contest()
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._called: dict[str, list[Key]] = {}
        """The steps that each branch has called while it ran."""

    def called(self) -> Coroutine[Any, Any, Raced[Any]]:
        """What the caller awaits."""
        return _Call(self.raced(), self._branches)

    async def raced(self) -> Raced[Any]:
        """Runs the branches, or what has to be run of them again."""
        try:
            decision = None if self._under_way() else await self._begun()
            if decision is None:
                winner = await self._decided()
            else:
                winner = await self._again(decision)
            return Raced(winner, self._value(winner))
        except asyncio.CancelledError:
            await self._cancel(self._tasks)
            raise
        finally:
            unused(self._branches)

    def _under_way(self) -> bool:
        """An earlier run has begun it: its branches go on, or wait at the gate, by themselves."""
        entry = self._run.activation.journal.get(self._key)
        return entry is not None and entry.state is State.RUNNING

    async def _begun(self) -> _Decision | None:
        return await self._run.perform(_Begun(self._run, self._key, self._branches))

    async def _decided(self) -> str:
        """Runs all branches, and records which one has won."""
        if not self._left:
            self._let_waits_claim()
        self._start(self._branches)
        done, _ = await asyncio.wait(self._tasks.values(), return_when=asyncio.FIRST_COMPLETED)
        self._contest.won_by(next(label for label, task in self._tasks.items() if task in done))
        winner = self._contest.winner
        assert winner is not None, "somebody has ended"
        if not self._tasks[winner].done():
            await asyncio.wait((self._tasks[winner],))
        losers = [label for label in self._branches if label != winner]
        decision = _Decision(winner, self._left, () if self._left else self._lost(losers))
        entry = await self._run.perform(_Ended(self._run, self._key, decision))
        if not self._left:
            await self._cancel(losers)
            if (lost := self._lost(losers)) != decision.lost:  # their cleanup has called steps, too
                entry.result = replace(decision, lost=lost).pack()
                self._run.note(entry, [])
        return winner

    async def _again(self, decision: _Decision) -> str:
        """Runs the winner once more, and those losers that were left."""
        winner = decision.winner
        if decision.left or self._run.activation.undoing is not None:  # no step runs then, but it is known
            self._start(self._branches)
        else:
            self._run.names.reserve(decision.lost)
            self._start([winner])
            steps = [step.key for label, step in self._steps.items() if step is not None and label != winner]
            await self._end_children((*steps, *decision.lost))
        await asyncio.wait((self._tasks[winner],))
        return winner

    def _start(self, labels: Iterable[str]) -> None:
        for label in labels:
            context = contextvars.copy_context()
            self._called[label] = context.run(self._run.names.trace)
            name = f"{self._key} {label}"
            task = asyncio.create_task(self._branches[label], name=name, context=context)
            task.add_done_callback(_looked_at)
            self._tasks[label] = task

    def _let_waits_claim(self) -> None:
        """Branches that are waits for events claim their victory with the event."""
        for label, step in self._steps.items():
            if isinstance(step, Receive):
                step.claim = functools.partial(self._contest.won_by, label)
                if step.has_received():
                    self._contest.won_by(label)

    def _lost(self, losers: Iterable[str]) -> tuple[Key, ...]:
        return tuple(key for label in losers for key in self._called[label])

    async def _end_children(self, lost: Iterable[Key]) -> None:
        """Cuts the waits for children that a crash has kept from being cut."""
        for key in lost:
            entry = self._run.activation.journal.get(key)
            if entry is not None and key.kind is Kind.CHILD and entry.state is State.WAITING:
                entry.state = State.CUT
                self._run.note(entry, [])
                await self._children.let_go(child_of(entry), self._run.activation.ref)

    async def _cancel(self, labels: Iterable[str]) -> None:
        """Cancels branches, and returns when they have ended; one that does not is left to itself."""
        tasks = [self._tasks[label] for label in labels if not self._tasks[label].done()]
        for task in tasks:
            if not task.cancelling():
                task.cancel()
        late = (await asyncio.wait(tasks, timeout=_GRACE))[1] if tasks else ()
        for task in late:
            log.warning(
                "%s: branch %s ignores its cancellation", self._run.activation.ref.id, task.get_name()
            )

    def _value(self, winner: str) -> Any:
        task = self._tasks[winner]
        if task.cancelled():
            raise StepError("CancelledError", f'branch "{winner}" was cancelled by its own code')
        return task.result()


def _looked_at(branch: asyncio.Task[Any]) -> None:
    """A loser that goes on may fail, and nobody awaits it."""
    if not branch.cancelled() and (error := branch.exception()) is not None:
        log.debug("%s ended with %r", branch.get_name(), error)


def _operation_of(coroutine: Coroutine[Any, Any, Any]) -> Operation[Any] | None:
    """The step that `coroutine`, which has not begun, is going to perform; None when it is something else."""
    if getattr(coroutine, "cr_code", None) is not Run.perform.__code__:
        return None
    operation: Operation[Any] = inspect.getcoroutinelocals(coroutine)["operation"]
    return operation
