"""`WorkflowInstance`: the handle of one instance."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from workflows import codec, decision, failure, history
from workflows.backend import Backend, Instance, Ref
from workflows.entry import Key, Kind
from workflows.errors import InstanceNotFound, StoreError, WorkflowError, WorkflowFailed
from workflows.export import exported
from workflows.lifecycle import Command
from workflows.receive import event_type
from workflows.streams.stream import StreamPart, StreamReset
from workflows.typed import TypedCodec, message, too_large
from workflows.types import FINAL, HistoryEvent, InstanceStatus

__all__ = ["Shape", "StepKind", "WorkflowInstance"]

StepKind = Literal["do", "sleep", "wait_for_event", "run_workflow", "race"]
_KINDS: dict[str, Kind] = {
    "do": Kind.DO,
    "sleep": Kind.SLEEP,
    "wait_for_event": Kind.WAIT,
    "run_workflow": Kind.CHILD,
    "race": Kind.RACE,
}


class Shape(Protocol):
    """What handles need to know of their workflow."""

    @property
    def name(self) -> str: ...
    @property
    def output(self) -> TypedCodec[Any]: ...
    @property
    def value_limit(self) -> int: ...


class WorkflowInstance:
    """A handle of one instance, bound to it at the first use: not to a later one that takes its id."""

    def __init__(self, backend: Backend, shape: Shape, id: str, ref: Ref | None = None) -> None:
        self.id = id
        self._backend = backend
        self._shape = shape
        self._bound = ref

    async def status(self) -> InstanceStatus:
        """How it is; everything in it is durable."""
        instance = await self._instance()
        finished = instance.finished_at
        return InstanceStatus(
            status=instance.status,
            output=None if instance.output is None else self._shape.output.decode(instance.output),
            error=None if instance.error is None else failure.stored_failure(instance.error),
            created_at=datetime.fromtimestamp(instance.created_at, UTC),
            finished_at=None if finished is None else datetime.fromtimestamp(finished, UTC),
            usage=await self._backend.usage(instance.ref),
            unasked=instance.unasked,
            undecided=await self._undecided(instance),
            reason=instance.reason,
            rollback=instance.rollback,
        )

    async def result(self) -> Any:
        """Waits for its end and returns its output; raises `WorkflowFailed` when it has none."""
        instance = await self._backend.finished(await self._ref())
        if instance.status == "complete":
            assert instance.output is not None
            return self._shape.output.decode(instance.output)
        if instance.error is None:
            raise WorkflowFailed(self._shape.name, self.id, instance.status)
        failed = failure.stored_failure(instance.error)
        raise WorkflowFailed(self._shape.name, self.id, instance.status, failed.name, failed.message)

    async def send_event(self, type: str, payload: object = None) -> None:
        """Sends an event; durable when this returns, and received by exactly one wait, now or later.

        Raises `InstanceFinished` when nobody can receive it any more.
        """
        ref = await self._ref()
        stored = message(payload)
        if (
            refusal := too_large(stored, f'the payload of event "{type}"', self._shape.value_limit)
        ) is not None:
            raise refusal
        await self._backend.send_event(ref, event_type(type), stored)

    async def decide(
        self,
        step: str,
        *,
        count: int = 1,
        rerun: bool = False,
        result: object = decision.NOT_GIVEN,
        error: str | None = None,
    ) -> None:
        """Says what becomes of a step that was interrupted and has `on_interrupted="ask"`.

        `rerun=True`: it runs again. `result=`: it has happened, and this is what it returned. `error=`: it
        fails for good with `StepInterrupted`. Durable when this returns; a step that does not ask (see
        `status().undecided`), or was decided about already, raises `WorkflowError`.
        """
        key = Key(Kind.DO, step, count)
        stored = decision.dump(key, rerun=rerun, result=result, error=error)
        if (refusal := too_large(stored, f"the result of step {key}", self._shape.value_limit)) is not None:
            raise refusal
        await self._backend.send_event(await self._ref(), decision.sent_as(key), stored, decides=key)

    async def pause(self) -> None:
        """No attempt starts any more; `paused` once those that run have ended. Finished: no effect."""
        await self._control("pause")

    async def resume(self) -> None:
        """Goes on; sleeps and time limits are longer by the pause, `sleep_until` is not."""
        await self._control("resume")

    async def terminate(self, *, rollback: bool = False) -> None:
        """Ends it at once, cancelling what runs. `InstanceFinished` when it had ended.

        With `rollback` the steps that have started are undone first, and this returns when they are; that it
        has begun is durable, so a caller that is cancelled meanwhile stops waiting, and nothing else.
        """
        await self._control("undo" if rollback else "terminate")
        if rollback:
            await self._backend.finished(await self._ref())

    async def restart(self, *, from_step: str | None = None, count: int = 1, kind: StepKind = "do") -> None:
        """Begins anew with the same id and params; all that is recorded is forgotten, events too.

        With `from_step` only that step (its `count`-th call of this name) is forgotten, and every one that
        started after it; events that were not received yet are kept.
        """
        if from_step is None:
            await self._control("restart")
            return
        if kind not in _KINDS:
            raise WorkflowError(f"kind {kind!r} is not known: use {', '.join(_KINDS)}")
        await self._control("rewind", Key(_KINDS[kind], from_step, count))

    async def delete(self) -> None:
        """Ends it without a trace, cancelling what runs; the id may be taken again."""
        await self._control("delete")

    async def subscribe(
        self, cursor: int = 0, *, filter: Iterable[str] | None = None
    ) -> AsyncIterator[HistoryEvent]:
        """What has happened after event number `cursor`, then what happens; ends when the instance ends.

        `filter` names the types of events that are wanted.
        """
        wanted = history.options(cursor, filter)
        instance = _whole(await self._instance())
        async for seen in self._backend.watch(instance.ref, cursor):
            if wanted is not None and seen.moment.type not in wanted:
                continue
            if seen.entry is None and seen.moment.type in history.ENDINGS:
                instance = _whole(await self._instance())
            yield history.shown(seen, instance)

    async def stream(
        self, name: str, /, count: int = 1, *, offset: int = 0
    ) -> AsyncIterator[StreamPart | StreamReset]:
        """What a step has streamed after `offset`, then what it streams; ends with the step or the instance.

        `name` is the step's, with the scopes around it, and `count` says which call with this name. May begin
        before the step does. At a `StreamReset`, forget what was read: a later attempt starts over.
        """
        if type(offset) is not int or offset < 0 or type(count) is not int or count < 1:
            raise WorkflowError(
                f"cannot read step {name!r} with count {count!r} from offset {offset!r}: "
                "give the offset of the last part that was read, 0 for all, and count from 1"
            )
        ref = (await self._instance()).ref
        async for chunk in self._backend.stream(ref, Key(Kind.DO, name, count), offset):
            if chunk.data is None:
                yield StreamReset(chunk.place, chunk.attempt)
            else:
                yield StreamPart(chunk.place, chunk.attempt, codec.decode(chunk.data))

    async def export(self, *, sensitive: bool = False) -> dict[str, Any]:
        """Its history as a document for `json.dumps`, to be replayed by a test: see `workflows.export`.

        With `sensitive`, the outputs of steps that are `sensitive="output"` are in it, too.
        """
        instance = _whole(await self._instance())
        return exported(instance, await self._backend.journal(instance.ref), sensitive=sensitive)

    async def _undecided(self, instance: Instance) -> tuple[str, ...]:
        return () if instance.status in FINAL else await self._backend.undecided(instance.ref)

    async def _control(self, command: Command, step: Key | None = None) -> None:
        await self._backend.control(await self._ref(), command, step=step)

    async def _ref(self) -> Ref:
        return self._bound or (await self._instance()).ref

    async def _instance(self) -> Instance:
        instance = await self._backend.find(self._shape.name, self.id)
        if instance is None or (self._bound is not None and self._bound != instance.ref):
            raise InstanceNotFound(f'instance.not_found: {self._shape.name} has no instance "{self.id}"')
        self._bound = instance.ref
        return instance


def _whole(instance: Instance) -> Instance:
    """What is to be shown as it was written."""
    if instance.damage is not None:
        raise StoreError(instance.damage.reason)
    return instance
