"""What users hold: the binding of a workflow, and handles of its instances."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

from workflows import codec, failure, history
from workflows.backend import Backend, Instance, NewInstance, Ref
from workflows.entry import Key, Kind
from workflows.errors import InstanceExists, InstanceNotFound, WorkflowError, WorkflowFailed
from workflows.lifecycle import Command
from workflows.receive import event_type
from workflows.stream import StreamPart, StreamReset
from workflows.typed import TypedCodec, message, too_large
from workflows.types import HistoryEvent, InstanceStatus

__all__ = ["Binding", "WorkflowInstance"]

P = TypeVar("P")
P_contra = TypeVar("P_contra", contravariant=True)

_ID = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_-]{0,99}")


_NO_PARAMS: dict[str, Any] = {}


def _checked(id: object) -> str:
    if not isinstance(id, str) or not _ID.fullmatch(id):
        error = WorkflowError("Workflow instance has invalid id")
        error.add_note(f"{id!r}: use letters, digits, _ and -, at most 100, not - first")
        raise error
    return id


class _Shape(Protocol):
    """What a binding needs to know of its workflow."""

    @property
    def name(self) -> str: ...
    @property
    def output(self) -> TypedCodec[Any]: ...
    @property
    def value_limit(self) -> int: ...
    def dump_params(self, params: object) -> bytes: ...


class WorkflowInstance:
    """A handle of one instance, bound to it at the first use: not to a later one that takes its id."""

    def __init__(self, backend: Backend, shape: _Shape, id: str, ref: Ref | None = None) -> None:
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
            reason=instance.reason,
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

    async def pause(self) -> None:
        """No attempt starts any more; `paused` once those that run have ended. Finished: no effect."""
        await self._control("pause")

    async def resume(self) -> None:
        """Goes on; sleeps and time limits are longer by the pause, `sleep_until` is not."""
        await self._control("resume")

    async def terminate(self) -> None:
        """Ends it at once, cancelling what runs. `InstanceFinished` when it had ended."""
        await self._control("terminate")

    async def restart(self) -> None:
        """Begins anew with the same id and params; all that is recorded is forgotten, events too."""
        await self._control("restart")

    async def subscribe(self, cursor: int = 0) -> AsyncIterator[HistoryEvent]:
        """What has happened after event number `cursor`, then what happens; ends when the instance ends."""
        if type(cursor) is not int or cursor < 0:
            error = WorkflowError("Invalid Workflow subscription options")
            error.add_note(f"cursor {cursor!r}: give the number of the last event that was seen, 0 for all")
            raise error
        instance = await self._instance()
        async for seen in self._backend.watch(instance.ref, cursor):
            if seen.entry is None and seen.moment.type in history.ENDINGS:
                instance = await self._instance()
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
        ref = await self._ref()
        async for chunk in self._backend.stream(ref, Key(Kind.DO, name, count), offset):
            if chunk.data is None:
                yield StreamReset(chunk.place, chunk.attempt)
            else:
                yield StreamPart(chunk.place, chunk.attempt, codec.decode(chunk.data))

    async def _control(self, command: Command) -> None:
        await self._backend.control(await self._ref(), command)

    async def _ref(self) -> Ref:
        return self._bound or (await self._instance()).ref

    async def _instance(self) -> Instance:
        instance = await self._backend.find(self._shape.name, self.id)
        if instance is None or (self._bound is not None and self._bound != instance.ref):
            raise InstanceNotFound(f'instance.not_found: {self._shape.name} has no instance "{self.id}"')
        self._bound = instance.ref
        return instance


class Binding(Generic[P]):
    """Creates and finds the instances of one workflow."""

    def __init__(self, backend: Backend, shape: _Shape) -> None:
        self._backend = backend
        self._shape = shape

    @property
    def name(self) -> str:
        """The name of the workflow."""
        return self._shape.name

    async def create(
        self, *, id: str | None = None, params: P | dict[str, Any] = _NO_PARAMS, exist_ok: bool = False
    ) -> WorkflowInstance:
        """A new instance, durable when this returns, and begun.

        `id` may have letters, digits, `_` and `-`; by default it is a UUID. A taken one raises
        `InstanceExists`, or with `exist_ok` gives that instance.
        """
        id = str(uuid.uuid4()) if id is None else _checked(id)
        stored = self._shape.dump_params(params)
        [created] = await self._backend.create([NewInstance(self.name, id, stored)])
        if created is not None:
            return WorkflowInstance(self._backend, self._shape, id, created.ref)
        if exist_ok:
            return self.get(id)
        raise InstanceExists(f'(instance.already_exists) Workflow instance with id "{id}" already exists')

    def get(self, id: str) -> WorkflowInstance:
        """A handle; an unknown id raises `InstanceNotFound` when the handle is first used."""
        return WorkflowInstance(self._backend, self._shape, id)
