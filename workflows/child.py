"""`step.run_workflow`: a child instance, exactly one whatever crashes, and a durable wait for its end.

First the entry is recorded, with the id of the child; then the child is created, unless it exists. Its end
comes as an event (`kin.py`), and what came out of it is recorded in the entry: from then on the child may be
deleted.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import Any, Literal, TypedDict

from workflows import failure
from workflows.backend import NewInstance, NewMoment, Ref
from workflows.binding import BoundDefinition
from workflows.children import Children
from workflows.entry import Entry, Key, Kind, State
from workflows.errors import (
    InstanceExists,
    InstanceNotFound,
    WorkflowError,
    WorkflowFailed,
)
from workflows.ids import checked_id
from workflows.kin import ChildId, End, child_of, end_type, noted
from workflows.run import Run
from workflows.typed import TypedCodec
from workflows.types import FINAL

__all__ = ["Child", "ChildOptions", "OnParentEnd"]

OnParentEnd = Literal["leave", "terminate"]
_UNFIT = re.compile(r"[^a-zA-Z0-9_]+")
_READABLE = 40
"""Characters of the parent's id, and of the step's name, in the id of a child."""


class ChildOptions(TypedDict, total=False):
    """What every form of `step.run_workflow` takes."""

    id: str | None
    on_parent_end: OnParentEnd


class Child:
    """The `Operation` of `step.run_workflow`."""

    __slots__ = ("_children", "_codec", "_definition", "_follows", "_id", "_params", "_run", "key", "unseen")

    def __init__(
        self,
        run: Run,
        key: Key,
        *,
        children: Children,
        definition: BoundDefinition,
        params: object,
        id: str | None,
        codec: TypedCodec[Any],
        on_parent_end: OnParentEnd,
    ) -> None:
        self.key = key
        self.unseen: list[NewMoment] = []
        self._run = run
        self._children = children
        self._definition = definition
        self._params = params
        self._id = id
        self._codec = codec
        self._follows = on_parent_end

    def started(self) -> Entry:
        """See `Operation.started`."""
        if self._follows not in ("leave", "terminate"):
            raise WorkflowError(f'on_parent_end {self._follows!r} is not known: use "leave" or "terminate"')
        self._definition.dump_params(self._params)
        id = self._own_id() if self._id is None else checked_id(self._id)
        child = ChildId(self._definition.name, id, self._follows == "terminate")
        self.unseen.append(self._run.moment("child_started", workflow=child.workflow, child=id))
        return Entry(self.key, self._run.next_ordinal(), State.WAITING, config=noted(child))

    async def live(self, entry: Entry) -> None:
        """See `Operation.live`."""
        run, child = self._run, child_of(entry)
        if entry.state is State.CUT:
            entry.attempts = 0  # who knows what has become of the child
        await run.begin_wait(self, entry)
        try:
            if not entry.attempts and (known := await self._see_to(entry, child)) is not None:
                return await self._record(entry, known)
            event = await run.waits.event(entry, end_type(child.workflow, child.id))
        except asyncio.CancelledError:
            if not run.let_go:
                await self._children.let_go(child, run.activation.ref)
            raise
        assert event is not None, "it is not waited for until a time"
        return await self._record(entry, _outcome(End.unpack(event.payload), child), consume=event.number)

    def outcome(self, entry: Entry) -> Any:
        """See `Operation.outcome`."""
        if entry.error is not None:
            raise failure.load(entry.error, self._run.classes)
        assert entry.result is not None
        return self._codec.decode(entry.result)

    async def _see_to(self, entry: Entry, child: ChildId) -> bytes | WorkflowError | None:
        """The child exists afterwards; what came out of it, when that is known already."""
        run = self._run
        backend, parent = self._children.backend, run.activation.ref.incarnation
        if self._id is not None and (rival := self._rival(entry, child)) is not None:
            return WorkflowError(
                f'step "{rival}" waits for {child.workflow} "{child.id}" already: give another id'
            )
        while not self._has_ended(child):
            [made] = await backend.create([self._new(child)])
            found = made or await backend.find(child.workflow, child.id)
            if found is None:
                continue  # it was deleted a moment ago
            if found.parent != parent:
                return InstanceExists(
                    f'{child.workflow} "{child.id}" exists, and step "{self.key}" did not create it: '
                    "give another id, or none"
                )
            if made is None and self._id is not None and found.status in FINAL:
                if (ended := await self._taken_up(found.ref, child)) is not None:
                    return ended
                continue
            break
        entry.attempts = 1
        run.note(entry, [])
        return None

    async def _taken_up(self, ref: Ref, child: ChildId) -> bytes | None:
        """The output of a child that ended in an earlier life of its parent; without one it begins anew."""
        backend = self._children.backend
        try:
            ended = await backend.finished(ref)  # the event of its end, if there is one, has come now
            if self._has_ended(child):
                return None
            if ended.output is not None:
                return ended.output
            await backend.control(ref, "restart")
        except InstanceNotFound:
            pass
        return None

    def _has_ended(self, child: ChildId) -> bool:
        wanted = end_type(child.workflow, child.id)
        return any(event.type == wanted for event in self._run.activation.inbox)

    def _rival(self, entry: Entry, child: ChildId) -> Key | None:
        """Another step that waits for the same child."""
        for other in self._run.activation.journal.values():
            waits = other.key.kind is Kind.CHILD and other.state is State.WAITING and other is not entry
            first = other.attempts or other.ordinal < entry.ordinal
            if waits and first and child_of(other)[:2] == child[:2]:
                return other.key
        return None

    def _new(self, child: ChildId) -> NewInstance:
        definition = self._definition
        return NewInstance(
            child.workflow,
            child.id,
            definition.dump_params(self._params),
            definition.kept(None),
            parent=self._run.activation.ref.incarnation,
            follows=child.follows,
        )

    def _own_id(self) -> str:
        """Another one for each step, each incarnation, and each time that the parent is restarted."""
        ref, epoch = self._run.activation.ref, self._run.activation.epoch
        unique = f"{ref.incarnation}:{epoch}:{self.key.name}:{self.key.occurrence}"
        digest = hashlib.sha256(unique.encode()).hexdigest()[:12]
        readable = (ref.id, _UNFIT.sub("-", self.key.name).strip("-"))
        return "-".join([*(part[:_READABLE] for part in readable if part), digest])

    async def _record(
        self, entry: Entry, outcome: bytes | WorkflowError, *, consume: int | None = None
    ) -> None:
        run = self._run
        if isinstance(outcome, bytes):
            entry.state, entry.result = State.DONE, outcome
            await run.record(entry, run.moment("child_completed"), consume=consume)
            return
        entry.state, entry.error = State.FAILED, failure.dump(outcome, run.classes)
        seen = failure.failure_of(outcome)
        failed = run.moment("child_errored", error=[seen.name, seen.message])
        await run.record(entry, failed, consume=consume)


def _outcome(end: End, child: ChildId) -> bytes | WorkflowError:
    if end.status == "complete":
        return end.stored
    if not end.stored:
        return WorkflowFailed(child.workflow, child.id, end.status)
    seen = failure.stored_failure(end.stored)
    return WorkflowFailed(child.workflow, child.id, end.status, seen.name, seen.message)
